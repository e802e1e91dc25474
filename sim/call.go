package sim

import (
	"slices"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/sim/site"
	"tierlab/workloads"
)

// call is an attempt on its way: request, service, answer. Times that it has
// not reached are unset.
type call struct {
	gen     uint32
	live    bool
	watched bool // the session wants to know of its first token
	hit     bool // the response cache answered
	entered bool // it is past its site's front end
	status  workloads.Status
	session int32
	step    int32
	attempt int32
	target  router.Target
	handle  site.Handle

	sent, arrived, started, first, done time.Duration // all but sent at the site

	input, cached, output int
	usd, egress, joules   float64
}

// unset marks a moment that a call has not reached.
const unset = -1

func (p *point) newCall() (int32, *call) {
	var i int32
	if n := len(p.freeCalls); n > 0 {
		i = p.freeCalls[n-1]
		p.freeCalls = p.freeCalls[:n-1]
	} else {
		p.calls = append(p.calls, call{})
		i = int32(len(p.calls) - 1)
	}
	c := &p.calls[i]
	*c = call{
		gen: c.gen + 1, live: true, status: workloads.StatusOK,
		arrived: unset, started: unset, first: unset, done: unset,
	}
	return i, c
}

func (p *point) freeCall(i int32) {
	p.calls[i].live = false
	p.freeCalls = append(p.freeCalls, i)
}

// startCall sends an attempt's request.
func (p *point) startCall(si int32, s *session, e *agent.Effect) {
	i, c := p.newCall()
	node := &s.graph.Steps[e.Step]
	c.session, c.step, c.attempt, c.target = si, e.Step, e.Attempt, e.Target
	c.sent, c.watched = p.now, e.Watch
	c.input, c.output = s.machine.EffectiveInput(e.Step), s.machine.EffectiveOutput(e.Step)
	s.calls = append(s.calls, i)
	p.totals.Attempts++
	p.guardData(s, node, e.Target.Site)

	target := &p.world.Sites[e.Target.Site]
	from, to := p.world.PlaceOf(s.home, s.origin), p.world.PlaceOf(e.Target.Site, s.origin)
	tokens := c.input
	if target.Stores && slices.Contains(s.stored, e.Target.Site) {
		tokens -= s.machine.Reusable(e.Step)
	}
	bytes := int64(float64(tokens) * p.world.Platform.BytesPerToken)
	oneWay, _ := p.net.Request(p.now, from, to, bytes, s.stepKey(e.Step).Fold(uint64(e.Attempt)))
	c.egress += p.world.EgressUSDPerGB(s.home, e.Target.Site) * float64(bytes) / 1e9
	p.kernel.Schedule(p.now+oneWay, event{kind: callArrives, gen: c.gen, session: i})
}

// guardData books a step whose data may not be where it is sent. A user's own
// device is in every region. The router's hard rules keep the counts at zero;
// INV-7 checks that they do.
func (p *point) guardData(s *session, node *workloads.Node, at topology.SiteID) {
	rules := s.graph.Session.Data
	if (node.Step.PII || rules != nil && rules.PII) && p.world.Sites[at].Tier != topology.Device {
		p.totals.PrivateOffDevice++
	}
	if rules != nil && len(rules.Residency) > 0 && at != p.world.DeviceSite && !slices.Contains(rules.Residency, p.world.Sites[at].Region) {
		p.totals.ResidencyBroken++
	}
}

// callArrives puts a request before its site.
func (p *point) callArrives(i int32, gen uint32) {
	c := &p.calls[i]
	if !c.live || c.gen != gen {
		return
	}
	s := p.sessions[c.session]
	if c.arrived == unset {
		c.arrived = p.now
	}
	if p.world.Sites[c.target.Site].Stores && !slices.Contains(s.stored, c.target.Site) {
		s.stored = append(s.stored, c.target.Site)
	}
	place := p.world.PlaceOf(c.target.Site, s.origin)
	if p.siteDown(c.target.Site) || p.net.Down(p.now, p.world.PlaceOf(s.home, s.origin), place) {
		p.answerEmpty(i, workloads.StatusError)
		return
	}
	if p.cacheHit(i, s) {
		return
	}
	if c.target.Site == p.world.DeviceSite {
		p.serveOnDevice(i, s)
		return
	}
	p.offer(i, s)
}

// cacheHit answers from the site's response cache.
func (p *point) cacheHit(i int32, s *session) bool {
	c := &p.calls[i]
	if !p.inCache(s, c.step, c.target.Site) {
		return false
	}
	c.hit, c.cached = true, c.input
	c.started, c.first = p.now, p.now+p.world.Sites[c.target.Site].Cache.Latency
	c.done = c.first
	p.answer(i)
	return true
}

// inCache says whether a site's response cache holds a step's answer.
func (p *point) inCache(s *session, step int32, at topology.SiteID) bool {
	share := s.facts.share[at]
	if share == nil {
		return false
	}
	kind := s.facts.steps[s.template][step].kind
	if s.machine.Compacting(step) {
		kind = s.facts.compaction.kind
	}
	return s.stepKey(step).For(rng.CacheHit).Bool(share[kind])
}

// serveOnDevice runs a request on its user's own device, one sequence at a
// time in order of arrival.
func (p *point) serveOnDevice(i int32, s *session) {
	c := &p.calls[i]
	d := p.world.Deployment(c.target.Site, c.target.Model)
	c.cached = s.deviceCached(c.step, c.target.Model, c.input)
	prefill, decode := work(d, c)
	c.started = max(p.now, s.deviceFree)
	c.first = c.started + prefill
	c.done = c.first + decode
	s.deviceFree = c.done
	s.deviceKeep(c)
	p.window.device(prefill + decode)
	p.answer(i)
}

// work is an attempt's unloaded service: prefill of what is not cached (at
// least one token, whose pass gives the first output token), then an iteration
// for each further token.
func work(d *topology.Deployment, c *call) (prefill, decode time.Duration) {
	fresh := max(1, c.input-c.cached)
	prefill = time.Duration(float64(fresh) / d.PrefillTokS * float64(time.Second))
	decode = time.Duration(max(0, c.output-1)) * (d.StepBase + d.StepPerSeq)
	return prefill, decode
}

// answer prices an attempt that has been, or will be, served at known times
// and sends its answer home.
func (p *point) answer(i int32) {
	c := &p.calls[i]
	s := p.sessions[c.session]
	if !c.hit {
		p.price(c)
	}
	p.priceBytes(c, s)
	from, to := p.world.PlaceOf(c.target.Site, s.origin), p.world.PlaceOf(s.home, s.origin)
	if c.watched {
		at := c.first + p.net.Answer(c.first, to, from)
		p.kernel.Schedule(max(p.now, at), event{kind: firstToken, gen: c.gen, session: i})
	}
	at := c.done + p.net.Answer(c.done, to, from)
	p.kernel.Schedule(max(p.now, at), event{kind: callAnswered, gen: c.gen, session: i})
}

// price books what an attempt's tokens cost.
func (p *point) price(c *call) {
	d := p.world.Deployment(c.target.Site, c.target.Model)
	c.usd = (float64(c.input-c.cached)*d.Price.In + float64(c.cached)*d.Price.Cached + float64(c.output)*d.Price.Out) / 1e6
	c.joules = float64(c.output) * d.JoulesPerTok
}

// priceBytes books what the streaming of an answer's tokens costs, to the home
// and on to the user where the answer is for them.
func (p *point) priceBytes(c *call, s *session) {
	bytes := float64(c.output) * (p.world.Platform.BytesPerToken + p.world.Platform.SSEBytes)
	c.egress += p.world.EgressUSDPerGB(c.target.Site, s.home) * bytes / 1e9
	if s.facts.steps[s.template][c.step].user && !s.machine.Compacting(c.step) {
		c.egress += p.world.EgressUSDPerGB(s.home, p.world.DeviceSite) * bytes / 1e9
	}
}

// answerEmpty sends a refusal home.
func (p *point) answerEmpty(i int32, status workloads.Status) {
	c := &p.calls[i]
	s := p.sessions[c.session]
	c.status, c.output, c.cached, c.usd = status, 0, 0, 0
	if c.started == unset {
		c.started = p.now
	}
	if c.first == unset {
		c.first = p.now
	}
	c.done = p.now
	at := p.now + p.net.Answer(p.now, p.world.PlaceOf(s.home, s.origin), p.world.PlaceOf(c.target.Site, s.origin))
	p.kernel.Schedule(at, event{kind: callAnswered, gen: c.gen, session: i})
}

// callFirst tells the session that tokens have begun to arrive.
func (p *point) callFirst(i int32, gen uint32) {
	c := &p.calls[i]
	if !c.live || c.gen != gen {
		return
	}
	p.tell(c.session, &agent.Event{Kind: agent.FirstToken, Step: c.step, Attempt: c.attempt})
}
