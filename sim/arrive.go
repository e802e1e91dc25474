package sim

import (
	"math"
	"sort"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// firstArrivals puts the first session, or for a closed load the first N, on
// the calendar; for a recorded load, the first in the order of arrival.
func (p *point) firstArrivals() {
	a := &p.cfg.Arrivals
	switch a.Process {
	case Closed:
		for range a.N {
			p.kernel.Schedule(0, event{kind: arrival, step: p.started})
			p.started++
		}
	case Recorded:
		p.kernel.Schedule(p.cfg.Scenario.recordedAt(0), event{kind: arrival})
	default:
		p.kernel.Schedule(a.gap(p.draws, 0), event{kind: arrival})
	}
}

// nextArrival follows arrival number n of an open load.
func (p *point) nextArrival(n int32) {
	a := &p.cfg.Arrivals
	switch a.Process {
	case Closed:
	case Recorded:
		if int(n+1) < len(p.cfg.Scenario.order) {
			p.kernel.Schedule(p.cfg.Scenario.recordedAt(int(n+1)), event{kind: arrival, step: n + 1})
		}
	default:
		p.kernel.Schedule(p.now+a.gap(p.draws, uint64(n+1)), event{kind: arrival, step: n + 1})
	}
}

// template is the recorded session that arrival n repeats. Open and closed
// loads resample with replacement, by the arrival's number, so that every
// policy meets the same sessions.
func (p *point) template(n int32) int32 {
	sc := p.cfg.Scenario
	if p.cfg.Arrivals.Process == Recorded {
		return sc.order[n]
	}
	if p.cfg.InOrder {
		return n % int32(len(sc.programs))
	}
	return int32(p.draws.For(rng.Resample).Fold(uint64(n)).IntN(len(sc.programs)))
}

// arrive begins a session.
func (p *point) arrive(n int32) {
	p.nextArrival(n)
	si, s := p.newSession()
	s.number, s.name = n, ""
	s.facts, s.template = p.cfg.Scenario.facts, p.template(n)
	prog := p.cfg.Scenario.programs[s.template]
	s.graph = prog.Graph()
	s.hard = s.hard[:0]
	for range s.graph.Steps {
		s.hard = append(s.hard, math.NaN())
	}
	s.key = p.draws.For(rng.Service).Fold(uint64(n))
	s.origin = p.originOf(s.graph, n)
	s.home = p.homes[s.origin]
	if data := s.graph.Session.Data; data != nil {
		s.home = p.cfg.Home.PlaceFor(p.world, s.origin, data)
	}
	s.arrived, s.measured = p.now, p.window.admit(p.now)
	p.totals.Sessions++
	s.machine.Reset(&p.cfg.Agent, prog, s.key, uint64(n), s.origin, s.home)
	p.openContexts(s)
	user, home := p.world.OriginPlace(s.origin), p.world.PlaceOf(s.home, s.origin)
	p.kernel.Schedule(p.now+p.net.RTT(p.now, user, home), event{kind: reached, gen: s.gen, session: si})
}

func (p *point) newSession() (int32, *session) {
	if n := len(p.freeSessions); n > 0 {
		i := p.freeSessions[n-1]
		p.freeSessions = p.freeSessions[:n-1]
		s := p.sessions[i]
		s.gen++
		s.live, s.calls, s.stored = true, s.calls[:0], s.stored[:0]
		s.deviceFree, s.deviceTokens, s.deviceLine, s.deviceModel = 0, 0, -1, topology.None
		return i, s
	}
	s := &session{live: true, gen: 1, deviceLine: -1, deviceModel: topology.None}
	p.sessions = append(p.sessions, s)
	return int32(len(p.sessions) - 1), s
}

// originOf places an arrival's user.
func (p *point) originOf(g *workloads.Graph, n int32) topology.OriginID {
	if g.Session.Origin != "" {
		if o, ok := p.cfg.Scenario.origins[g.Session.Origin]; ok {
			return o
		}
	}
	u := p.draws.For(rng.Origin).Fold(uint64(n)).Uniform() * p.origins[len(p.origins)-1]
	return topology.OriginID(sort.SearchFloat64s(p.origins, u))
}

// placeHomes decides every origin's home and adds up the origins' weights.
func (p *point) placeHomes() {
	p.homes = make([]topology.SiteID, len(p.world.Origins))
	p.origins = make([]float64, len(p.world.Origins))
	sum := 0.0
	for i := range p.world.Origins {
		p.homes[i] = p.cfg.Home.Place(p.world, topology.OriginID(i))
		sum += p.world.Origins[i].Weight
		p.origins[i] = sum
	}
}
