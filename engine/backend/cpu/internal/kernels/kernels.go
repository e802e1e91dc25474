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
	// mulF32 and mulB16 compute c[i*ldc+r] = sum over k of a[i][k] * b[r][k], or
	// add that to c with acc, for n rows of a, laid out as in Panel with the given
	// lines in a row, and 16*panels rows of b, laid out as in Matrix.
	mulF32 func(c []float32, ldc int, a []float32, n int, b []float32, lines, panels int, acc bool)
	mulB16 func(c []float32, ldc int, a []uint16, n int, b []uint16, lines, panels int, acc bool)

	putB16  func(dst []uint16, step int, v []float32)
	softmax func(s []float32, visible int, scale float32, m, l float32) (float32, float32, float32)

	rmsNorm func(dst, x, w []float32, eps float32)
	swiGLU  func(dst, gate, up []float32)
	add     func(dst, x []float32)
	scale   func(dst []float32, f float32)

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
	return ops{
		mulF32: mulF32, mulB16: mulB16,
		putB16: putB16, softmax: softmax,
		rmsNorm: rmsNorm, swiGLU: swiGLU, add: add, scale: scale,
		read: readBytes, peak: portablePeak, peakRound: portablePeakRound,
	}
}
