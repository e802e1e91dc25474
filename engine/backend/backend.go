// Package backend is the border between an engine's decisions and the device
// that computes them. The scheduler plans over numbers of blocks and slots; a
// backend holds the weights and the memory behind those numbers and runs one
// plan after another.
//
// # What a backend promises
//
//	BE-1  Steps run in the order in which they were submitted, and Wait reports
//	      them in that order.
//	BE-2  A plan's copies run first. Within a layer, the keys and values of all
//	      rows are written before any row attends, so a row may read a block
//	      that another row of the same step fills.
//	BE-3  A row's table is kept by its slot: NewBlocks replace the table from
//	      FirstBlock on. A row attends to positions 0 to Start+N-1 of its table,
//	      causally.
//	BE-4  A FromDevice row's last input token is the one that the step before
//	      chose for its slot.
//	BE-5  Batch invariance (Caps.Invariant): a row's logits have the same bits
//	      whatever runs beside it, however its prompt was cut into chunks, and
//	      whether its prefix was computed or found.
//	BE-6  Submit, Wait and Close never leave a device half-used: after an error
//	      the backend only answers Close.
//
// Package backendtest holds every backend to these.
//
// # What backends share
//
// Caps.Check refuses a step that does not fit before anything of it runs. Slots
// keeps what a backend must remember on the host between steps: each slot's
// block table, and the token chosen last for it.
package backend

import (
	"time"

	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// Backend computes plans. It is used by one goroutine at a time.
type Backend interface {
	Caps() Caps
	// Submit starts a step. The step, and all it refers to, belongs to the
	// backend until the Wait for it has returned. At most Caps.Depth+1 steps
	// are under way.
	Submit(*Step) error
	// Wait waits for the oldest step under way and puts what came of it into r,
	// whose slices it reuses.
	Wait(r *Result) error
	Close() error
}

// Caps are what an engine must know of a backend.
type Caps struct {
	Name     string // "null", "cpu", "cuda"
	Model    string
	Numerics string // "f32", "bf16": what weights, activations and cache are kept in
	Kernels  string // what runs the products: "portable", "avx512", "avx512-bf16", "amx", ...
	Threads  int    // on the host; 0 where the device computes

	Vocab       int // length of a row of logits
	Context     int // longest context in tokens
	Slots       int // most rows of a step
	Budget      int // most tokens of a step
	Blocks      int // of the key-value memory
	BlockTokens int
	Depth       int  // steps that may be submitted ahead of the one that is due
	Invariant   bool // BE-5 holds
	// Locked asks for all calls from one thread of the system, to which a device
	// is bound: a loop that calls it locks its goroutine to its thread.
	Locked bool

	WeightBytes, CacheBytes int64 // memory taken by weights, and by keys and values
}

// Phased may be implemented by a backend beside Backend: by one whose opening
// takes long enough to ask where the time went.
type Phased interface {
	// Phases are the parts of the backend's opening, in the order in which they
	// began. Parts that ran at the same time, such as weights and kernels, each
	// count in whole.
	Phases() []Phase
}

// Phase is a part of a start.
type Phase struct {
	Name string // "weights", "kernels", ...
	Took time.Duration
}

// Step is one plan with what the plan does not know: tokens and how to choose
// the next ones.
type Step struct {
	Plan *sched.Plan
	// Tokens are the input ids of all rows, end to end in the plan's order:
	// Plan.Shape.Tokens of them. The last one of a FromDevice row is ignored.
	Tokens []int32
	// Picks has one entry for each row with Sample, in the plan's order.
	Picks []sample.Pick
}

// Result is what came of a step.
type Result struct {
	Plan    uint64          // Plan.ID
	Choices []sample.Choice // one for each Pick
}
