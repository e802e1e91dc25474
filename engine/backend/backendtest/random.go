package backendtest

import (
	"testing"

	"pgregory.net/rapid"

	"tierlab/engine/backend"
	"tierlab/engine/sample"
)

// quickCases is how many random cases Suite.Quick leaves.
const quickCases = 6

// random mixes everything: whatever the scheduler makes of a workload, each
// call is what it is alone.
func (s Suite) random(t *testing.T) {
	ref := s.open(t, s.BlockTokens[len(s.BlockTokens)-1], 1)
	under := make([]backend.Backend, len(s.tested()))
	for i, size := range s.tested() {
		under[i] = s.open(t, size, slots)
	}
	cases := 0
	rapid.Check(t, func(rt *rapid.T) {
		if cases++; s.Quick && cases > quickCases {
			return
		}
		b := rapid.SampledFrom(under).Draw(rt, "backend")
		caps := b.Caps()
		calls := make([]*call, rapid.IntRange(1, slots).Draw(rt, "calls"))
		longest := 1
		for i := range calls {
			calls[i] = drawCall(rt, i, calls, caps.Vocab)
			longest = max(longest, len(calls[i].prompt)+calls[i].maxTokens)
		}
		l := limits{slots: rapid.IntRange(1, slots).Draw(rt, "slots")}
		l.budget = min(caps.Budget, l.slots+caps.BlockTokens+rapid.IntRange(0, 100).Draw(rt, "budget"))
		l.blocks = min(caps.Blocks, (longest+caps.BlockTokens-1)/caps.BlockTokens+rapid.IntRange(0, 300/caps.BlockTokens).Draw(rt, "blocks"))
		e := newEngine(rt, b, l)
		for i, c := range calls {
			e.add(uint64(i+1), c)
			for range rapid.IntRange(0, 3).Draw(rt, "steps") {
				e.step()
			}
		}
		e.finish()
		for _, c := range calls {
			same(rt, caps.Invariant, "beside others", c, alone(rt, ref, c))
		}
	})
}

func drawCall(rt *rapid.T, i int, before []*call, vocab int) *call {
	c := &call{maxTokens: rapid.IntRange(1, 20).Draw(rt, "max tokens")}
	n := rapid.IntRange(1, 80).Draw(rt, "length")
	c.prompt = prompt(rapid.Uint64Range(0, 3).Draw(rt, "prompt"), n, vocab) // few, so that prefixes are common
	if i > 0 && rapid.IntRange(0, 3).Draw(rt, "forks") == 0 {
		parent := rapid.IntRange(0, i-1).Draw(rt, "parent")
		c.prompt, c.fork = before[parent].prompt, uint64(parent+1)
	}
	if rapid.Bool().Draw(rt, "drawn") {
		c.params = sample.Params{Temperature: 0.8, TopP: 0.9, Seed: uint64(i)}
	}
	c.masked = rapid.IntRange(0, 3).Draw(rt, "masked") == 0
	c.ends = rapid.Bool().Draw(rt, "ends")
	if !c.masked && rapid.IntRange(0, 3).Draw(rt, "forced") == 0 {
		c.forced = prompt(uint64(i), c.maxTokens, vocab)
	}
	return c
}
