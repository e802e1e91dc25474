package sim

import (
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/sim/des"
	"tierlab/sim/site"
	"tierlab/workloads"
)

// server is what serves at a replica, at either fidelity.
type server interface {
	Advance(now time.Duration, out []site.Transition) []site.Transition
	NextAt() (at time.Duration, ok bool)
	NextDone() (at time.Duration, ok bool)
	Cancel(now time.Duration, h site.Handle, out []site.Transition) (ok bool, _ []site.Transition)
	SetDown(now time.Duration, down bool, out []site.Transition) []site.Transition
	InService() int
	Queued() int
	QueuedWork() time.Duration
	Down() bool
}

// replica is one copy of a deployment: a server and its next event.
type replica struct {
	server   server         // queue or engine; nil on the device
	queue    *site.Server   // at the queue fidelity, with its estimate of
	prefixes *site.Prefixes // resident prefixes
	engine   engine         // at the engine fidelity
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
		if p.cfg.Fidelity == Engine {
			p.buildEngine(r)
		} else {
			r.buildQueue()
		}
		r.warm = unset
		p.totals.Slots[r.tier] += r.d.Slots
	}
}

// buildQueue makes a replica's server of the queue fidelity.
func (r *replica) buildQueue() {
	limit := r.d.QueueLimit
	if limit == 0 {
		limit = site.NoQueue
	}
	r.queue = site.New(site.Config{
		Slots: r.d.Slots, QueueLimit: limit, Speed: site.Batched(r.d.StepBase, r.d.StepPerSeq),
	})
	r.server = r.queue
	r.prefixes = site.NewPrefixes(site.PrefixConfig{Capacity: int(r.d.KVTokens)})
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
	if way := r.engine.enter(c); way > 0 {
		p.kernel.Schedule(p.now+way, event{kind: callArrives, gen: c.gen, session: i})
		return
	}
	var h site.Handle
	var outcome site.Outcome
	var moved []site.Transition
	if r.engine.server != nil {
		h, outcome, moved = p.offerEngine(i, r, s)
	} else {
		c.cached = min(p.resident((*site.Prefixes).Hit, r, s, c.step), c.input-1)
		prefill, decode := work(r.d, c)
		h, outcome, moved = r.queue.Arrive(p.now, site.Job{Tag: uint64(i), Prefill: prefill, Decode: decode}, p.moved[:0])
	}
	switch outcome {
	case site.Rejected:
		p.answerEmpty(i, workloads.StatusRejected)
	case site.Refused, site.TooLong:
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
	if now > r.warm && r.server.InService()+r.server.Queued() == 0 {
		r.forget()
		r.ready = now + r.d.ColdStart
		r.warm = r.ready + r.d.WarmFor
	}
	return max(now, r.ready)
}

// forget empties the cache of a replica without work.
func (r *replica) forget() {
	if r.engine.server != nil {
		r.engine.server.Clear()
		return
	}
	r.prefixes.Clear()
}

// lookup finds a prefix in a replica's estimate: Hit, which uses it, or Peek,
// which leaves no trace.
type lookup func(*site.Prefixes, time.Duration, site.Prefix) int

// resident is how many of a step's prompt tokens the replica is believed to
// hold: what the step keeps of its base, or the shared prefix, whichever is
// more.
func (p *point) resident(look lookup, r *replica, s *session, step int32) int {
	node := &s.graph.Steps[step]
	reusable, best := s.machine.Reusable(step), 0
	if node.Base >= 0 {
		best = look(r.prefixes, p.now, site.Prefix{Key: s.lineKey(s.graph.Steps[node.Base].Line), Tokens: reusable})
	}
	if shared := min(node.PrefixTokens, reusable); shared > best {
		best = max(best, look(r.prefixes, p.now, site.Prefix{Key: node.Prefix, Tokens: shared}))
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
		if r.engine.server != nil {
			r.engine.answered(c, t)
		} else {
			p.keep(r, p.sessions[c.session], c)
		}
		watched := c.watched
		c.watched = false // its first token was reported when it came
		p.answer(i)
		c.watched = watched
	case site.FirstToken:
		if c.watched {
			s := p.sessions[c.session]
			left := p.now + r.engine.leave(1)
			at := left + p.net.Answer(left, p.world.PlaceOf(s.home, s.origin), p.world.PlaceOf(c.target.Site, s.origin))
			p.kernel.Schedule(at, event{kind: firstToken, gen: c.gen, session: i})
		}
	case site.Failed:
		c.started, c.first, c.handle = t.Started, t.First, 0
		p.answerEmpty(i, workloads.StatusError)
	case site.Cancelled:
		c.started, c.first = t.Started, t.First
		if r.engine.server != nil {
			c.cached, c.output = int(t.Cached), int(t.Output)
		}
	}
}

// lineKey names a session's line of contexts in a replica's estimate.
func (s *session) lineKey(line int32) uint64 {
	return s.key.For(rng.Service).Fold(uint64(line)).Uint64()
}
