package sched

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/engine/kv"
)

// turns is a workload of sessions whose calls grow one context, with a tool
// call between any two. Lengths are forced and follow from the numbers.
type turns struct {
	sessions, turns       int
	shared                int // tokens of the prompt that all sessions begin with
	input, output, jitter int // tokens of a turn; jitter is added, up to that much
	tool                  time.Duration
	keep                  bool
	gap                   time.Duration // between the sessions' arrivals
}

// due is a call to hand in.
type due struct {
	at      time.Duration
	session int
	turn    int
}

// site runs a workload over a step-time model, as a simulated site does.
type site struct {
	w        turns
	s        *Scheduler
	cost     Coster
	jump     bool
	halves   bool // a jump is committed in two parts
	now      time.Duration
	due      []due // by time, then session
	chains   []kv.Chain
	adds     []time.Duration // of each call, by session and turn
	ends     []time.Duration
	lines    map[uint64]string // plans by id
	events   []Event
	steps    int // iterations
	asked    int // plans asked for
	produced int64
}

func newSite(w turns, cfg Config, cache kv.Config, cost Coster, jump bool) *site {
	c, err := kv.New(cache)
	if err != nil {
		panic(err)
	}
	s, err := New(cfg, c, cost)
	if err != nil {
		panic(err)
	}
	r := &site{w: w, s: s, cost: cost, jump: jump, lines: map[uint64]string{},
		adds: make([]time.Duration, w.sessions*w.turns), ends: make([]time.Duration, w.sessions*w.turns)}
	shared := kv.NewChain(cache.BlockTokens, 0).AppendMade(1, 0, w.shared)
	for i := range w.sessions {
		r.chains = append(r.chains, shared)
		r.due = append(r.due, due{at: time.Duration(i) * w.gap, session: i})
	}
	return r
}

func (r *site) length(base int, of, turn int) int {
	if r.w.jitter == 0 {
		return base
	}
	return base + int(kv.Hash{}.Fold(uint64(of)).Fold(uint64(turn)).A>>33)%(r.w.jitter+1)
}

// salt names a turn's tokens: the odd ones are output.
func (r *site) salt(session, turn, part int) uint64 {
	return kv.Hash{}.Fold(uint64(session)).Fold(uint64(turn)).Fold(uint64(part)).A
}

func (r *site) hand(d due) {
	c := &r.chains[d.session]
	*c = c.AppendMade(r.salt(d.session, d.turn, 0), 0, r.length(r.w.input, d.session, d.turn))
	id := d.session*r.w.turns + d.turn
	q := Request{ID: uint64(id), Session: uint64(d.session), Prompt: *c, Forced: true,
		MaxTokens: r.length(r.w.output, d.session+1000, d.turn), Salt: r.salt(d.session, d.turn, 1)}
	if r.w.keep {
		q.KeepFor = 2 * r.w.tool
	}
	if err := r.s.Add(r.now, q); err != nil {
		panic(err)
	}
	r.adds[id] = d.at
	*c = c.AppendMade(q.Salt, 0, q.MaxTokens)
}

func (r *site) take(ev Event) {
	switch ev.Kind {
	case Produced:
		r.produced += int64(ev.N)
	case Finished:
		r.ends[ev.Seq] = ev.At
		session, turn := int(ev.Seq)/r.w.turns, int(ev.Seq)%r.w.turns
		if turn+1 == r.w.turns {
			return
		}
		next := due{at: ev.At + r.w.tool, session: session, turn: turn + 1}
		at, _ := slices.BinarySearchFunc(r.due, next, func(a, b due) int { return int(a.at-b.at)*2 + min(1, max(-1, a.session-b.session)) })
		r.due = slices.Insert(r.due, at, next)
	}
}

// run serves the workload to its end.
func (r *site) run(trace bool) {
	var p Plan
	for {
		for len(r.due) > 0 && r.due[0].at <= r.now {
			r.hand(r.due[0])
			r.due = r.due[1:]
		}
		if !r.s.Next(r.now, &p) {
			if len(r.due) == 0 {
				return
			}
			r.now = r.due[0].at
			continue
		}
		r.asked++
		if trace {
			r.lines[p.ID] = line(&p)
		}
		n, end := 1, r.now+r.cost.StepTime(p.Shape)
		for r.jump && n <= p.StableFor && end < p.StableUntil && (len(r.due) == 0 || r.due[0].at > end) {
			end += r.cost.StepTime(p.Shape.After(n))
			n++
		}
		r.steps += n
		if half := n / 2; r.halves && half > 0 {
			at := r.now + r.cost.StepTime(p.Shape)
			for i := 1; i < half; i++ {
				at += r.cost.StepTime(p.Shape.After(i))
			}
			r.commit(at, Outcome{Plan: p.ID, Iterations: half, Under: true})
			p.ID, n = p.ID+uint64(half), n-half
		}
		r.now = end
		r.commit(end, Outcome{Plan: p.ID, Iterations: n})
	}
}

func (r *site) commit(at time.Duration, o Outcome) {
	r.events = r.s.Commit(at, o, r.events[:0])
	for _, ev := range r.events {
		r.take(ev)
	}
}

// TestWholeWorkloads runs agents' workloads to completion and checks that
// every call ended, that tokens are conserved, and what retention and shared
// prefixes are for.
func TestWholeWorkloads(t *testing.T) {
	w := turns{sessions: 24, turns: 5, shared: 300, input: 90, output: 30, jitter: 40, tool: 800 * time.Millisecond, gap: 20 * time.Millisecond}
	cfg := Config{Slots: 8, Budget: 256, Queue: 64, Stall: 25 * time.Millisecond, Aging: time.Second}
	for _, c := range []struct {
		name         string
		blocks, keep int
		hints        bool
		preempts     bool
	}{
		{"ample", 4000, 0, false, false},
		{"tight", 190, 0, false, false},
		{"tight, hints", 190, 120, true, false},
		{"scarce", 90, 0, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w
			w.keep = c.hints
			r := newSite(w, cfg, kv.Config{Blocks: c.blocks, BlockTokens: 16, KeepBlocks: c.keep}, gpu, true)
			r.run(false)
			st, ks := r.s.Stats(), r.s.Cache().Stats()
			t.Logf("%d iterations in %d plans, %v; %+v; %+v", r.steps, r.asked, r.now, st.Counters, ks)
			var want int64
			for i := range w.sessions {
				for k := range w.turns {
					want += int64(r.length(w.output, i+1000, k))
				}
			}
			if int(st.Finished) != w.sessions*w.turns || r.produced != want || int64(st.Produced) != want {
				t.Errorf("%d of %d calls ended, with %d of %d tokens", st.Finished, w.sessions*w.turns, r.produced, want)
			}
			if (st.Preempted > 0) != c.preempts {
				t.Errorf("%d preemptions", st.Preempted)
			}
			if slices.Contains(r.ends, 0) {
				t.Error("a call has no end")
			}
		})
	}
}

// TestRetentionKeepsSessions compares a tight cache with hints and without:
// sessions that come back within their time to live find more of their blocks.
func TestRetentionKeepsSessions(t *testing.T) {
	cached := func(hints bool) uint64 {
		r := newSite(turns{sessions: 40, turns: 4, input: 128, output: 16, tool: 300 * time.Millisecond, gap: 40 * time.Millisecond, keep: hints},
			Config{Slots: 4, Budget: 256, Queue: 64}, kv.Config{Blocks: 150, BlockTokens: 16, KeepBlocks: 60}, gpu, true)
		r.run(false)
		return r.s.Stats().Cached
	}
	without, with := cached(false), cached(true)
	t.Logf("tokens found resident: %d without hints, %d with", without, with)
	if with <= without {
		t.Errorf("hints kept nothing: %d tokens found resident, %d without hints", with, without)
	}
}

// TestJumps compares a jumping driver, and one that commits its jumps in two
// parts, with one that goes iteration by iteration: SC-8.
func TestJumps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{1, 4, 16}).Draw(t, "block")
		w := turns{
			sessions: rapid.IntRange(1, 6).Draw(t, "sessions"), turns: rapid.IntRange(1, 3).Draw(t, "turns"),
			shared: rapid.IntRange(0, 20).Draw(t, "shared"), input: rapid.IntRange(1, 20).Draw(t, "input"), output: rapid.IntRange(1, 30).Draw(t, "output"),
			jitter: rapid.IntRange(0, 10).Draw(t, "jitter"), keep: rapid.Bool().Draw(t, "hints"),
			tool: time.Duration(rapid.IntRange(0, 100).Draw(t, "tool")) * time.Millisecond, gap: time.Duration(rapid.IntRange(0, 50).Draw(t, "gap")) * time.Millisecond,
		}
		cfg := Config{Slots: rapid.IntRange(1, 4).Draw(t, "slots"), Queue: 8, Stall: 8 * time.Millisecond, Aging: time.Second, Share: time.Millisecond, Lead: time.Second}
		cfg.Budget = cfg.Slots + size + rapid.IntRange(0, 40).Draw(t, "budget")
		longest := w.shared + w.turns*(w.input+w.output+2*w.jitter)
		blocks := (longest+size-1)/size + rapid.IntRange(0, 60/size).Draw(t, "blocks")
		cache := kv.Config{Blocks: blocks, BlockTokens: size, KeepBlocks: blocks / 2}
		slow := newSite(w, cfg, cache, gpu, false)
		slow.run(true)
		for _, halves := range []bool{false, true} {
			fast := newSite(w, cfg, cache, gpu, true)
			fast.halves = halves
			fast.run(true)
			for id, got := range fast.lines {
				if want := slow.lines[id]; got != want {
					t.Fatalf("plan %d by jumps: %s\nby steps: %s", id, got, want)
				}
			}
			if a, b := fmt.Sprint(slow.ends, slow.s.Stats(), slow.s.cache.Stats()), fmt.Sprint(fast.ends, fast.s.Stats(), fast.s.cache.Stats()); a != b {
				t.Fatalf("by steps %s\nby jumps %s", a, b)
			}
		}
	})
}
