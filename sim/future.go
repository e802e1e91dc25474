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
		r := &p.replicas[id]
		if r.prefixes == nil {
			s := p.futureOf
			return s.deviceCached(p.futureStep, r.d.Model, s.machine.EffectiveInput(p.futureStep))
		}
		return p.resident((*site.Prefixes).Peek, r, p.futureOf, p.futureStep)
	}
}
