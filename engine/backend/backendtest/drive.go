package backendtest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"tierlab/engine/backend"
	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// call is a request and what came out of it.
type call struct {
	prompt    []int32
	maxTokens int
	params    sample.Params
	forced    []int32
	masked    bool   // each next token is masked by the host, by the one before it
	ends      bool   // tokens divisible by 7 end the output
	fork      uint64 // shares the blocks of the call of that id; 0: none

	out    []int32
	logits [][]float32 // of each output token
	done   bool
}

// again is the call with nothing come out of it.
func (c *call) again() *call {
	n := *c
	n.out, n.logits, n.done = nil, nil, false
	return &n
}

// pick says how output token i is chosen. The mask follows from the token
// before, so only a host that knows it can make it.
func (c *call) pick(i, vocab int) sample.Pick {
	k := sample.Pick{Params: c.params, Index: i, Forced: -1, Logprobs: -1, Logits: true}
	if c.forced != nil {
		k.Forced = c.forced[i]
	}
	if c.masked {
		before := c.prompt[len(c.prompt)-1]
		if i > 0 {
			before = c.out[i-1]
		}
		k.Mask = make([]uint64, (vocab+63)/64)
		for t := range vocab {
			if t%3 == int(before)%3 {
				k.Mask[t/64] |= 1 << (t % 64)
			}
		}
	}
	return k
}

// limits are the sizes of the scheduler and the cache, at most the backend's.
type limits struct {
	slots, budget, blocks int
}

// engine drives a backend by the real scheduler: what an engine's loop does,
// without requests that come and go on their own.
type engine struct {
	tb     rapid.TB
	b      backend.Backend
	caps   backend.Caps
	s      *sched.Scheduler
	now    time.Duration
	calls  map[uint64]*call
	ring   []flight
	head   int
	flying int
	result backend.Result
	events []sched.Event
	chunks int // rows of a prompt that did not reach its end
	widest int // rows of the largest plan
	shared int // plans in which a row reads a block that another row of it fills
}

// flight is a step under way.
type flight struct {
	plan  sched.Plan
	step  backend.Step
	calls []*call // of the rows that sample
}

func newEngine(tb rapid.TB, b backend.Backend, l limits) *engine {
	tb.Helper()
	caps := b.Caps()
	cache, err := kv.New(kv.Config{Blocks: l.blocks, BlockTokens: caps.BlockTokens})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := sched.New(sched.Config{Slots: l.slots, Budget: l.budget, Queue: 1000, Context: caps.Context, Depth: caps.Depth, Tables: true}, cache, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &engine{tb: tb, b: b, caps: caps, s: s, calls: map[uint64]*call{}, ring: make([]flight, caps.Depth+1)}
}

func (e *engine) add(id uint64, c *call) {
	e.tb.Helper()
	r := sched.Request{ID: id, Session: id, MaxTokens: c.maxTokens, Forced: c.forced != nil, Host: c.masked, Fork: c.fork,
		Prompt: kv.NewChain(e.caps.BlockTokens, 0).Append(c.prompt...)}
	if err := e.s.Add(e.now, r); err != nil {
		e.tb.Fatal(err)
	}
	e.calls[id] = c
}

// step plans as far ahead as it may and commits one plan; false: idle.
func (e *engine) step() bool {
	e.tb.Helper()
	for e.flying < len(e.ring) {
		f := &e.ring[(e.head+e.flying)%len(e.ring)]
		if !e.s.Next(e.now, &f.plan) {
			break
		}
		e.fill(f)
		e.look(&f.plan)
		if err := e.b.Submit(&f.step); err != nil {
			e.tb.Fatalf("Submit of plan %d: %v", f.plan.ID, err)
		}
		e.flying++
	}
	if e.flying == 0 {
		return false
	}
	if err := e.b.Wait(&e.result); err != nil {
		e.tb.Fatalf("Wait: %v", err)
	}
	f := &e.ring[e.head]
	e.head = (e.head + 1) % len(e.ring)
	e.flying--
	e.now += time.Millisecond
	e.commit(f)
	return true
}

// fill makes a step of a plan: it adds the tokens and the picks.
func (e *engine) fill(f *flight) {
	f.step = backend.Step{Plan: &f.plan, Tokens: f.step.Tokens[:0], Picks: f.step.Picks[:0]}
	f.calls = f.calls[:0]
	for _, r := range f.plan.Rows {
		c := e.calls[r.Seq]
		known := len(c.prompt) + len(c.out)
		for at := int(r.Start); at < int(r.Start+r.N); at++ {
			switch {
			case at < len(c.prompt):
				f.step.Tokens = append(f.step.Tokens, c.prompt[at])
			case at < known:
				f.step.Tokens = append(f.step.Tokens, c.out[at-len(c.prompt)])
			case r.FromDevice && at == int(r.Start+r.N)-1:
				f.step.Tokens = append(f.step.Tokens, -1)
			default:
				e.tb.Fatalf("row %+v needs token %d, which nobody has", r, at)
			}
		}
		if r.Sample {
			f.step.Picks = append(f.step.Picks, c.pick(int(r.Start+r.N)-len(c.prompt), e.caps.Vocab))
			f.calls = append(f.calls, c)
		}
	}
}

// look counts what a plan has of the things that the suite is about.
func (e *engine) look(p *sched.Plan) {
	e.widest = max(e.widest, len(p.Rows))
	filled := map[kv.Block]bool{}
	shared := false
	for _, r := range p.Rows {
		if c := e.calls[r.Seq]; int(r.Start+r.N) < len(c.prompt) {
			e.chunks++
		}
		for i, b := range r.NewBlocks {
			at := (int(r.FirstBlock) + i) * e.caps.BlockTokens
			if at >= int(r.Start) {
				filled[b] = true
			} else if filled[b] {
				shared = true
			}
		}
	}
	if shared {
		e.shared++
	}
}

// commit hands a result to the scheduler and to the calls that still run.
func (e *engine) commit(f *flight) {
	e.tb.Helper()
	if e.result.Plan != f.plan.ID || len(e.result.Choices) != len(f.step.Picks) {
		e.tb.Fatalf("result of plan %d with %d choices, want plan %d with %d", e.result.Plan, len(e.result.Choices), f.plan.ID, len(f.step.Picks))
	}
	sampled := make([]sched.Sampled, len(f.calls))
	for i, c := range f.calls {
		t := e.result.Choices[i].Token
		sampled[i] = sched.Sampled{Token: t, End: c.ends && t%7 == 0}
	}
	e.events = e.s.Commit(e.now, sched.Outcome{Plan: f.plan.ID, Sampled: sampled}, e.events[:0])
	for i, c := range f.calls {
		live := slices.ContainsFunc(e.events, func(ev sched.Event) bool { return ev.Kind == sched.Produced && e.calls[ev.Seq] == c })
		if !live {
			continue // it had ended when the row was under way
		}
		ch := e.result.Choices[i]
		c.out = append(c.out, ch.Token)
		c.logits = append(c.logits, slices.Clone(ch.Logits))
	}
	for _, ev := range e.events {
		if ev.Kind == sched.Finished || ev.Kind == sched.Stopped {
			e.calls[ev.Seq].done = true
		}
	}
}

// finish runs until nothing is left to do.
func (e *engine) finish() {
	e.tb.Helper()
	for e.step() {
	}
	for id, c := range e.calls {
		if !c.done {
			e.tb.Fatalf("call %d has not ended: %d of %d tokens", id, len(c.out), c.maxTokens)
		}
	}
}

// alone runs a copy of a call with nothing beside it, its prompt in one chunk,
// in memory that no other call has used but as its own.
func alone(tb rapid.TB, b backend.Backend, c *call) *call {
	tb.Helper()
	n := c.again()
	n.fork = 0
	e := newEngine(tb, b, limits{slots: 1, budget: budget, blocks: b.Caps().Blocks})
	e.add(1, n)
	e.finish()
	return n
}

// same compares two runs of one call.
func same(tb rapid.TB, invariant bool, what string, got, want *call) {
	tb.Helper()
	if !invariant {
		if !want.ends && len(got.out) != len(want.out) {
			tb.Errorf("%s: %d tokens, alone %d", what, len(got.out), len(want.out))
		}
		return
	}
	if !slices.Equal(got.out, want.out) {
		tb.Errorf("%s: tokens %v, alone %v", what, got.out, want.out)
		return
	}
	for i := range want.logits {
		if d := differing(got.logits[i], want.logits[i]); d != "" {
			tb.Errorf("%s, output token %d: %s", what, i, d)
			return
		}
	}
}

// differing says where two rows of logits do not have the same bits.
func differing(got, want []float32) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d logits, alone %d", len(got), len(want))
	}
	count, first := 0, -1
	for i := range want {
		if bits(got[i]) != bits(want[i]) {
			if first < 0 {
				first = i
			}
			count++
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d logits differ, the first is that of token %d: %v, alone %v", count, len(want), first, got[first], want[first])
}
