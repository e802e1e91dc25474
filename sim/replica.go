package sim

import (
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/sim/des"
	"tierlab/sim/network"
	"tierlab/sim/site"
	"tierlab/workloads"
)

// replica is one copy of a deployment: a server, its estimate of resident
// prefixes, and its next event.
type replica struct {
	server   *site.Server
	prefixes *site.Prefixes
	wakeup   des.Wakeup
	d        *topology.Deployment
	tier     topology.Tier
	watched  int32         // requests whose first token somebody waits for
	reports  bool          // a load report is on its way
	ready    time.Duration // its latest start is over then, where it can stop
	warm     time.Duration // and it runs until then without work
	running  int32         // as last seen, for the window's integrals
	queued   int32

	sampleAt time.Duration // when the report under way says how it was
	sampled  bool          // the load has changed since: said is what it was
	said     [2]int32      // running and queued
}

// buildReplicas makes a server for each replica of the world. The device has
// none: its users do not share it.
func (p *point) buildReplicas() {
	w := p.world
	p.replicas = make([]replica, len(w.Replicas))
	for i := range p.replicas {
		r := &p.replicas[i]
		at := w.Replicas[i]
		r.d, r.tier = &w.Sites[at.Site].Deployments[at.Index], w.Sites[at.Site].Tier
		if r.tier == topology.Device {
			continue
		}
		limit := r.d.QueueLimit
		if limit == 0 {
			limit = site.NoQueue
		}
		r.server = site.New(site.Config{
			Slots: r.d.Slots, QueueLimit: limit, Speed: site.Batched(r.d.StepBase, r.d.StepPerSeq),
		})
		r.prefixes = site.NewPrefixes(site.PrefixConfig{Capacity: int(r.d.KVTokens)})
		r.warm = unset
		p.totals.Slots[r.tier] += r.d.Slots
	}
}

// offer puts a request before a replica, after a cold start where it is not
// running.
func (p *point) offer(i int32, s *session) {
	c := &p.calls[i]
	r := &p.replicas[c.target.Replica]
	if at := r.start(p.now); at > p.now {
		p.kernel.Schedule(at, event{kind: callArrives, gen: c.gen, session: i})
		return
	}
	c.cached = min(p.resident(r, s, c.step), c.input-1)
	prefill, decode := work(r.d, c)
	h, outcome, moved := r.server.Arrive(p.now, site.Job{Tag: uint64(i), Prefill: prefill, Decode: decode}, p.moved[:0])
	switch outcome {
	case site.Rejected:
		p.answerEmpty(i, workloads.StatusRejected)
	case site.Refused:
		p.answerEmpty(i, workloads.StatusError)
	default:
		c.handle = h
		if c.watched {
			r.watched++
		}
	}
	p.afterMove(int32(c.target.Replica), moved)
}

// start is when a replica that is asked to serve now can: at once, or when a
// start is over, its own or that of a request before it. A replica that has to
// start holds no prefix.
func (r *replica) start(now time.Duration) time.Duration {
	if r.d.WarmFor == 0 {
		return now
	}
	if now > r.warm && r.server.InService() == 0 {
		r.prefixes.Clear()
		r.ready = now + r.d.ColdStart
		r.warm = r.ready + r.d.WarmFor
	}
	return max(now, r.ready)
}

// resident is how many of a step's prompt tokens the replica is believed to
// hold: what the step keeps of its base, or the shared prefix, whichever is
// more.
func (p *point) resident(r *replica, s *session, step int32) int {
	node := &s.graph.Steps[step]
	reusable, best := s.machine.Reusable(step), 0
	if node.Base >= 0 {
		best = r.prefixes.Hit(p.now, site.Prefix{Key: s.lineKey(s.graph.Steps[node.Base].Line), Tokens: reusable})
	}
	if shared := min(node.PrefixTokens, reusable); shared > best {
		best = max(best, r.prefixes.Hit(p.now, site.Prefix{Key: node.Prefix, Tokens: shared}))
	}
	return best
}

// peek is resident without leaving a trace.
func (p *point) peek(r *replica, s *session, step int32) int {
	node := &s.graph.Steps[step]
	reusable, best := s.machine.Reusable(step), 0
	if node.Base >= 0 {
		best = r.prefixes.Peek(p.now, site.Prefix{Key: s.lineKey(s.graph.Steps[node.Base].Line), Tokens: reusable})
	}
	if shared := min(node.PrefixTokens, reusable); shared > best {
		best = max(best, r.prefixes.Peek(p.now, site.Prefix{Key: node.Prefix, Tokens: shared}))
	}
	return best
}

// keep books what an attempt leaves in the replica's cache.
func (p *point) keep(r *replica, s *session, c *call) {
	node := &s.graph.Steps[c.step]
	r.prefixes.Store(p.now, site.Prefix{Key: s.lineKey(node.Line), Tokens: c.input + c.output})
	if node.PrefixTokens > 0 {
		r.prefixes.Store(p.now, site.Prefix{Key: node.Prefix, Tokens: node.PrefixTokens})
	}
}

// wakeReplica carries out what is due at a replica.
func (p *point) wakeReplica(ri int32, gen uint32) {
	r := &p.replicas[ri]
	if !r.wakeup.Fired(gen) {
		return
	}
	p.afterMove(ri, r.server.Advance(p.now, p.moved[:0]))
}

// afterMove follows a replica's transitions, asks for its next event and
// reports its load.
func (p *point) afterMove(ri int32, moved []site.Transition) {
	r := &p.replicas[ri]
	for k := range moved {
		p.transition(r, &moved[k])
	}
	p.moved = moved[:0]
	next := r.server.NextDone
	if r.watched > 0 {
		next = r.server.NextAt
	}
	if at, ok := next(); ok {
		if gen, moved := r.wakeup.Need(at); moved {
			p.kernel.Schedule(at, event{kind: wake, gen: gen, session: ri})
		}
	}
	running, queued := int32(r.server.InService()), int32(r.server.Queued())
	if running == r.running && queued == r.queued {
		return
	}
	if running == 0 {
		r.warm = max(r.warm, p.now+r.d.WarmFor)
	}
	if r.reports && !r.sampled && p.now > r.sampleAt {
		r.sampled, r.said = true, [2]int32{r.running, r.queued}
	}
	p.window.load(p.now, r.tier, running-r.running, queued-r.queued)
	r.running, r.queued = running, queued
	if !r.reports {
		p.announce(ri, p.now+p.world.Platform.ViewInterval)
	}
}

// transition follows one job.
func (p *point) transition(r *replica, t *site.Transition) {
	i := int32(t.Tag)
	c := &p.calls[i]
	if c.watched && t.Kind >= site.Done { // it has left
		r.watched--
	}
	switch t.Kind {
	case site.Done:
		c.started, c.first, c.done, c.handle = t.Started, t.First, t.At, 0
		p.keep(r, p.sessions[c.session], c)
		watched := c.watched
		c.watched = false // its first token was reported when it came
		p.answer(i)
		c.watched = watched
	case site.FirstToken:
		if c.watched {
			s := p.sessions[c.session]
			at := p.now + p.net.Answer(p.now, p.world.PlaceOf(s.home, s.origin), p.world.PlaceOf(c.target.Site, s.origin))
			p.kernel.Schedule(at, event{kind: firstToken, gen: c.gen, session: i})
		}
	case site.Failed:
		c.started, c.first, c.handle = t.Started, t.First, 0
		p.answerEmpty(i, workloads.StatusError)
	case site.Cancelled:
		c.started, c.first = t.Started, t.First
	}
}

// announce puts a replica's next report on the calendar, for when it reaches the
// router. What the load was when it was sent is kept once that changes.
func (p *point) announce(ri int32, at time.Duration) {
	r := &p.replicas[ri]
	r.reports, r.sampled, r.sampleAt = true, false, at
	p.kernel.Schedule(at+p.lag[p.world.Replicas[ri].Site], event{kind: report, session: ri})
}

// reportReplica brings a replica's load, as it was when the report was sent, to
// the router's view.
func (p *point) reportReplica(ri int32) {
	r := &p.replicas[ri]
	present := [2]int32{r.running, r.queued}
	if !r.sampled {
		r.said = present
	}
	p.router.Observe(r.sampleAt, topology.ReplicaID(ri), int(r.said[0]), int(r.said[1]))
	r.reports = false
	if r.said != present {
		p.announce(ri, max(p.now, r.sampleAt+p.world.Platform.ViewInterval))
	}
}

// placeReader says how long a site's report is on its way. The view is one for
// all homes, so it is half the undisturbed round trip to the home of a user,
// on average over the users.
func (p *point) placeReader() {
	p.lag = make([]time.Duration, len(p.world.Sites))
	for s := range p.lag {
		if topology.SiteID(s) == p.world.DeviceSite {
			continue
		}
		sum := 0.0
		for o := range p.world.Origins {
			home := p.world.PlaceOf(p.homes[o], topology.OriginID(o))
			sum += p.world.Origins[o].Weight * float64(p.world.Link(topology.Place(s), home).RTT)
		}
		p.lag[s] = time.Duration(sum / p.origins[len(p.origins)-1] / 2)
	}
}

// scheduleFaults puts the first window of every site fault on the calendar.
func (p *point) scheduleFaults() {
	for i := range p.world.Faults {
		f := &p.world.Faults[i]
		if f.Site != topology.None && f.Down {
			p.kernel.Schedule(f.Start, event{kind: fault, session: int32(i), tool: 1})
		}
	}
}

// applyFault takes a fault's site out of service, or brings it back.
func (p *point) applyFault(i int, begin bool) {
	f := &p.world.Faults[i]
	if begin {
		if f.Every > 0 {
			p.kernel.Schedule(p.now+f.Every, event{kind: fault, session: int32(i), tool: 1})
		}
		if !network.Active(f, i, p.now, p.draws) {
			return
		}
		p.kernel.Schedule(p.now+f.Length, event{kind: fault, session: int32(i)})
	}
	down := p.siteDown(f.Site) // windows of several faults may overlap
	for ri := range p.replicas {
		r := &p.replicas[ri]
		if p.world.Replicas[ri].Site == f.Site && r.server != nil {
			if down {
				r.prefixes.Clear()
			}
			p.afterMove(int32(ri), r.server.SetDown(p.now, down, p.moved[:0]))
		}
	}
	// A site's health is read off its reports, so it is as late as they are.
	p.kernel.Schedule(p.now+p.world.Platform.ViewInterval+p.lag[f.Site],
		event{kind: health, session: int32(f.Site), tool: int32(b2u(down))})
}

// siteDown says whether a site refuses requests now.
func (p *point) siteDown(s topology.SiteID) bool {
	for i := range p.world.Faults {
		if f := &p.world.Faults[i]; f.Site == s && f.Down && network.Active(f, i, p.now, p.draws) {
			return true
		}
	}
	return false
}

// bindFuture prepares what only a clairvoyant policy sees.
func (p *point) bindFuture() {
	p.future.Correct = func(m topology.ModelID) bool {
		s := p.futureOf
		return p.quality.correct(s.call(p.futureStep), p.difficulty(s, p.futureStep), m, s.stepKey(p.futureStep), p.futureTry)
	}
	p.future.Wait = func(id topology.ReplicaID) time.Duration {
		r := &p.replicas[id]
		switch {
		case r.server == nil:
			return max(0, p.futureOf.deviceFree-p.now)
		case r.server.InService() < r.d.Slots:
			return 0
		}
		return r.server.QueuedWork() / time.Duration(r.d.Slots)
	}
	p.future.Cached = func(id topology.ReplicaID) int {
		r := &p.replicas[id]
		if r.prefixes == nil {
			s := p.futureOf
			return s.deviceCached(p.futureStep, r.d.Model, s.machine.EffectiveInput(p.futureStep))
		}
		return p.peek(r, p.futureOf, p.futureStep)
	}
}

// lineKey names a session's line of contexts in a replica's estimate.
func (s *session) lineKey(line int32) uint64 {
	return s.key.For(rng.Service).Fold(uint64(line)).Uint64()
}
