package main

import "fmt"

// Registers of a vector product. Sums are in Z0 to Z15, row by row.
const (
	weights = 16 // Z16, Z17: a step of each panel; the widening product keeps odd k here
	evens   = 18 // Z18, Z19: even k of the widening product
	x, xOdd = 20, 21
	mask    = 31
)

// kind is one of the three vector products.
type kind struct {
	name string
	// begin sets up registers, step multiplies one step of 64 bytes of each panel,
	// at the j-th place of the line, by the rows' activations.
	begin func(a *asm)
	step  func(a *asm, rows, panels, j int)
}

// vectorProducts writes one function for each kind, with a variant for each shape
// that it jumps to: c is in DX, a in SI, b in BX, and the strides in bytes of a
// row of c in CX, of a line of a in R8, of a panel in R9; R10 has the lines, R11
// whether to add.
func vectorProducts() []byte {
	a := newAsm()
	for _, k := range []kind{
		{"mulF32AVX512", func(*asm) {}, stepF32},
		{"mulWidenAVX512", beginWiden, stepWiden},
		{"mulDotAVX512", func(*asm) {}, stepDot},
	} {
		a.text(k.name)
		k.begin(a)
		shapes := []int{8, 4, 2, 1}
		for _, rows := range shapes {
			for _, panels := range []int{2, 1} {
				a.op("CMPQ R13, $%d", 2*rows+panels)
				a.op("JEQ r%dp%d", rows, panels)
			}
		}
		a.op("RET")
		for _, rows := range shapes {
			for _, panels := range []int{2, 1} {
				vectorProduct(a, k, rows, panels)
			}
		}
	}
	return a.Bytes()
}

func vectorProduct(a *asm, k kind, rows, panels int) {
	name := fmt.Sprintf("r%dp%d", rows, panels)
	a.line("")
	a.line("%s:", name)
	for i := range rows * panels {
		a.op("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	a.op("TESTQ R11, R11")
	a.op("JEQ %sline", name)
	eachSum(a, rows, panels, func(mem string, z int) { a.op("VMOVUPS %s, Z%d", mem, z) })

	a.line("%sline:", name)
	a.op("MOVQ $4, R12")
	a.line("%squarter:", name)
	if rows == 1 {
		streamWeights(a, "BX", panels, 4)
	}
	for j := range 4 {
		k.step(a, rows, panels, j)
	}
	a.op("ADDQ $16, SI")
	a.op("ADDQ $256, BX")
	a.op("DECQ R12")
	a.op("JNE %squarter", name)
	a.op("LEAQ -64(SI)(R8*1), SI")
	a.op("DECQ R10")
	a.op("JNE %sline", name)

	eachSum(a, rows, panels, func(mem string, z int) { a.op("VMOVUPS Z%d, %s", z, mem) })
	a.op("VZEROUPPER")
	a.op("RET")
}

// eachSum visits the sums with their places in c.
func eachSum(a *asm, rows, panels int, visit func(mem string, z int)) {
	a.op("MOVQ DX, R13")
	for r := range rows {
		for p := range panels {
			visit(fmt.Sprintf("%d(R13)", 64*p), r*panels+p)
		}
		a.op("ADDQ CX, R13")
	}
}

func weightsAt(panel, offset int) string {
	if panel == 0 {
		return fmt.Sprintf("%d(BX)", offset)
	}
	return fmt.Sprintf("%d(BX)(R9*1)", offset)
}

// stepF32 multiplies one k.
func stepF32(a *asm, rows, panels, j int) {
	for p := range panels {
		a.op("VMOVUPS %s, Z%d", weightsAt(p, 64*j), weights+p)
	}
	for r := range rows {
		a.op("VBROADCASTSS %d(SI), Z%d", 64*r+4*j, x)
		for p := range panels {
			a.op("VFMADD231PS Z%d, Z%d, Z%d", weights+p, x, r*panels+p)
		}
	}
}

// beginWiden makes the mask of odd k, the upper halves of pairs.
func beginWiden(a *asm) {
	a.op("MOVL $0xffff0000, AX")
	a.op("VPBROADCASTD AX, Z%d", mask)
}

// stepWiden multiplies a pair of k, the even one first, each as f32.
func stepWiden(a *asm, rows, panels, j int) {
	for p := range panels {
		a.op("VMOVDQU32 %s, Z%d", weightsAt(p, 64*j), weights+p)
		a.op("VPSLLD $16, Z%d, Z%d", weights+p, evens+p)
		a.op("VPANDD Z%d, Z%d, Z%d", mask, weights+p, weights+p)
	}
	for r := range rows {
		a.op("VPBROADCASTD %d(SI), Z%d", 64*r+4*j, xOdd)
		a.op("VPSLLD $16, Z%d, Z%d", xOdd, x)
		a.op("VPANDD Z%d, Z%d, Z%d", mask, xOdd, xOdd)
		for p := range panels {
			a.op("VFMADD231PS Z%d, Z%d, Z%d", evens+p, x, r*panels+p)
			a.op("VFMADD231PS Z%d, Z%d, Z%d", weights+p, xOdd, r*panels+p)
		}
	}
}

// stepDot multiplies a pair of k by VDPBF16PS.
func stepDot(a *asm, rows, panels, j int) {
	for p := range panels {
		a.op("VMOVDQU32 %s, Z%d", weightsAt(p, 64*j), weights+p)
	}
	for r := range rows {
		a.op("VPBROADCASTD %d(SI), Z%d", 64*r+4*j, x)
		for p := range panels {
			sum := r*panels + p
			a.raw(vdpbf16ps(sum, x, weights+p), fmt.Sprintf("VDPBF16PS Z%d, Z%d, Z%d", weights+p, x, sum))
		}
	}
}

// vdpbf16ps encodes dst += a.b for pairs of bf16 in zmm registers:
// EVEX.512.F3.0F38.W0 52 /r (Intel SDM, volume 2).
func vdpbf16ps(dst, a, b int) []byte {
	bit := func(v, i int) byte { return byte(^v >> i & 1) } // EVEX keeps these inverted
	return []byte{
		0x62,
		bit(dst, 3)<<7 | bit(b, 4)<<6 | bit(b, 3)<<5 | bit(dst, 4)<<4 | 2, // R X B R', map 0F38
		byte(^a&15)<<3 | 1<<2 | 2, // W0, vvvv, F3
		2<<5 | bit(a, 4)<<3,       // 512 bits, V'
		0x52,
		0xc0 | byte(dst&7)<<3 | byte(b&7),
	}
}
