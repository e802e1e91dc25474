package backendtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/sample"
)

func bits(f float32) uint32 { return math.Float32bits(f) }

// prompt is n tokens that follow from seed.
func prompt(seed uint64, n, vocab int) []int32 {
	r := rand.New(rand.NewPCG(seed, 1))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(vocab))
	}
	return ids
}

// bench is a backend under test beside the reference.
type bench struct {
	*testing.T
	b, ref backend.Backend
	caps   backend.Caps
	all    limits // everything that the backend has
	quick  bool
}

// check runs calls on the backend within limits and compares each with itself
// alone.
func (b bench) check(l limits, calls ...*call) *engine {
	b.Helper()
	e := newEngine(b, b.b, l)
	for i, c := range calls {
		e.add(uint64(i+1), c)
	}
	e.finish()
	b.compare(calls...)
	return e
}

func (b bench) compare(calls ...*call) {
	b.Helper()
	for i, c := range calls {
		same(b, b.caps.Invariant, fmt.Sprintf("call %d of %d", i+1, len(calls)), c, alone(b, b.ref, c))
	}
}

func (b bench) call(seed uint64, length, maxTokens int) *call {
	return &call{prompt: prompt(seed, length, b.caps.Vocab), maxTokens: maxTokens}
}

func (s Suite) invariance(t *testing.T) {
	ref := s.open(t, s.BlockTokens[len(s.BlockTokens)-1], 1)
	for _, size := range s.tested() {
		t.Run(fmt.Sprintf("blocks of %d", size), func(t *testing.T) {
			b := s.open(t, size, slots)
			c := b.Caps()
			for _, scenario := range []struct {
				name string
				run  func(bench)
			}{
				{"every token counts", everyTokenCounts}, {"paged", paged}, {"chunked", chunked}, {"cached", cached}, {"shared in one plan", sharedInOnePlan},
				{"forked", forked}, {"preempted", preempted}, {"batched", batched}, {"drawn", drawn},
			} {
				t.Run(scenario.name, func(t *testing.T) {
					scenario.run(bench{T: t, b: b, ref: ref, caps: c, quick: s.Quick, all: limits{slots: c.Slots, budget: c.Budget, blocks: c.Blocks}})
				})
			}
		})
	}
}

// paged: alone, in blocks of another size, and a second time in memory that
// other contexts have used.
func paged(b bench) {
	lengths := []int{1, 2, 15, 16, 17, 33, 100, 200}
	if b.quick {
		lengths = []int{1, 33, 100}
	}
	for _, n := range lengths {
		b.check(b.all, b.call(uint64(n), n, 12))
	}
}

// everyTokenCounts: a prompt that differs in one token gives other logits, be it
// the first, the last, or one at a block's border.
func everyTokenCounts(b bench) {
	want := b.call(1, 40, 1)
	b.check(b.all, want)
	for _, at := range []int{0, 1, 15, 16, 38, 39} {
		c := want.again()
		c.prompt = append([]int32{}, want.prompt...)
		c.prompt[at] = (c.prompt[at] + 1) % int32(b.caps.Vocab)
		b.check(b.all, c)
		if differing(c.logits[0], want.logits[0]) == "" {
			b.Errorf("token %d does not count", at)
		}
	}
}

func chunked(b bench) {
	size := b.caps.BlockTokens
	for _, budget := range []int{size + 1, 2*size + 1, 3*size + 5, 64 + size} {
		e := b.check(limits{slots: 1, budget: min(budget, b.all.budget), blocks: b.all.blocks}, b.call(3, 170, 6))
		if budget < 170 && e.chunks == 0 {
			b.Errorf("a budget of %d cut nothing", budget)
		}
	}
}

func cached(b bench) {
	first := b.call(4, 140, 8)
	e := newEngine(b, b.b, b.all)
	e.add(1, first)
	e.finish()
	again := first.again()
	longer := first.again() // the next turn: prompt, output, and what the user adds
	longer.prompt = append(append(append([]int32{}, first.prompt...), first.out...), prompt(5, 20, b.caps.Vocab)...)
	before := e.s.Stats().Cached
	e.add(2, again)
	e.add(3, longer)
	e.finish()
	b.compare(first, again, longer)
	if found := e.s.Stats().Cached - before; found < uint64(2*(140-b.caps.BlockTokens)) {
		b.Errorf("%d tokens found in the cache", found)
	}
}

// sharedInOnePlan: BE-2. Requests with one prefix arrive together; one computes
// it, the others read it in the same plan.
func sharedInOnePlan(b bench) {
	var calls []*call
	for i := range 4 {
		c := b.call(6, 64, 5)
		c.prompt = append(c.prompt, prompt(uint64(60+i), 3+i, b.caps.Vocab)...)
		calls = append(calls, c)
	}
	if e := b.check(b.all, calls...); e.shared == 0 {
		b.Error("no plan had a row that reads what another row of it computes")
	}
}

// forked: several outputs of one prompt share its blocks, the last one too, and
// copy that when they write.
func forked(b bench) {
	first := b.call(7, 45, 20)
	e := newEngine(b, b.b, b.all)
	e.add(1, first)
	for range 3 {
		e.step()
	}
	calls := []*call{first}
	for id := uint64(2); id < 5; id++ {
		c := first.again()
		c.fork = 1
		c.params = sample.Params{Temperature: 1, Seed: id}
		calls = append(calls, c)
		e.add(id, c)
	}
	e.finish()
	b.compare(calls...)
	if copied := e.s.Cache().Stats().Copied; copied == 0 && 45%b.caps.BlockTokens > 1 {
		b.Error("no block was copied")
	}
}

// preempted: memory for some of the sequences at their full length.
func preempted(b bench) {
	var calls []*call
	n, size := 6, b.caps.BlockTokens
	if b.quick {
		n = 3
	}
	for i := range n {
		calls = append(calls, b.call(uint64(80+i), 20+9*i, 90))
	}
	longest := len(calls[n-1].prompt) + 90
	e := b.check(limits{slots: n, budget: b.all.budget, blocks: (longest+size-1)/size + 25*n/size}, calls...)
	if e.s.Stats().Preempted == 0 {
		b.Error("nobody was preempted")
	}
}

// batched: beside others, in other slots.
func batched(b bench) {
	for n := 1; n <= slots; n++ {
		if b.quick && n != 2 && n != 5 && n != slots {
			continue
		}
		var calls []*call
		for i := range n {
			calls = append(calls, b.call(uint64(100*n+i), 1+(37*i+11*n)%90, 4+i%5))
		}
		if e := b.check(b.all, calls...); e.widest != n {
			b.Errorf("%d calls, but at most %d rows in a plan", n, e.widest)
		}
	}
}

// drawn: tokens drawn, masked, forced, ended early, beside each other.
func drawn(b bench) {
	var calls []*call
	for i := range 8 {
		c := b.call(uint64(200+i), 10+7*i, 16)
		if i%2 == 0 {
			c.params = sample.Params{Temperature: 0.9, TopK: 40, TopP: 0.95, Seed: uint64(i)}
		}
		switch i % 4 {
		case 1:
			c.masked = true
		case 2:
			c.forced = prompt(uint64(300+i), 16, b.caps.Vocab)
		case 3:
			c.ends = true
		}
		calls = append(calls, c)
	}
	b.check(b.all, calls...)
}
