package sim

import (
	"fmt"
	"time"

	"tierlab/sim/batching"
)

// Engines are the books of all replicas' engines at the engine fidelity.
type Engines struct {
	Jobs       uint64 // accepted
	Ended      uint64 // of these
	Held       uint64
	Iterations uint64
	Rows       uint64        // sequence-iterations
	Busy       time.Duration // of the devices
	Computed   uint64        // tokens whose keys and values were computed
	Found      uint64        // tokens found resident instead
	Produced   uint64        // output tokens
	Preempted  uint64        // sequences, each time
	Evicted    uint64        // blocks
}

func (e *Engines) add(s *batching.Stats) {
	e.Jobs += s.Arrived - s.Refused - s.Rejected - s.TooLong
	e.Ended += s.Done + s.Cancelled + s.Failed
	e.Held += uint64(s.Held())
	e.Iterations += s.Iterations
	e.Rows += s.Rows
	e.Busy += s.Busy
	e.Computed += s.Sched.Computed
	e.Found += s.Sched.Cached
	e.Produced += s.Sched.Produced
	e.Preempted += s.Sched.Preempted
	e.Evicted += s.Blocks.Evicted
}

// check holds the engines' books to the laws that go beyond a single engine.
func (e *Engines) check(t *Totals) error {
	switch {
	case e.Jobs != e.Ended+e.Held:
		return fmt.Errorf("INV-3: engines took up %d jobs, %d ended and %d are held", e.Jobs, e.Ended, e.Held)
	case e.Held > uint64(t.InFlight):
		return fmt.Errorf("INV-3: engines hold %d jobs, but only %d attempts are in flight", e.Held, t.InFlight)
	}
	return nil
}

// closeEngines settles the engines' books: each replica's own laws (INV-12) are
// checked here.
func (p *point) closeEngines() {
	for i := range p.replicas {
		server := p.replicas[i].engine.server
		if server == nil {
			continue
		}
		if err := server.Check(); err != nil {
			at := p.world.Replicas[i]
			p.keepError(fmt.Errorf("INV-12: site %s, model %s: %w", p.world.Sites[at.Site].Name, p.world.Models[at.Model].Name, err))
		}
		s := server.Stats()
		p.totals.Engines.add(&s)
	}
}
