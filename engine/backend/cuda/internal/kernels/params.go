package kernels

import (
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// The structs of step.cuh, field by field; a test compares their layouts.

// Counts says how much of a step's arrays counts.
type Counts struct {
	Rows, Tokens, Samples     int32
	DecodeItems, PrefillItems int32
	Updates                   int32
}

// Row is a row of a plan; see step.cuh.
type Row struct {
	Slot, Start, N, First int32
	Item, Items           int32
}

// Update is an entry of a slot's block table.
type Update struct {
	Slot, Index, Block int32
}

// Item is a piece of attention's work: a split of a decoding row's context, or
// a tile of another row's queries.
type Item struct {
	Row, Part int32
}

// Choose is a sample.Pick.
type Choose struct {
	Random                  uint64 // sample.Pick.Random
	Temperature, TopP, MinP float32
	TopK                    int32
	Forced, Mask            int32
	Slot                    int32
	_                       int32
}

// Chosen is what the device has chosen. A negative Token says why there is none.
type Chosen struct {
	Token, At int32
}

// The negative tokens of Chosen.
const (
	NotFinite = -1 // logit At of the row is
	NoneLeft  = -2 // by the mask
)

// The kernels' parameters.
type (
	TablesParams struct {
		Counts, Updates, Tables driver.Ptr
	}
	CopyBlockParams struct {
		Keys, Values             driver.Ptr
		LayerElements            int64
		Layers, From, To, Tokens int32
	}
	EmbedParams struct {
		Counts, IDs, TokenRow, Rows, Last, Table, H driver.Ptr
	}
	NormParams struct {
		Counts, H, Y, Weight, X, Gather driver.Ptr
	}
	KeysParams struct {
		Counts, TokenRow, Rows, Tables, QKV, Bias, QNorm, KNorm, Angles, Keys, Values driver.Ptr
	}
	AttendParams struct {
		Counts, Rows, Items, Tables, QKV, Keys, Values, Out, Partial, Scale driver.Ptr
	}
	SiluParams struct {
		Counts, GU, Y driver.Ptr
	}
	ProductParams struct {
		Count, W, X, Y, Workspace driver.Ptr
	}
	ChooseParams struct {
		Counts, Picks, Masks, Logits, Workspace, Last, Chosen driver.Ptr
	}
	SeededParams struct {
		To              driver.Ptr
		First, Elements int64
		A, B            uint32
		Scale           float32
		IsFloat         int32
	}
	AnglesParams struct {
		Frequencies, Angles driver.Ptr
		Positions           int32
		_                   int32
	}
)

// Bytes are the bytes of a kernel's parameter, as driver.Launch takes them. They
// are p's own.
func Bytes[P any](p *P) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p)) }
