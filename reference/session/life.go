package session

import (
	"fmt"
	"slices"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// life is a session as its records determine it: the machine, the conversation,
// the state, and what has been asked for and not been answered. The actor and a
// replay apply the same records to it, so that both have the same.
type life struct {
	created created
	begun   time.Time
	now     time.Duration // of the last record
	seq     uint64        // of the last record
	err     error         // the records make no session; the first says why

	machine agent.Machine
	atlas   atlas
	graph   *workloads.Graph
	steps   []stepState // by number in the graph, as far as they have come

	messages []hub.Message // the prompt of an open session's latest step
	said     []hub.Message // that come before the next step
	inbox    []received
	high     map[string]uint64 // the last message had, by sender
	sent     uint64            // the last message given
	state    map[string][]byte
	shared   bool // state has been handed out and is not changed any more

	quiet  uint64 // the epoch of the latest moved
	loops  ledger.Loops
	writes int // tool calls that wrote something, as far as the detector has seen

	pending []pending
	timers  []alarm
	effects []agent.Effect // of the last record
	events  int            // applied

	arrived bool
	seen    func(*journal.Record) // is shown what a replay reads

	finished bool // Finish is out
	over     bool // the end is recorded
	status   workloads.Status
	why      string // of an end that was forced
	digest   uint64 // of the machine at the end
	held     []held
}

// pending is an effect that is not answered. fresh says that it has not been
// carried out.
type pending struct {
	agent.Effect
	fresh bool
}

// alarm is a timer of the machine's.
type alarm struct {
	at time.Duration
	agent.Effect
}

// held is what was reserved for an attempt (tool -1) or a tool call.
type held struct {
	step, attempt, tool int32
	hold                ledger.Hold
}

// take applies a record: number seq, written at since the session's start.
func (l *life) take(seq uint64, at time.Duration, r record) {
	if l.err != nil {
		return
	}
	l.seq, l.now = seq, max(l.now, at)
	l.events++
	r.apply(l)
}

// feed hands an event to the machine and notes what it asks for.
func (l *life) feed(e *agent.Event) {
	from := len(l.effects)
	l.effects = l.machine.Handle(l.now, e, l.effects)
	for _, fx := range l.effects[from:] {
		switch fx.Kind {
		case agent.Route:
			l.pending = append(l.pending, pending{Effect: fx})
			l.step(fx.Step).begun = true
		case agent.Start, agent.Validate, agent.Commit:
			l.pending = append(l.pending, pending{Effect: fx})
		case agent.RunTool:
			l.pending = append(l.pending, pending{Effect: fx})
			l.tool(fx.Step, fx.Tool).began = l.now
		case agent.SetTimer:
			l.timers = append(l.timers, alarm{fx.At, fx})
		case agent.StepDone:
			l.step(fx.Step).over = true
		case agent.Finish:
			l.finished, l.status = true, fx.Status
		}
	}
}

// answer takes an effect off the list and says whether it was there.
func (l *life) answer(kind agent.EffectKind, step, attempt, tool int32) bool {
	i := l.find(kind, step, attempt, tool)
	if i < 0 {
		return false
	}
	l.pending = slices.Delete(l.pending, i, i+1)
	if kind == agent.Start {
		l.timers = slices.DeleteFunc(l.timers, func(a alarm) bool {
			return (a.Timer == agent.Timeout || a.Timer == agent.Hedge) && a.Step == step && a.Attempt == attempt
		})
	}
	return true
}

func (l *life) find(kind agent.EffectKind, step, attempt, tool int32) int {
	return slices.IndexFunc(l.pending, func(p pending) bool {
		return p.Kind == kind && p.Step == step && p.Attempt == attempt && p.Tool == tool
	})
}

// toolsLeft counts a step's tool calls that have not ended.
func (l *life) toolsLeft(s int32) int {
	n := 0
	for i := range l.pending {
		if p := &l.pending[i]; p.Kind == agent.RunTool && p.Step == s {
			n++
		}
	}
	return n
}

// open says that the session's steps follow from what its model answers.
func (l *life) open() bool { return l.created.Spec.Recorded == nil }

// hold notes a reservation, release forgets it.
func (l *life) hold(step, attempt, tool int32, h *ledger.Hold) {
	if h != nil && len(h.Accounts) > 0 {
		l.held = append(l.held, held{step, attempt, tool, *h})
	}
}

func (l *life) release(step, attempt, tool int32) (ledger.Hold, bool) {
	i := slices.IndexFunc(l.held, func(h held) bool { return h.step == step && h.attempt == attempt && h.tool == tool })
	if i < 0 {
		return ledger.Hold{}, false
	}
	h := l.held[i].hold
	l.held = slices.Delete(l.held, i, i+1)
	return h, true
}

func (r *created) apply(l *life) {
	if l.created.Key != 0 {
		l.err = fmt.Errorf("session %q: record %d begins it a second time", l.created.Spec.ID, l.seq)
		return
	}
	l.created = *r
	l.high, l.state = map[string]uint64{}, map[string][]byte{}
	l.atlas.begin(r)
	program, err := l.begin()
	if err != nil {
		l.err = err
		return
	}
	l.machine.Reset(&l.created.Config, program, rng.Stream(r.Key), r.Key, 0, 0)
}

func (r *arrived) apply(l *life) {
	l.arrived = true
	l.feed(&agent.Event{Kind: agent.Arrived})
}

func (r *routed) apply(l *life) {
	if !l.answer(agent.Route, r.Step, r.Attempt, 0) {
		return
	}
	l.atlas.add(r)
	d := router.Decision{
		Target: router.NoTarget, Reason: r.Reason, ReserveUSD: r.Reserve,
		Estimate: time.Duration(r.Estimate), HedgeAfter: time.Duration(r.Hedge), FallbackCount: len(r.Else),
		Fallbacks: [3]router.Target{router.NoTarget, router.NoTarget, router.NoTarget},
	}
	if r.To != nil {
		d.Target = r.To.target()
	}
	for i := range min(len(r.Else), len(d.Fallbacks)) {
		d.Fallbacks[i] = r.Else[i].target()
	}
	st := l.step(r.Step)
	st.reserve, st.nowhere = r.Reserve, ""
	if r.To == nil {
		st.nowhere = r.Reason
	}
	l.release(r.Step, r.Attempt, -1) // of a decision that came to nothing
	l.hold(r.Step, r.Attempt, -1, r.Hold)
	l.feed(&agent.Event{Kind: agent.Routed, Step: r.Step, Attempt: r.Attempt, Decision: &d})
}

func (r *committed) apply(l *life) {
	if l.answer(agent.Commit, r.Step, r.Attempt, 0) {
		l.feed(&agent.Event{Kind: agent.Committed, Step: r.Step, Attempt: r.Attempt})
	}
}

func (r *started) apply(l *life) {
	tool := int32(-1)
	if r.Tool != nil {
		tool = *r.Tool
	}
	l.hold(r.Step, r.Attempt, tool, &r.Hold)
}

func (r *firstToken) apply(l *life) {
	l.feed(&agent.Event{Kind: agent.FirstToken, Step: r.Step, Attempt: r.Attempt})
}

func (r *validated) apply(l *life) {
	if l.answer(agent.Validate, r.Step, r.Attempt, 0) {
		if !r.Pass {
			l.step(r.Step).wrong(r.Attempt, r.Why)
		}
		l.feed(&agent.Event{Kind: agent.Validated, Step: r.Step, Attempt: r.Attempt, Pass: r.Pass, USD: r.USD})
	}
}

func (r *timed) apply(l *life) {
	i := slices.IndexFunc(l.timers, func(a alarm) bool {
		return a.Timer == r.Timer && a.Step == r.Step && a.Attempt == r.Attempt
	})
	if i < 0 {
		return
	}
	l.timers = slices.Delete(l.timers, i, i+1)
	l.feed(&agent.Event{Kind: agent.TimerFired, Timer: r.Timer, Step: r.Step, Attempt: r.Attempt})
}

func (r *killed) apply(l *life) {
	if l.why == "" {
		l.why = r.Why
	}
	l.feed(&agent.Event{Kind: agent.Killed})
}

func (r *asked) apply(l *life) {
	t := l.tool(r.Step, r.Tool)
	t.asked, t.askedAt = true, l.now
}

func (r *approved) apply(l *life) {
	if t := l.tool(r.Step, r.Tool); t.asked && t.verdict == nil {
		t.verdict = r
	}
}

func (r *said) apply(l *life) {
	l.said = append(l.said, hub.Message{Role: "user", Content: r.Text})
}

func (r *received) apply(l *life) {
	if r.ID > l.high[r.From] {
		l.high[r.From] = r.ID
		l.inbox = append(l.inbox, *r)
	}
}

func (r *refused) apply(l *life) {
	l.said = append(l.said, hub.Message{
		Role: "user", Name: r.To, Content: fmt.Sprintf("Your message to %s was not delivered: %s", r.To, r.Why),
	})
}

func (r *moved) apply(l *life) {
	l.quiet = r.Epoch
	for i := range l.pending {
		l.pending[i].fresh = true
	}
}

func (r *ended) apply(l *life) {
	l.over, l.status, l.digest = true, r.Status, r.Digest
	if r.fresh {
		return
	}
	if digest := l.machine.Digest(); digest != r.Digest {
		l.err = fmt.Errorf("session %q: its records lead to state %016x, and record %d says %016x: they were written under another program",
			l.created.Spec.ID, digest, l.seq, r.Digest)
	}
}
