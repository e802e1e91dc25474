package kernels

import "fmt"

// Numerics says in what precision a model is kept and computed.
type Numerics uint8

const (
	// F32 keeps weights, activations, keys and values in f32.
	F32 Numerics = iota
	// BF16 keeps weights, keys and values in bf16 and rounds activations and
	// probabilities to bf16 before each product; sums are f32.
	BF16
)

func (n Numerics) String() string {
	switch n {
	case F32:
		return "f32"
	case BF16:
		return "bf16"
	}
	return fmt.Sprintf("numerics(%d)", uint8(n))
}

// lineElems is the number of elements of one row in a cache line of 64 bytes,
// and so the depth of a step in k.
func (n Numerics) lineElems() int {
	if n == BF16 {
		return 32
	}
	return 16
}

// ISA is a set of instructions that the products are written for.
type ISA uint8

// The instruction sets, slowest first.
const (
	Portable   ISA = iota // Go
	AVX512                // F, BW, DQ, VL; bf16 is widened to f32
	AVX512BF16            // VDPBF16PS; BF16 only
	AMX                   // TDPBF16PS; BF16 only
)

var isaNames = [...]string{"portable", "avx512", "avx512-bf16", "amx"}

func (i ISA) String() string {
	if int(i) < len(isaNames) {
		return isaNames[i]
	}
	return fmt.Sprintf("isa(%d)", uint8(i))
}

// ParseISA reads a name as String writes it.
func ParseISA(s string) (ISA, error) {
	for i, name := range isaNames {
		if s == name {
			return ISA(i), nil
		}
	}
	return 0, fmt.Errorf("kernels %q: want one of %q", s, isaNames)
}

// Features are what the chip and the operating system offer this process.
type Features struct {
	AVX512     bool // F, BW, DQ and VL
	AVX512BF16 bool
	AMX        bool // TILE and BF16, with the kernel's permission to use tile data
}

// ISAs lists the instruction sets that can compute in n here, slowest first.
func (f Features) ISAs(n Numerics) []ISA {
	list := []ISA{Portable}
	if !f.AVX512 {
		return list
	}
	list = append(list, AVX512)
	if n != BF16 {
		return list
	}
	if f.AVX512BF16 {
		list = append(list, AVX512BF16)
	}
	if f.AMX {
		list = append(list, AMX)
	}
	return list
}

// Best is the fastest instruction set for n here.
func (f Features) Best(n Numerics) ISA {
	list := f.ISAs(n)
	return list[len(list)-1]
}
