package main

import "fmt"

// ceilings writes what the products are compared with: loops that only compute
// and one that only reads.
func ceilings() []byte {
	a := newAsm()
	a.line("")
	a.line("// func peakTilesAMX(config *tileConfig, n uint64)")
	a.line("TEXT ·peakTilesAMX(SB), NOSPLIT, $0-16")
	a.op("MOVQ config+0(FP), DI")
	a.op("MOVQ n+8(FP), AX")
	a.raw(vex(0, 0x49, regDI), "LDTILECFG (DI)")
	for t := range 8 {
		a.raw(vex(3, 0x49, 0xc0|t<<3), fmt.Sprintf("TILEZERO T%d", t))
	}
	a.line("again:")
	for t := range 4 {
		tileDot(a, t, tileA+t/2, tileB+t%2)
	}
	a.op("DECQ AX")
	a.op("JNE again")
	a.raw(vex(0, 0x49, 0xc0), "TILERELEASE")
	a.op("RET")

	peakVectors(a)
	readLoop(a)
	return a.Bytes()
}

// peakVectors writes the loops of vector products, with 16 sums in flight.
func peakVectors(a *asm) {
	for _, k := range []struct {
		name string
		step func(z int)
	}{
		{"peakF32AVX512", func(z int) { a.op("VFMADD231PS Z30, Z31, Z%d", z) }},
		{"peakDotAVX512", func(z int) { a.raw(vdpbf16ps(z, 30, 31), fmt.Sprintf("VDPBF16PS Z31, Z30, Z%d", z)) }},
	} {
		a.line("")
		a.line("// func %s(n uint64)", k.name)
		a.line("TEXT ·%s(SB), NOSPLIT, $0-8", k.name)
		a.op("MOVQ n+0(FP), AX")
		for z := range 16 {
			a.op("VPXORD Z%d, Z%d, Z%d", z, z, z)
		}
		a.op("VPXORD Z30, Z30, Z30")
		a.op("VPXORD Z31, Z31, Z31")
		a.line("again:")
		for z := range 16 {
			k.step(z)
		}
		a.op("DECQ AX")
		a.op("JNE again")
		a.op("VZEROUPPER")
		a.op("RET")
	}
}

// readLoop writes the loop that only reads.
func readLoop(a *asm) {
	a.line("")
	a.line("// func readAVX512(p unsafe.Pointer, kib uint64)")
	a.line("TEXT ·readAVX512(SB), NOSPLIT, $0-16")
	a.op("MOVQ p+0(FP), SI")
	a.op("MOVQ kib+8(FP), AX")
	a.line("again:")
	for l := range 16 {
		a.op("PREFETCHT0 %d(SI)", 4096+64*l)
		a.op("VMOVDQU64 %d(SI), Z%d", 64*l, l%8)
	}
	a.op("ADDQ $1024, SI")
	a.op("DECQ AX")
	a.op("JNE again")
	a.op("VZEROUPPER")
	a.op("RET")
}
