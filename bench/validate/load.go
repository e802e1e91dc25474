package validate

import (
	"context"
	"slices"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/sim"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

// Draw is a load: n of the workload's sessions, at rate sessions per second.
// Sessions and gaps follow from the seed and their number, so that loads of
// different rates differ in the length of the gaps alone.
func Draw(lib *workloads.Library, n int, rate float64, seed uint64) *workloads.Library {
	draws := rng.New(seed, 0)
	arrivals := make([]workloads.Arrival, n)
	at := 0.0
	for i := range arrivals {
		at += draws.For(rng.Arrival).Fold(uint64(i)).Exp(1 / rate)
		arrivals[i] = workloads.Arrival{Template: template(lib, draws, i), At: time.Duration(at * float64(time.Second))}
	}
	return lib.WithArrivals(arrivals...)
}

func template(lib *workloads.Library, draws rng.Stream, i int) int {
	return draws.For(rng.Resample).Fold(uint64(i)).IntN(len(lib.Sessions))
}

// Enough is how many sessions Draw needs for that many model calls.
func Enough(lib *workloads.Library, calls int, seed uint64) int {
	draws := rng.New(seed, 0)
	n := 0
	for ; calls > 0; n++ {
		calls -= len(lib.Sessions[template(lib, draws, n)].Steps)
	}
	return n
}

// Calls counts the workload's model calls.
func Calls(lib *workloads.Library) int {
	n := 0
	for _, g := range lib.Sessions {
		n += len(g.Steps)
	}
	return n
}

// capacity is the most sessions per second that the simulated engine gets
// through.
func capacity(ctx context.Context, lib *workloads.Library, s Settings, p *steptime.Profile, a agent.Config, seed uint64) (float64, error) {
	best := 0.0
	for n := 1; n <= 4*s.Sched.Slots; n *= 2 {
		cfg, err := simulation(lib, s, p, a, seed)
		if err != nil {
			return 0, err
		}
		ends := &sessionEnds{}
		cfg.Arrivals, cfg.Sessions = sim.Arrivals{Process: sim.Closed, N: n}, 4*n+40
		cfg.Sink = ends
		if _, err := sim.Run(ctx, cfg); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		best = max(best, ends.rate())
	}
	return best, nil
}

// sessionEnds keeps when sessions ended.
type sessionEnds struct{ at []time.Duration }

// Step implements workloads.Sink.
func (e *sessionEnds) Step(*workloads.Outcome) error { return nil }

// Session implements workloads.Sink.
func (e *sessionEnds) Session(o *workloads.Outcome) error {
	e.at = append(e.at, o.End.D())
	return nil
}

// rate is the sessions per second between the first and the last quarter of
// the ends.
func (e *sessionEnds) rate() float64 {
	slices.Sort(e.at)
	from, to := len(e.at)/4, len(e.at)*3/4
	if to <= from || e.at[to] <= e.at[from] {
		return 0
	}
	return float64(to-from) / (e.at[to] - e.at[from]).Seconds()
}
