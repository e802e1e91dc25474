package sim

import (
	"math"
	"strconv"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// session is a replayed session: its machine and what the simulator keeps
// beside it.
type session struct {
	machine  agent.Machine
	graph    *workloads.Graph
	facts    *facts
	template int32     // number of the graph in the library
	hard     []float64 // difficulty by step; NaN: not drawn yet
	gen      uint32
	live     bool
	measured bool
	name     string // of the replayed session; made when first reported
	number   int32  // of the arrival
	key      rng.Stream
	origin   topology.OriginID
	home     topology.SiteID
	arrived  time.Duration
	calls    []int32 // attempts in flight

	deviceFree   time.Duration // when the user's device is idle again
	deviceModel  topology.ModelID
	deviceTokens int   // of deviceLine that the device's cache holds
	deviceLine   int32 // the line of contexts that it holds

	contexts []contexts // by block size, at the engine fidelity

	stored []topology.SiteID // sites that keep the conversation and have had it
}

// stepKey is the key of a step's draws.
func (s *session) stepKey(step int32) rng.Stream {
	return s.key.For(rng.QualityStep).Fold(uint64(step)*2 + b2u(s.machine.Compacting(step)))
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// call is a step's present model call: its own, or the one that compacts its
// context.
func (s *session) call(step int32) *workloads.LLM {
	if s.machine.Compacting(step) {
		return &compaction
	}
	return &s.graph.Steps[step].Step.LLM
}

var compaction = workloads.LLM{Kind: "summarize"}

// dropCall forgets an attempt that is no longer in flight.
func (s *session) dropCall(i int32) {
	for k, x := range s.calls {
		if x == i {
			last := len(s.calls) - 1
			s.calls[k] = s.calls[last]
			s.calls = s.calls[:last]
			return
		}
	}
}

// deviceCached is how many tokens of a step's prompt the device still holds for
// a model: it keeps one context, the last.
func (s *session) deviceCached(step int32, m topology.ModelID, input int) int {
	node := &s.graph.Steps[step]
	if node.Base < 0 || s.deviceModel != m || s.graph.Steps[node.Base].Line != s.deviceLine {
		return 0
	}
	return min(s.machine.Reusable(step), s.deviceTokens, input-1)
}

func (s *session) deviceKeep(c *call) {
	s.deviceModel, s.deviceLine, s.deviceTokens = c.target.Model, s.graph.Steps[c.step].Line, c.input+c.output
}

// sessionEvent hands a kernel event to its session, unless that has ended.
func (p *point) sessionEvent(e *event) {
	s := p.sessions[e.session]
	if !s.live || s.gen != e.gen {
		return
	}
	ev := agent.Event{Step: e.step, Attempt: e.attempt, Tool: e.tool}
	switch e.kind {
	case reached:
		ev.Kind, ev.Turn = agent.Arrived, p.now-s.arrived
	case timer:
		ev.Kind, ev.Timer, ev.Tool = agent.TimerFired, agent.TimerKind(e.tool), 0
	case committed:
		ev.Kind, ev.USD = agent.Committed, p.commitUSD
	case validated:
		ev.Kind, ev.Pass, ev.Tool, ev.USD = agent.Validated, e.tool == 1, 0, p.world.Validator.USDPerCall
	case transition:
		ev.Kind = agent.Routed
	case toolDone:
		if !s.machine.ToolRunning(e.step, ev.Tool) {
			return // it was called off
		}
		run := p.cfg.Agent.CapTool(s.graph.Steps[e.step].Step.Tools[e.tool].Duration.D())
		ev.Kind, ev.USD = agent.ToolDone, p.world.Platform.Sandbox.Price(run)
		p.totals.Tools++
	}
	p.totals.USD += ev.USD
	p.tell(e.session, &ev)
}

// tell hands an event to a session's machine and carries out what it asks for,
// and what it asks for in answer to that. Of Routed, the decision is made here.
func (p *point) tell(si int32, ev *agent.Event) {
	s := p.sessions[si]
	base := len(p.effects)
	if ev.Kind == agent.Routed {
		p.route(s, &agent.Effect{Kind: agent.Route, Step: ev.Step, Attempt: ev.Attempt})
	} else {
		p.feed(s, ev)
	}
	for i := base; i < len(p.effects); i++ {
		e := p.effects[i]
		p.carryOut(si, s, &e)
	}
	p.effects = p.effects[:base]
}

// feed hands an event to a machine; tell's loop carries out the effects.
func (p *point) feed(s *session, ev *agent.Event) {
	p.effects = s.machine.Handle(p.now, ev, p.effects)
}

// carryOut does what a machine asks for.
func (p *point) carryOut(si int32, s *session, e *agent.Effect) {
	ev := event{gen: s.gen, session: si, step: e.Step, attempt: e.Attempt, tool: e.Tool}
	switch e.Kind {
	case agent.Route:
		if d := p.transitionTime(s, e); d > 0 {
			ev.kind = transition
			p.kernel.Schedule(p.now+d, ev)
			return
		}
		p.route(s, e)
	case agent.Start:
		p.startCall(si, s, e)
	case agent.Cancel:
		p.cancelCall(si, e)
	case agent.SetTimer:
		if e.Timer == agent.Timeout {
			p.setTimeout(si, s, e)
			return
		}
		ev.kind, ev.tool = timer, int32(e.Timer)
		p.kernel.Schedule(max(e.At, p.now), ev)
	case agent.Validate:
		ev.kind, ev.tool = validated, int32(b2u(p.passes(s, e)))
		p.kernel.Schedule(p.now+p.world.Validator.Latency, ev)
	case agent.RunTool:
		ev.kind = toolDone
		p.kernel.Schedule(p.now+p.toolTime(s, e), ev)
	case agent.CancelTool:
		p.feed(s, &agent.Event{Kind: agent.ToolDone, Step: e.Step, Tool: e.Tool, Status: workloads.StatusCancelled})
	case agent.Commit:
		ev.kind = committed
		p.kernel.Schedule(p.now+p.commitTime(s, e), ev)
	case agent.StepDone:
		p.totals.Steps++
		p.reportStep(s, e.Step)
	case agent.Finish:
		p.finish(si, s)
	}
}

// route asks the router where an attempt runs and tells the machine.
func (p *point) route(s *session, e *agent.Effect) {
	s.machine.Request(e.Step, &p.request)
	p.request.Difficulty = p.quality.predicted(p.difficulty(s, e.Step), s.stepKey(e.Step))
	if p.router.Clairvoyant() {
		p.futureOf, p.futureStep, p.futureTry = s, e.Step, e.Attempt
		p.future.Output = s.machine.EffectiveOutput(e.Step)
		p.router.RouteKnowing(p.now, &p.request, &p.future, &p.decision)
	} else {
		p.router.Route(p.now, &p.request, &p.decision)
	}
	p.totals.USD += p.stepUSD
	p.feed(s, &agent.Event{Kind: agent.Routed, Step: e.Step, Attempt: e.Attempt, Decision: &p.decision, USD: p.stepUSD})
}

// difficulty is that of a step's present call; a step's own is drawn once.
func (p *point) difficulty(s *session, step int32) float64 {
	if s.machine.Compacting(step) {
		return p.quality.difficulty(&s.facts.compaction, s.stepKey(step))
	}
	hard := &s.hard[step]
	if math.IsNaN(*hard) {
		*hard = p.quality.difficulty(&s.facts.steps[s.template][step], s.stepKey(step))
	}
	return *hard
}

// passes draws a validator's verdict on an answer.
func (p *point) passes(s *session, e *agent.Effect) bool {
	right := p.rightAnswer(s, e.Step, e.Attempt, e.Target.Site, e.Target.Model)
	return p.quality.passes(right, s.stepKey(e.Step), e.Attempt)
}

// reportStep hands a step's outcome to the sink.
func (p *point) reportStep(s *session, step int32) {
	if p.cfg.Sink == nil || !s.measured && !p.cfg.ReportAll {
		return
	}
	s.machine.StepOutcome(step, &p.outcome)
	p.sign(s, &p.outcome)
	p.keepError(p.cfg.Sink.Step(&p.outcome))
}

// sign says whose outcome it is. A session replayed at its recorded time keeps
// its id; a resampled one gets the arrival's number as well.
func (p *point) sign(s *session, o *workloads.Outcome) {
	if s.name == "" {
		s.name = s.graph.Session.ID
		if p.cfg.Arrivals.Process != Recorded {
			s.name += "~" + strconv.Itoa(int(s.number))
		}
	}
	o.Session, o.Template, o.Measured = s.name, s.graph.Session.ID, s.measured
}

// finish closes a session's books and frees it.
func (p *point) finish(si int32, s *session) {
	p.totals.Finished++
	if p.cfg.Sink != nil && (s.measured || p.cfg.ReportAll) {
		o := &p.sessionOutcome
		s.machine.SessionOutcome(o)
		p.sign(s, o)
		o.Result.Measured = s.measured
		p.keepError(p.cfg.Sink.Session(o))
	}
	p.totals.SessionUSD += s.machine.Cost().Total()
	p.totals.Untimed += s.machine.Violations()
	if b := s.graph.Session.Budget; b != nil && b.USD > 0 {
		p.totals.Overrun = max(p.totals.Overrun, s.machine.Cost().Total()-b.USD)
	}
	if s.measured {
		p.totals.Measured++
	}
	s.live = false
	for i := range s.contexts {
		s.contexts[i].forget()
	}
	p.freeSessions = append(p.freeSessions, si)
	if p.cfg.Arrivals.Process == Closed {
		p.kernel.Schedule(p.now, event{kind: arrival, step: p.started})
		p.started++
	}
}

func (p *point) keepError(err error) {
	if err != nil && p.err == nil {
		p.err = err
	}
}
