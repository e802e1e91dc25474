package agent

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/internal/rng"
	"tierlab/workloads"
)

// witness watches a run from outside the machine and holds it to the
// package's invariants.
type witness struct {
	t      rapid.TB
	d      *driver
	l      *luck
	begun  map[int32]time.Duration
	calls  map[int32]map[int32]bool // started, neither settled nor cancelled
	open   map[int32]map[int32]bool // started and not settled
	asked  int
	report map[int32]int
	paid   float64
	strays bool
	finish int
}

func (w *witness) see(now time.Duration, e *Event, fx []Effect) {
	if w.finish > 0 && len(fx) > 0 {
		w.t.Fatalf("INV-A6: %d effects after Finish", len(fx))
	}
	w.answer(e)
	for i := range fx {
		w.effect(now, &fx[i])
	}
	m := &w.d.m
	if limit := m.limits.USD; limit > 0 && m.spent+m.Reserved() > limit+m.Overrun()+1e-9 {
		w.t.Fatalf("INV-A5: spent %v + reserved %v of %v", m.spent, m.Reserved(), limit)
	}
	if limit := m.limits.Tokens; limit > 0 && m.tokens+m.reservedTokens > limit {
		w.t.Fatalf("INV-A5: %d + %d reserved of %d tokens", m.tokens, m.reservedTokens, limit)
	}
	if limit := m.limits.Steps; limit > 0 && m.begun > limit {
		w.t.Fatalf("INV-A5: %d of %d steps", m.begun, limit)
	}
	accepted := 0
	for s := range m.steps {
		if m.steps[s].phase >= sealing {
			accepted++
		}
	}
	if accepted != m.accepted {
		w.t.Fatalf("INV-A1: %d answers accepted at %d steps", m.accepted, accepted)
	}
}

// answer books what an event settles.
func (w *witness) answer(e *Event) {
	switch e.Kind {
	case AttemptDone:
		delete(w.calls[e.Step], e.Attempt)
		delete(w.open[e.Step], e.Attempt)
		w.paid += e.Call.USD + e.Call.Egress
		w.asked--
	case Routed, Validated, ToolDone, Committed:
		w.asked--
		w.paid += e.USD
	}
}

func (w *witness) effect(now time.Duration, f *Effect) {
	m := &w.d.m
	if m.stopped() && f.Kind != Cancel && f.Kind != CancelTool && f.Kind != StepDone && f.Kind != Finish && m.status != ok {
		if m.end != now {
			w.t.Fatalf("effect %s after the session was stopped", w.d.effect(*f))
		}
	}
	switch f.Kind {
	case Route, Start, Validate, RunTool, Commit:
		w.asked++
	}
	switch f.Kind {
	case Route, Commit:
		w.began(now, f.Step)
	case Start:
		w.started(f)
	case Cancel:
		delete(w.calls[f.Step], f.Attempt)
	case SetTimer:
		if f.Timer != Backoff {
			return
		}
		if n := int(m.steps[f.Step].failures); f.At < now || f.At-now > m.cfg.BackoffBound(n) {
			w.t.Fatalf("INV-A9: pause of %v after %d failures, bound %v", f.At-now, n, m.cfg.BackoffBound(n))
		}
	case StepDone:
		w.report[f.Step]++
		if len(w.open[f.Step]) > 0 {
			w.t.Fatalf("INV-A4: StepDone with attempts %v open", w.open[f.Step])
		}
	case Finish:
		w.finish++
		if w.asked != 0 {
			w.t.Fatalf("INV-A6: Finish with %d effects unanswered", w.asked)
		}
	}
}

func (w *witness) began(now time.Duration, s int32) {
	if _, before := w.begun[s]; before {
		return
	}
	w.begun[s] = now
	m := &w.d.m
	for _, e := range m.prog.graph.Steps[s].Wait {
		number := edge{from: e.From, on: atToolsDone, cause: e.Cause, delay: e.Delay.D()}
		reached := e.From < 0 || m.steps[e.From].phase == over
		switch e.On {
		case workloads.OnStart:
			number.on = atStart
			reached = e.From < 0 || m.steps[e.From].phase != waiting
		case workloads.OnLLMDone:
			number.on = atLLMDone
			reached = e.From < 0 || m.steps[e.From].phase >= sealing
		}
		if !reached || now < m.when(e.From, number.on)+m.gap(&number) {
			w.t.Fatalf("INV-A2: step %d began at %v before its edge %+v", s, now, e)
		}
	}
}

func (w *witness) started(f *Effect) {
	m := &w.d.m
	if w.calls[f.Step] == nil {
		w.calls[f.Step], w.open[f.Step] = map[int32]bool{}, map[int32]bool{}
	}
	if w.open[f.Step][f.Attempt] {
		w.t.Fatalf("INV-A4: attempt %d at step %d starts twice", f.Attempt, f.Step)
	}
	w.calls[f.Step][f.Attempt], w.open[f.Step][f.Attempt] = true, true
	st, n := &m.steps[f.Step], &m.prog.graph.Steps[f.Step]
	if st.phase != calling {
		w.t.Fatalf("INV-A1: attempt %d at step %d starts in phase %d", f.Attempt, f.Step, st.phase)
	}
	a := &m.attempts[st.last]
	if k := len(w.calls[f.Step]); k > 2 || k == 2 && !a.hedge {
		w.t.Fatalf("INV-A3: %d attempts at step %d", k, f.Step)
	}
	tries, hedges, lost := 0, 0, 0
	for i := st.first; i >= 0; i = m.attempts[i].next {
		switch b := &m.attempts[i]; {
		case b.number <= st.before:
		case b.hedge:
			hedges++
		case b.status == workloads.StatusLost:
			lost++
		default:
			tries++
		}
	}
	if tries > m.cfg.MaxAttempts || hedges > tries+lost {
		w.t.Fatalf("INV-A3: %d attempts and %d hedges at a call of step %d, at most %d", tries, hedges, f.Step, m.cfg.MaxAttempts)
	}
	want := n.Input - int(st.cut) + int(st.sum)
	if a.compact {
		want = n.Keep - int(st.cut) + int(st.sum)
	}
	if m.cfg.CompactAbove == 0 && want != n.Input || int(a.input) != want || want < 0 {
		w.t.Fatalf("INV-A10: input %d, recorded %d, cut %d, sum %d", a.input, n.Input, st.cut, st.sum)
	}
}

// stray hands the machine copies of events that it has had before.
func (w *witness) stray() {
	for w.strays && w.l.chance(0.2) && len(w.d.m.steps) > 0 {
		old := w.d.log[w.l.intn(len(w.d.log))].e
		st := &w.d.m.steps[old.Step]
		if old.Kind == TimerFired && old.Timer == Hedge || // may do what the first could not
			old.Kind == Routed && old.Attempt == st.attempts+1 && st.phase == routing { // asked again
			continue
		}
		if fx := w.d.m.Handle(w.d.now, &old, nil); len(fx) > 0 {
			w.t.Fatalf("INV-A12: a second %+v gives %+v", old, fx)
		}
	}
}

func (w *witness) end() {
	m := &w.d.m
	if w.finish != 1 || !m.Finished() {
		w.t.Fatalf("INV-A6: %d Finish after all events", w.finish)
	}
	for s := range m.steps {
		want := 0
		if m.steps[s].phase != waiting {
			want = 1
		}
		if w.report[int32(s)] != want {
			w.t.Fatalf("INV-A7: %d StepDone of step %d, want %d", w.report[int32(s)], s, want)
		}
	}
	o := w.d.session
	if got, want := o.Result.Split.Total(), o.End-o.Start; got != want {
		w.t.Fatalf("INV-A8: split %+v sums to %v of %v", o.Result.Split, got.D(), want.D())
	}
	sp := reflect.ValueOf(o.Result.Split)
	for i := range sp.NumField() {
		if sp.Field(i).Int() < 0 {
			w.t.Fatalf("INV-A8: negative part in %+v", o.Result.Split)
		}
	}
	for _, s := range w.d.steps {
		for _, a := range s.Attempts {
			if a.Queue+a.Prefill+a.Decode+a.Network != a.Done-a.Sent || a.Due > a.Sent {
				w.t.Fatalf("INV-A8: attempt %+v", a)
			}
		}
	}
	if m.Violations() > 0 || m.Overrun() > 1e-12 {
		w.t.Fatalf("an honest driver: %d violations, overrun %v", m.Violations(), m.Overrun())
	}
	if total := o.Result.USD.Total(); math.Abs(total-w.paid) > 1e-9 || math.Abs(total-m.spent) > 1e-9 {
		w.t.Fatalf("INV-A5: paid %v, spent %v, cost %v", w.paid, m.spent, total)
	}
	if m.status == ok && (m.done != len(m.steps) || m.reserved != 0 || m.reservedTokens != 0) {
		w.t.Fatalf("ok after %d of %d steps; %v dollars and %d tokens reserved", m.done, len(m.steps), m.Reserved(), m.reservedTokens)
	}
}

// replay feeds the log to a fresh machine.
func (w *witness) replay(cfg *Config) {
	var m Machine
	m.Reset(cfg, w.d.m.prog, w.d.m.key, w.d.m.id, 0, 0)
	for i, l := range w.d.log {
		if fx := m.Handle(l.at, &l.e, nil); fmt.Sprint(fx) != fmt.Sprint(l.fx) {
			w.t.Fatalf("INV-A11: event %d gives %+v, gave %+v", i, fx, l.fx)
		}
	}
	if m.Digest() != w.d.m.Digest() {
		w.t.Fatalf("INV-A11: the replayed machine differs:\n%+v\n%+v", m.state, w.d.m.state)
	}
}

// session is a random session in a random world.
type session struct {
	seed         uint64
	steps        int
	strays, kill bool
}

func (r session) check(t rapid.TB) workloads.Status {
	l := &luck{s: rng.New(r.seed, 0)}
	cfg := randomConfig(l)
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(randomGraph(l, r.steps), testWorld())
	if err != nil {
		t.Fatal(err)
	}
	d := newDriver(&cfg, p)
	randomWorld(l, d)
	w := &witness{t: t, d: d, l: l, strays: r.strays, begun: map[int32]time.Duration{}, report: map[int32]int{},
		calls: map[int32]map[int32]bool{}, open: map[int32]map[int32]bool{}}
	d.seen, d.after = w.see, w.stray
	d.at(5*ms, Event{Kind: Arrived})
	if r.kill {
		d.at(l.time(100), Event{Kind: Killed})
	}
	d.run()
	w.end()
	w.replay(&cfg)
	return d.m.status
}

func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		session{
			seed: rapid.Uint64().Draw(t, "seed"), steps: rapid.IntRange(0, 14).Draw(t, "steps"),
			strays: rapid.Bool().Draw(t, "strays"), kill: rapid.IntRange(0, 4).Draw(t, "kill") == 0,
		}.check(t)
	})
}

// TestInvariantsReach: a fixed set of random sessions holds, and they end in
// every way in which sessions end.
func TestInvariantsReach(t *testing.T) {
	ends := map[workloads.Status]int{}
	for i := range 600 {
		ends[session{seed: uint64(i), steps: i % 15, strays: i%2 == 0, kill: i%7 == 0}.check(t)]++
	}
	for _, s := range []workloads.Status{ok, rejected, failed, workloads.StatusInvalid, workloads.StatusTimeout,
		workloads.StatusBudget, workloads.StatusKilled, workloads.StatusNoSite} {
		if ends[s] < 10 {
			t.Errorf("%d of 600 sessions ended with status %q: %v", ends[s], s, ends)
		}
	}
}
