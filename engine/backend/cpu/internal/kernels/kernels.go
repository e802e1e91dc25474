package kernels

import "fmt"

// Kernels are the inner loops of one numerics on one instruction set. It is
// immutable, and its methods may be called by several goroutines at once as far
// as they write to different places.
type Kernels struct {
	num Numerics
	isa ISA
	ops ops
}

// ops are the loops that differ between instruction sets.
type ops struct {
	mulF32 func(product[float32])
	mulB16 func(product[uint16])
	// scoresB16 and sumB16 are scoreBlocks and sumBlocks.
	scoresB16 func(p product[uint16], blocks []int)
	sumB16    func(p product[uint16], blocks []int)

	putB16     func(dst []uint16, step int, v []float32)
	putKVB16   func(keys, values []uint16, step int, k, v []float32)
	softmaxF32 func(p, s []float32, lds, width int, rows []softmaxRow, scale float32)
	softmaxB16 func(p []uint16, s []float32, lds, width int, rows []softmaxRow, scale float32)

	rmsNorm func(dst, x, w []float32, eps float32)
	swiGLU  func(dst, gate, up []float32)
	add     func(dst, x []float32)
	scale   func(dst, x []float32, f float32)
	rope    func(x, cos, sin []float32)

	read      func(b []byte) // a multiple of 1 KiB
	peak      func(rounds int)
	peakRound float64 // operations of a round
}

// New gives the loops for num on isa, which Detect().ISAs(num) must list.
func New(num Numerics, isa ISA) (*Kernels, error) {
	for _, have := range Detect().ISAs(num) {
		if have == isa {
			return &Kernels{num: num, isa: isa, ops: opsFor(isa)}, nil
		}
	}
	return nil, fmt.Errorf("kernels %s for %s are not available: this machine has %v", isa, num, Detect().ISAs(num))
}

// Numerics is what the loops compute in.
func (k *Kernels) Numerics() Numerics { return k.num }

// ISA is what the loops are written for.
func (k *Kernels) ISA() ISA { return k.isa }

func portableOps() ops {
	o := ops{
		mulF32: mulF32,
		putB16: putB16, putKVB16: putKVB16, softmaxF32: softmaxF32, softmaxB16: softmaxB16,
		rmsNorm: rmsNorm, swiGLU: swiGLU, add: add, scale: scale, rope: rope,
		read: readBytes, peak: portablePeak, peakRound: portablePeakRound,
	}
	o.multiplyB16(mulB16)
	return o
}

// multiplyB16 sets all products of bf16 from one.
func (o *ops) multiplyB16(mul func(product[uint16])) {
	o.mulB16 = mul
	o.scoresB16 = func(p product[uint16], blocks []int) { scoreBlocks(mul, p, blocks) }
	o.sumB16 = func(p product[uint16], blocks []int) { sumBlocks(mul, p, blocks) }
}
