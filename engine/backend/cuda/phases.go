package cuda

import (
	"sync"
	"time"

	"tierlab/engine/backend"
)

// phases are the parts of a start. Some run at the same time.
type phases struct{ *phaseList }

type phaseList struct {
	mu   sync.Mutex
	list []backend.Phase
}

func began() phases { return phases{&phaseList{}} }

// begin starts a part, which ends when what it gives is called.
func (p phases) begin(name string) (end func()) {
	start := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	at := len(p.list)
	p.list = append(p.list, backend.Phase{Name: name})
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.list[at].Took = time.Since(start)
	}
}

func (p phases) all() []backend.Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]backend.Phase(nil), p.list...)
}
