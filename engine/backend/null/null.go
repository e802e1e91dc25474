package null

import (
	"errors"
	"fmt"
	"math"
	"time"

	"tierlab/engine/backend"
	"tierlab/engine/sched"
)

// Config sizes the backend. All sizes are at least 1.
type Config struct {
	Model       string // its name; "" is "null"
	Vocab       int
	Context     int // longest context in tokens
	Slots       int // most rows of a step
	Budget      int // most tokens of a step
	Blocks      int
	BlockTokens int
	Depth       int // 0 or 1

	// StepTime, if not nil, is how long a step of that shape takes.
	StepTime func(sched.Shape) time.Duration
}

func (c Config) validate() error {
	for _, s := range []struct {
		name  string
		value int
	}{
		{"vocab", c.Vocab}, {"context", c.Context}, {"slots", c.Slots},
		{"budget", c.Budget}, {"blocks", c.Blocks}, {"block_tokens", c.BlockTokens},
	} {
		if s.value < 1 || s.value > math.MaxInt32 {
			return fmt.Errorf("null: %s is %d, want 1..%d", s.name, s.value, math.MaxInt32)
		}
	}
	if int64(c.Blocks)*int64(c.BlockTokens) > math.MaxInt32 {
		return fmt.Errorf("null: %d blocks of %d tokens hold more than 2^31-1 tokens", c.Blocks, c.BlockTokens)
	}
	if c.Depth < 0 || c.Depth > 1 {
		return fmt.Errorf("null: depth is %d, want 0 or 1", c.Depth)
	}
	return nil
}

// Backend computes nothing; see the package comment.
type Backend struct {
	caps     backend.Caps
	stepTime func(sched.Shape) time.Duration
	slots    *backend.Slots
	memory   []int32 // [block][offset] token ids
	way      []submitted
	busy     time.Time // when the last step submitted ends
	failed   error
}

// submitted is a step under way.
type submitted struct {
	step *backend.Step
	ends time.Time
}

// The errors of a backend that is not driven as it should be.
var (
	errFull   = errors.New("null: Submit with Depth + 1 steps under way")
	errIdle   = errors.New("null: Wait with no step under way")
	errClosed = errors.New("null: the backend is closed")
)

// Open makes a backend.
func Open(c Config) (*Backend, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Model == "" {
		c.Model = "null"
	}
	b := &Backend{
		caps: backend.Caps{
			Name: "null", Model: c.Model, Numerics: "none", Kernels: "none",
			Vocab: c.Vocab, Context: c.Context, Slots: c.Slots, Budget: c.Budget,
			Blocks: c.Blocks, BlockTokens: c.BlockTokens, Depth: c.Depth, Invariant: true,
			CacheBytes: 4 * int64(c.Blocks) * int64(c.BlockTokens),
		},
		stepTime: c.StepTime,
		memory:   make([]int32, c.Blocks*c.BlockTokens),
		way:      make([]submitted, 0, c.Depth+1),
	}
	b.slots = backend.NewSlots(&b.caps)
	return b, nil
}

// Caps says what the backend is.
func (b *Backend) Caps() backend.Caps { return b.caps }

// Submit starts a step.
func (b *Backend) Submit(s *backend.Step) error {
	if b.failed != nil {
		return b.failed
	}
	if len(b.way) > b.caps.Depth {
		return b.fail(errFull)
	}
	if err := b.caps.Check(s); err != nil {
		return b.fail(err)
	}
	at := submitted{step: s}
	if b.stepTime != nil {
		if now := time.Now(); b.busy.Before(now) {
			b.busy = now
		}
		b.busy = b.busy.Add(b.stepTime(s.Plan.Shape))
		at.ends = b.busy
	}
	b.way = append(b.way, at)
	return nil
}

// Wait waits for the oldest step and runs it.
func (b *Backend) Wait(r *backend.Result) error {
	if b.failed != nil {
		return b.failed
	}
	if len(b.way) == 0 {
		return b.fail(errIdle)
	}
	at := b.way[0]
	b.way = b.way[:copy(b.way, b.way[1:])]
	if b.stepTime != nil {
		time.Sleep(time.Until(at.ends))
	}
	if err := b.run(at.step, r); err != nil {
		return b.fail(err)
	}
	return nil
}

// Close frees the memory. Closing twice is no error.
func (b *Backend) Close() error {
	b.failed = errClosed
	b.memory, b.slots, b.way = nil, nil, nil
	return nil
}

func (b *Backend) fail(err error) error {
	b.failed = err
	return err
}
