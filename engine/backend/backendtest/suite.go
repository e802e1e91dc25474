// Package backendtest holds every backend to the contract of package backend:
// one suite, driven as an engine drives a backend, by the real scheduler over
// the real cache.
//
// # What is compared
//
// A call run alone, on a backend with one slot, its prompt in one chunk, is the
// reference. The same call must give the same tokens and bit-identical logits
// when its memory is paged in small blocks, when its prompt is cut into chunks,
// when its prefix is found in the cache or filled by another row of the same
// plan, when it shares a partly filled block and copies it on write, when it is
// preempted and recomputed, and beside up to 15 others: BE-1 to BE-5. Each of
// these has a test that also checks that the thing happened, and a property
// test mixes them at random, with masks that the host computes from the last
// token, forced tokens, early ends and drawn tokens.
//
// A backend whose Caps.Invariant is false is driven through the same, and its
// outputs are compared by length only.
//
// # What else
//
// Steps that do not fit are refused with an error, after which the backend only
// answers Close (BE-6); Close may be called twice; a decode step that asks for
// no logits allocates nothing; Caps are those that were asked for.
//
// # Golden vectors
//
// LoadGolden reads the vectors that scripts/golden made of a reference
// implementation, for backends that compute a model.
package backendtest

import (
	"testing"

	"tierlab/engine/backend"
)

// Sizes are what a backend is opened with.
type Sizes struct {
	Slots, Budget, Blocks, BlockTokens, Context int
}

// Suite says how to open the backend under test. All that it opens run the same
// model, whose vocabulary has at least 64 tokens.
type Suite struct {
	// Open opens a backend; the suite closes it.
	Open func(testing.TB, Sizes) backend.Backend
	// BlockTokens are the block sizes to test. The reference has the last one.
	BlockTokens []int
	// Emulated devices allocate on their own, so that nothing is counted.
	Emulated bool
	// Quick is for devices that are slow: one block size, beside a reference that
	// has the last, and a few cases of each kind.
	Quick bool
}

// tested are the block sizes under test.
func (s Suite) tested() []int {
	if s.Quick {
		return s.BlockTokens[:1]
	}
	return s.BlockTokens
}

// The sizes of every backend that the suite opens. Smaller ones are those of
// the scheduler and the cache that drive it.
const (
	context    = 256
	slots      = 16
	budget     = 320 // holds the longest context, so that a call alone is computed in one chunk
	heldTokens = slots * context
)

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Run("caps", s.caps)
	t.Run("invariance", s.invariance)
	t.Run("random", s.random)
	t.Run("refused", s.refused)
	t.Run("life", s.life)
	if !s.Emulated {
		t.Run("allocations", s.allocations)
	}
}

// open opens a backend with blocks of the given size.
func (s Suite) open(tb testing.TB, blockTokens, slots int) backend.Backend {
	tb.Helper()
	b := s.Open(tb, Sizes{Slots: slots, Budget: budget, Blocks: (heldTokens + blockTokens - 1) / blockTokens, BlockTokens: blockTokens, Context: context})
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return b
}

func (s Suite) caps(t *testing.T) {
	for _, size := range s.BlockTokens {
		c := s.open(t, size, slots).Caps()
		if c.Name == "" || c.Model == "" || c.Numerics == "" || c.Kernels == "" {
			t.Errorf("a name is missing: %+v", c)
		}
		if c.Slots != slots || c.Budget != budget || c.BlockTokens != size || c.Blocks != (heldTokens+size-1)/size || c.Context != context {
			t.Errorf("not the sizes asked for: %+v", c)
		}
		if c.Vocab < 64 || c.Depth < 0 || c.Depth > 16 || c.Threads < 0 || c.WeightBytes < 0 || c.CacheBytes < int64(heldTokens) {
			t.Errorf("figures that cannot be: %+v", c)
		}
	}
}
