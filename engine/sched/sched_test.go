package sched

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/engine/kv"
)

// verify checks the scheduler's own books, and the cache with all tables.
func (s *Scheduler) verify() error {
	var tables []*kv.Table
	for j, i := range s.run {
		q := &s.seqs[i]
		tables = append(tables, &q.table)
		if j > 0 && !s.seqs[s.run[j-1]].before(q.urgency) {
			return fmt.Errorf("running sequences out of order at %d", j)
		}
		if q.at >= 0 || q.slot < 0 || s.byID[q.ID] != i {
			return fmt.Errorf("running sequence %d: place %d, slot %d", q.ID, q.at, q.slot)
		}
	}
	for at, i := range s.queue.heap {
		q := &s.seqs[i]
		if int(q.at) != at || q.slot >= 0 || q.table.Len() != 0 {
			return fmt.Errorf("waiting sequence %d: place %d of %d, slot %d, %d blocks", q.ID, q.at, at, q.slot, q.table.Len())
		}
		if at > 0 && q.before(s.seqs[s.queue.heap[(at-1)/2]].urgency) {
			return fmt.Errorf("the queue is no heap at %d", at)
		}
	}
	if len(s.run)+len(s.slots) != s.cfg.Slots || len(s.run)+s.queue.len() != len(s.byID) {
		return fmt.Errorf("%d running, %d free slots, %d waiting, %d in all", len(s.run), len(s.slots), s.queue.len(), len(s.byID))
	}
	return s.cache.Check(tables...)
}

// progress is where a sequence's next row starts, in one stay.
type progress struct {
	stay uint32
	next int32
}

// verifyPlan checks SC-1 to SC-3 on a plan that was just made.
func verifyPlan(s *Scheduler, p *Plan, at map[uint64]progress) error {
	slots := map[int32]bool{}
	planned := map[uint64]bool{}
	shape := Shape{}
	for _, r := range p.Rows {
		q := &s.seqs[s.byID[r.Seq]]
		if planned[r.Seq] || slots[r.Slot] || r.N < 1 {
			return fmt.Errorf("SC-1: row %+v: sequence or slot twice, or no token", r)
		}
		planned[r.Seq], slots[r.Slot] = true, true
		if g, ok := at[r.Seq]; ok && g.stay == q.stay && (r.Start < g.next || (r.Start-g.next)%int32(s.cache.BlockTokens) != 0) {
			return fmt.Errorf("SC-1: row %+v starts at %d, not at %d or blocks after", r, r.Start, g.next)
		}
		at[r.Seq] = progress{q.stay, r.Start + r.N}
		shape = shape.With(r.Start, r.N, r.Sample)
	}
	if shape != p.Shape {
		return fmt.Errorf("SC-1: shape %+v, rows give %+v", p.Shape, shape)
	}
	if int(shape.Tokens) > s.cfg.Budget || len(p.Rows) > s.cfg.Slots || s.flying > s.cfg.Depth+1 {
		return fmt.Errorf("SC-2: %d tokens in %d rows, %d plans in flight", shape.Tokens, len(p.Rows), s.flying)
	}
	return verifyDecodes(s, p, planned)
}

func verifyDecodes(s *Scheduler, p *Plan, planned map[uint64]bool) error {
	bounded := false
	for _, i := range s.run {
		q := &s.seqs[i]
		at := slices.IndexFunc(p.Rows, func(r Row) bool { return r.Seq == q.ID })
		switch {
		case at >= int(s.decoding): // a chunk
		case at >= 0:
			bounded = bounded || q.out+q.ahead > 1
		default:
			bounded = bounded || q.need() == 1 && q.out+q.ahead > 0
		}
		if !planned[q.ID] && q.need() == 1 && q.ready() {
			return fmt.Errorf("SC-3: sequence %d is one token behind and not planned", q.ID)
		}
	}
	chunks := p.Rows[s.decoding:]
	if !bounded || s.cfg.Stall == 0 || len(chunks) == 0 || s.cost.StepTime(p.Shape) <= s.cfg.Stall {
		return nil
	}
	if first := chunks[0]; len(chunks) > 1 || first.Start/int32(s.cache.BlockTokens) != (first.Start+first.N-1)/int32(s.cache.BlockTokens) {
		return fmt.Errorf("SC-3: %v takes %v, the bound is %v", p.Rows, s.cost.StepTime(p.Shape), s.cfg.Stall)
	}
	return nil
}

// setup draws an engine that is tiny enough to preempt.
func setup(t *rapid.T) *engine {
	size := rapid.IntRange(1, 4).Draw(t, "block")
	cache := kv.Config{BlockTokens: size, Blocks: rapid.IntRange(max(2, 16/size), 16).Draw(t, "blocks")}
	cache.KeepBlocks = rapid.IntRange(0, cache.Blocks).Draw(t, "keep")
	cfg := Config{
		Slots: rapid.IntRange(1, 5).Draw(t, "slots"), Queue: rapid.IntRange(0, 6).Draw(t, "queue"),
		Depth: rapid.IntRange(0, 2).Draw(t, "depth"), Aging: 40 * time.Millisecond,
	}
	cfg.Budget = cfg.Slots + size + rapid.IntRange(0, 6).Draw(t, "budget")
	if rapid.Bool().Draw(t, "stall") {
		cfg.Stall = 5*time.Millisecond + time.Duration(rapid.IntRange(0, 200).Draw(t, "bound"))*time.Microsecond
	}
	if rapid.Bool().Draw(t, "fair") {
		cfg.Share, cfg.Burst, cfg.Lead = time.Millisecond, 10*time.Millisecond, 200*time.Millisecond
	}
	return newEngine(cfg, cache, gpu)
}

func drawCall(t *rapid.T, e *engine, id uint64) *call {
	room := min(16, e.s.cfg.Context)
	n := rapid.IntRange(1, room-1).Draw(t, "prompt")
	c := &call{prompt: rapid.SliceOfN(rapid.Int32Range(1, 2), n, n).Draw(t, "tokens"), ends: rapid.Bool().Draw(t, "ends")}
	c.Request = Request{
		ID: id, Session: uint64(rapid.IntRange(0, 2).Draw(t, "session")), Priority: uint8(rapid.IntRange(0, 2).Draw(t, "priority")),
		MaxTokens: rapid.IntRange(1, room-n).Draw(t, "max"), Forced: rapid.Bool().Draw(t, "forced"), Host: rapid.Bool().Draw(t, "host"),
		KeepFor: time.Duration(rapid.IntRange(0, 100).Draw(t, "keep")) * time.Millisecond, KeepPriority: uint8(rapid.IntRange(0, 2).Draw(t, "rank")),
	}
	return c
}

// schedulerProperty runs random arrivals, cancels and ends over a tiny cache.
func schedulerProperty(t *rapid.T) { randomRun(t) }

func randomRun(t *rapid.T) *engine {
	e := setup(t)
	at := map[uint64]progress{}
	e.onPlan = func(p *Plan) {
		if err := verifyPlan(e.s, p, at); err != nil {
			t.Fatal(err)
		}
	}
	var calls []*call
	cancelled := map[uint64]bool{}
	id := uint64(0)
	t.Repeat(map[string]func(*rapid.T){
		"add": func(t *rapid.T) {
			id++
			c := drawCall(t, e, id)
			if len(calls) > 0 && rapid.Bool().Draw(t, "again") {
				other := calls[rapid.IntRange(0, len(calls)-1).Draw(t, "as")]
				c.prompt = slices.Clone(other.prompt)
				if rapid.IntRange(0, 3).Draw(t, "differ") == 0 {
					c.prompt[0] ^= 3
				}
				if len(c.prompt)+c.MaxTokens > e.s.cfg.Context {
					c.MaxTokens = 1
				}
				c.Fork = other.ID
			}
			full := e.s.Stats().Waiting >= e.s.cfg.Queue+len(e.s.slots)
			if err := e.add(c); (err == ErrFull) != full {
				t.Fatalf("Add: %v, full: %v", err, full)
			} else if err == nil {
				calls = append(calls, c)
			}
		},
		"cancel": func(t *rapid.T) {
			if len(calls) == 0 {
				return
			}
			c := calls[rapid.IntRange(0, len(calls)-1).Draw(t, "which")]
			if e.s.Cancel(e.now, c.ID) != (!c.done && !cancelled[c.ID]) {
				t.Fatalf("Cancel of %d", c.ID)
			}
			cancelled[c.ID] = !c.done
		},
		"plan":   func(*rapid.T) { e.plan() },
		"step":   func(*rapid.T) { e.step() },
		"commit": func(*rapid.T) { e.commitIf() },
		"": func(t *rapid.T) {
			if err := e.s.verify(); err != nil {
				t.Fatal(err)
			}
		},
	})
	e.drain(t, calls, cancelled)
	return e
}

func (e *engine) commitIf() {
	if len(e.pending) > 0 {
		e.commit()
	}
}

// drain runs to the end and checks SC-5 to SC-7.
func (e *engine) drain(t *rapid.T, calls []*call, cancelled map[uint64]bool) {
	limit := 0
	for _, c := range calls {
		limit += 4 * (len(c.prompt) + c.MaxTokens) * (len(calls) + 1)
	}
	for n := 0; e.step(); n++ {
		if n > limit {
			t.Fatalf("SC-6: not done after %d iterations: %+v", n, e.s.Stats())
		}
	}
	total := 0
	for _, c := range calls {
		total += len(c.out)
		if cancelled[c.ID] {
			continue
		}
		if !c.done {
			t.Fatalf("SC-6: request %d never ended: %+v", c.ID, e.s.Stats())
		}
		if want := c.alone(); !slices.Equal(c.out, want) {
			t.Fatalf("SC-7: request %d produced %v, alone %v", c.ID, c.out, want)
		}
	}
	st := e.s.Stats()
	if int(st.Produced) != total || st.Added != st.Finished+st.Stopped+st.Cancelled {
		t.Fatalf("SC-5: %d tokens came out of %+v", total, st.Counters)
	}
	if k := e.s.cache.Stats(); k.Free+k.Cached+k.Referenced != e.s.cache.Blocks || st.Running+st.Waiting+st.InFlight != 0 {
		t.Fatalf("left over: %+v, %+v", st, k)
	}
	if err := e.s.verify(); err != nil {
		t.Fatal(err)
	}
}

// TestScheduler also sees to it that the random runs are not tame.
func TestScheduler(t *testing.T) {
	var sum Counters
	var blocks kv.Counters
	rapid.Check(t, func(t *rapid.T) {
		e := randomRun(t)
		st, ks := e.s.Stats(), e.s.cache.Stats()
		sum.Refused += st.Refused
		sum.Preempted += st.Preempted
		sum.Discarded += st.Discarded
		sum.Stopped += st.Stopped
		sum.Cached += st.Cached
		blocks.Evicted += ks.Evicted
		blocks.Copied += ks.Copied
		blocks.Merged += ks.Merged
		blocks.KeepExpired += ks.KeepExpired
	})
	if sum.Refused == 0 || sum.Preempted == 0 || sum.Discarded == 0 || sum.Stopped == 0 || sum.Cached == 0 ||
		blocks.Evicted == 0 || blocks.Copied == 0 || blocks.Merged == 0 || blocks.KeepExpired == 0 {
		t.Errorf("something never happened: %+v %+v", sum, blocks)
	}
}

// TestReplay: the same calls give the same plans, whatever ran before: SC-8.
func TestReplay(t *testing.T) {
	property := rapid.Custom(func(t *rapid.T) []string { return randomRun(t).trace })
	for seed := range 50 {
		a, b := property.Example(seed), property.Example(seed)
		if !slices.Equal(a, b) {
			t.Fatalf("seed %d: plans differ between two runs", seed)
		}
	}
}

func FuzzScheduler(f *testing.F) { f.Fuzz(rapid.MakeFuzz(schedulerProperty)) }

// TestForkOfWhatIsBeingFilled: request 3 comes back after a preemption and finds
// the block of its prompt, which request 5 fills in the same plan. Request 4 may
// not fork from 3 in that plan, as copies run before rows.
func TestForkOfWhatIsBeingFilled(t *testing.T) {
	e := newEngine(Config{Slots: 5, Queue: 6, Budget: 7, Aging: 40 * time.Millisecond}, kv.Config{BlockTokens: 2, Blocks: 8}, gpu)
	ones := func(n int) []int32 { return slices.Repeat([]int32{1}, n) }
	add := func(id, fork uint64, priority uint8, most int, prompt []int32) {
		t.Helper()
		if err := e.add(&call{prompt: prompt, Request: Request{ID: id, Fork: fork, Priority: priority, MaxTokens: most}}); err != nil {
			t.Fatal(err)
		}
	}
	add(3, 0, 0, 2, []int32{2, 2})
	e.step()
	add(4, 3, 0, 1, []int32{2, 2})
	add(1, 2, 1, 1, append([]int32{2}, ones(5)...))
	add(5, 0, 1, 1, []int32{2, 2})
	add(7, 0, 2, 1, ones(11))
	for e.step() {
	}
	if st := e.s.Stats(); st.Preempted == 0 {
		t.Error("request 3 was not preempted, so this shows nothing")
	}
	for id, c := range e.calls {
		if want := c.alone(); !slices.Equal(c.out, want) {
			t.Errorf("request %d produced %v, alone %v", id, c.out, want)
		}
	}
}
