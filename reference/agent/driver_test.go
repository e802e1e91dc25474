package agent

import (
	"slices"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

const ms = time.Millisecond

// answer is what the test driver's world does with an attempt.
type answer struct {
	takes, first time.Duration
	status       workloads.Status
	call         Call
	fatal        bool
}

// driver runs a Machine in a scripted world: each hook decides one kind of
// answer. Zero hooks answer at once, well and for nothing.
type driver struct {
	m     Machine
	now   time.Duration
	queue []timed
	seq   int

	route    func(step, attempt int32) router.Decision
	attempt  func(step, attempt int32, t router.Target) answer
	validate func(step, attempt int32) (takes time.Duration, pass, fatal bool, usd float64)
	tool     func(step, tool int32) (takes time.Duration, usd float64)
	commit   func(step int32) (takes time.Duration, usd float64)
	cancel   func(step, attempt int32) time.Duration
	// before may change an event that is about to be handed over.
	before func(e *Event)
	// seen is called after each Handle with what it answered.
	seen func(now time.Duration, e *Event, fx []Effect)
	// after is called when its effects have been carried out.
	after func()

	started map[[2]int32]sent
	tools   map[[2]int32]bool
	fx      []Effect
	log     []logged
	steps   []workloads.Outcome
	session *workloads.Outcome
}

type timed struct {
	at  time.Duration
	seq int
	e   Event
}

type sent struct {
	at  time.Duration
	ans answer
}

type logged struct {
	at time.Duration
	e  Event
	fx []Effect
}

func newDriver(cfg *Config, p *Program) *driver {
	d := &driver{started: map[[2]int32]sent{}, tools: map[[2]int32]bool{}}
	d.m.Reset(cfg, p, rng.New(1, 0), 7, 0, 0)
	return d
}

func (d *driver) at(t time.Duration, e Event) {
	d.seq++
	i, _ := slices.BinarySearchFunc(d.queue, t, func(q timed, t time.Duration) int {
		if q.at <= t {
			return -1
		}
		return 1
	})
	d.queue = slices.Insert(d.queue, i, timed{t, d.seq, e})
}

// run hands over events until none is left.
func (d *driver) run() {
	for len(d.queue) > 0 {
		q := d.queue[0]
		d.queue = d.queue[1:]
		d.now = q.at
		d.hand(q.e)
	}
}

func (d *driver) hand(e Event) {
	switch e.Kind {
	case AttemptDone:
		s, there := d.started[[2]int32{e.Step, e.Attempt}]
		if !there {
			return // its cancellation has been answered
		}
		delete(d.started, [2]int32{e.Step, e.Attempt})
		e.Call = s.call(d.now)
	case ToolDone:
		if !d.tools[[2]int32{e.Step, e.Tool}] {
			return
		}
		delete(d.tools, [2]int32{e.Step, e.Tool})
	}
	d.give(e)
}

// give hands one event to the machine and carries out what it answers.
func (d *driver) give(e Event) {
	if d.before != nil {
		d.before(&e)
	}
	d.fx = d.m.Handle(d.now, &e, d.fx[:0])
	fx := slices.Clone(d.fx)
	d.log = append(d.log, logged{d.now, e, fx})
	if d.seen != nil {
		d.seen(d.now, &e, fx)
	}
	for _, f := range fx {
		d.do(f)
	}
	if d.after != nil {
		d.after()
	}
}

// call is what an attempt took until now: its price in proportion, and all
// its time network if it did not get to its end.
func (s *sent) call(now time.Duration) *Call {
	c := s.ans.call
	took := now - s.at
	if took != s.ans.takes {
		c = Call{USD: c.USD * min(1, float64(took)/float64(max(s.ans.takes, 1)))}
	}
	c.Network = took - c.Queue - c.Prefill - c.Decode
	return &c
}

func (d *driver) do(f Effect) {
	e := Event{Step: f.Step, Attempt: f.Attempt, Tool: f.Tool}
	switch f.Kind {
	case Route:
		dec := d.route(f.Step, f.Attempt)
		e.Kind, e.Decision = Routed, &dec
		d.at(d.now, e)
	case Start:
		d.start(f)
	case Cancel:
		e.Kind, e.Status = AttemptDone, workloads.StatusCancelled
		var late time.Duration
		if d.cancel != nil {
			late = d.cancel(f.Step, f.Attempt)
		}
		d.at(d.now+late, e)
	case Validate:
		takes, pass, fatal, usd := d.validate(f.Step, f.Attempt)
		e.Kind, e.Pass, e.Fatal, e.USD = Validated, pass, fatal, usd
		d.at(d.now+takes, e)
	case RunTool:
		var takes time.Duration
		if d.tool != nil {
			takes, e.USD = d.tool(f.Step, f.Tool)
		}
		e.Kind, e.Status = ToolDone, workloads.StatusOK
		d.tools[[2]int32{f.Step, f.Tool}] = true
		d.at(d.now+takes, e)
	case CancelTool:
		e.Kind, e.Status = ToolDone, workloads.StatusCancelled
		d.at(d.now, e)
	case SetTimer:
		e.Kind, e.Timer = TimerFired, f.Timer
		d.at(f.At, e)
	case Commit:
		var takes time.Duration
		if d.commit != nil {
			takes, e.USD = d.commit(f.Step)
		}
		e.Kind = Committed
		d.at(d.now+takes, e)
	case StepDone:
		var o workloads.Outcome
		d.m.StepOutcome(f.Step, &o)
		d.steps = append(d.steps, o)
	case Finish:
		d.session = new(workloads.Outcome)
		d.m.SessionOutcome(d.session)
	}
}

func (d *driver) start(f Effect) {
	ans := answer{takes: 100 * ms, status: workloads.StatusOK}
	if d.attempt != nil {
		ans = d.attempt(f.Step, f.Attempt, f.Target)
	}
	d.started[[2]int32{f.Step, f.Attempt}] = sent{d.now, ans}
	e := Event{Step: f.Step, Attempt: f.Attempt}
	if ans.first > 0 {
		e.Kind = FirstToken
		d.at(d.now+ans.first, e)
	}
	e.Kind, e.Status, e.Fatal = AttemptDone, ans.status, ans.fatal
	d.at(d.now+ans.takes, e)
}

// testWorld has four sites, one per tier, each with the models small and big.
func testWorld() *topology.World {
	w := &topology.World{Name: "test", DeviceSite: 0,
		Models:  []topology.Model{{ID: 0, Name: "small"}, {ID: 1, Name: "big", Frontier: true}},
		Origins: []topology.Origin{{Name: "here", Weight: 1}},
	}
	for i, name := range []string{"dev", "met", "reg", "cen"} {
		w.Sites = append(w.Sites, topology.Site{ID: topology.SiteID(i), Name: name, Tier: topology.Tier(i), Home: true})
	}
	return w
}

func target(site, model int32) router.Target {
	return router.Target{Site: topology.SiteID(site), Model: topology.ModelID(model), Replica: topology.ReplicaID(2*site + model)}
}

// graph makes a Graph of nodes whose Step, Next and numbering it fills in.
func graph(nodes ...workloads.Node) *workloads.Graph {
	g := &workloads.Graph{Session: workloads.Session{ID: "t"}, Steps: nodes}
	for i := range nodes {
		n := &nodes[i]
		if n.Step == nil {
			n.Step = &workloads.Step{}
		}
		n.Step.ID = string(rune('a' + i%26))
		if len(n.Wait) == 0 {
			g.Roots = append(g.Roots, int32(i))
		}
		for _, e := range n.Wait {
			if e.From >= 0 && !slices.Contains(nodes[e.From].Next, int32(i)) {
				nodes[e.From].Next = append(nodes[e.From].Next, int32(i))
			}
		}
		g.Tools += len(n.Step.Tools)
	}
	return g
}

// plain is a step without context, owner or tools.
func plain(wait ...workloads.Edge) workloads.Node {
	return workloads.Node{Wait: wait, Input: 100, Output: 10, Base: -1, Owner: -1, OwnerTool: -1}
}

func withTools(n workloads.Node, count int) workloads.Node {
	n.Step = &workloads.Step{Tools: make([]workloads.Tool, count)}
	return n
}

func after(from int32, on workloads.On, delay time.Duration, cause workloads.Cause) workloads.Edge {
	return workloads.Edge{From: from, On: on, Delay: workloads.Millis(delay), Cause: cause}
}
