package sim

import (
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// fact is what a world says of a step's model call, looked up once.
type fact struct {
	hard topology.Normal // its difficulty; SD is 0 where the step states one
	kind int32           // row of facts.share
	user bool            // the answer is for the user
}

// facts are the facts of all steps of a workload in a world.
type facts struct {
	steps [][]fact // by session and step
	// compaction is the call that compacts a context.
	compaction fact
	kinds      map[string]int32
	// share is, by site, the response cache's hit probability by kind; nil
	// where the site has no cache.
	share [][]float64
}

func newFacts(w *topology.World, lib *workloads.Library) *facts {
	f := &facts{steps: make([][]fact, len(lib.Sessions)), kinds: map[string]int32{}}
	f.compaction = f.of(w, &compaction)
	for i, g := range lib.Sessions {
		f.steps[i] = make([]fact, len(g.Steps))
		for k := range g.Steps {
			f.steps[i][k] = f.of(w, &g.Steps[k].Step.LLM)
			f.steps[i][k].user = g.ForUser(int32(k))
		}
	}
	f.share = make([][]float64, len(w.Sites))
	for i := range w.Sites {
		cache := &w.Sites[i].Cache
		if len(cache.Share) == 0 {
			continue
		}
		f.share[i] = make([]float64, len(f.kinds))
		for kind, row := range f.kinds {
			share, ok := cache.Share[kind]
			if !ok {
				share = cache.Share[""]
			}
			f.share[i][row] = share
		}
	}
	return f
}

// of looks a call up by its kind; an unknown kind has the facts of kind "".
func (f *facts) of(w *topology.World, l *workloads.LLM) fact {
	row, ok := f.kinds[l.Kind]
	if !ok {
		row = int32(len(f.kinds))
		f.kinds[l.Kind] = row
	}
	if l.Difficulty != nil {
		return fact{hard: topology.Normal{Mean: *l.Difficulty}, kind: row}
	}
	n, ok := w.Quality.Difficulty[l.Kind]
	if !ok {
		n = w.Quality.Difficulty[""]
	}
	return fact{hard: n, kind: row}
}
