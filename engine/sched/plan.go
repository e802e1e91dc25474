package sched

import (
	"time"

	"tierlab/engine/kv"
)

// Row is one sequence's part of an iteration: N tokens from position Start.
type Row struct {
	Seq        uint64     // Request.ID
	Slot       int32      // the backend's place for the sequence's table and last token, 0 <= Slot < Config.Slots
	Start, N   int32      // the tokens whose keys and values are computed; they attend to all before them
	Sample     bool       // the last token's logits give the sequence's next token
	FromDevice bool       // the last input token is the one that an uncommitted plan samples in this slot
	FirstBlock int32      // index in the table of NewBlocks[0]
	NewBlocks  []kv.Block // entries of the table from FirstBlock to its end; only with Config.Tables
}

// Plan is one iteration. Its slices are reused by the next call with the same
// Plan.
type Plan struct {
	ID   uint64
	Rows []Row
	// Admitted is how many of the rows, the last ones, are of sequences that
	// this plan lets in: their Start is what was resident.
	Admitted int
	Copies   []kv.Copy // to run in this order before any row
	Shape    Shape
	// StableFor is the number of iterations after this one that have the same
	// rows, each one token on, unless Add or Cancel is called, a sequence ends
	// early, or an iteration begins at StableUntil or later. It holds for the
	// plan that is alone in flight.
	StableFor   int
	StableUntil time.Duration

	blocks []kv.Block // what the rows' NewBlocks are parts of
}

func (p *Plan) reset() {
	*p = Plan{Rows: p.Rows[:0], Copies: p.Copies[:0], blocks: p.blocks[:0]}
}

// Shape is what an iteration's duration follows from.
type Shape struct {
	Rows    int32 // sequences
	Tokens  int32 // positions computed, over all rows
	Prefill int32 // of Tokens, those in rows of more than one
	Samples int32 // rows that sample
	Context int64 // tokens whose keys and values are read: over rows, Start + N
	Pairs   int64 // query-key pairs: over rows, N x Start + N x (N+1) / 2
}

// With is the shape with one more row.
func (s Shape) With(start, n int32, sample bool) Shape {
	s.Rows++
	s.Tokens += n
	if n > 1 {
		s.Prefill += n
	}
	if sample {
		s.Samples++
	}
	s.Context += int64(start) + int64(n)
	s.Pairs += int64(n)*int64(start) + int64(n)*int64(n+1)/2
	return s
}

// After is the shape of a stable plan's iteration i, where 0 is the planned one.
func (s Shape) After(i int) Shape {
	s.Context += int64(i) * int64(s.Rows)
	s.Pairs += int64(i) * int64(s.Rows)
	return s
}

// Coster is a model of an iteration's duration. It is pure, and does not
// decrease when a row is added or grows.
type Coster interface {
	StepTime(Shape) time.Duration
}

// Sampled is what came of a row with Sample.
type Sampled struct {
	Token int32
	End   bool // an end-of-sequence token, or a stop string: the sequence is over, unless Forced
}

// Outcome reports that a plan has run.
type Outcome struct {
	Plan uint64
	// Sampled has one entry for each row with Sample, in the plan's order. Nil
	// stands for the tokens that Request.Salt names and no early end.
	Sampled []Sampled
	// Iterations, if above 1, says that the plan and the stable iterations
	// after it have run: at most 1 + StableFor, with Sampled nil.
	Iterations int
	// Under says that one more stable iteration is under way: it stays in
	// flight, under the plan's id + Iterations, as if Next had been asked for it
	// at the beginning of that iteration.
	Under bool
}

// Kind is what happened to a sequence.
type Kind uint8

// The kinds of events.
const (
	Started   Kind = iota + 1 // it entered its first plan, or its first after a preemption; N tokens were resident
	Preempted                 // its blocks went to others; N tokens will be recomputed, less what stays resident
	Produced                  // N output tokens were committed
	Finished                  // after MaxTokens tokens; N is the number of its output tokens
	Stopped                   // by Sampled.End; N as above
)

// Event tells the driver what became of a sequence.
type Event struct {
	At   time.Duration
	Seq  uint64
	Kind Kind
	N    int32
}
