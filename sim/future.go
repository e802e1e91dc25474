package sim

import (
	"time"

	"tierlab/reference/topology"
	"tierlab/sim/site"
)

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
		r, s := &p.replicas[id], p.futureOf
		switch {
		case r.server == nil:
			return s.deviceCached(p.futureStep, r.d.Model, s.machine.EffectiveInput(p.futureStep))
		case r.engine.server != nil:
			prompt, _ := s.contexts[r.engine.size].call(p.futureStep)
			return min(r.engine.server.Resident(prompt), prompt.Len()-1)
		}
		return p.resident((*site.Prefixes).Peek, r, s, p.futureStep)
	}
}
