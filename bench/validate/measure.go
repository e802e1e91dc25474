package validate

import (
	"context"
	"fmt"
	"time"

	"tierlab/bench/calibrate"
	"tierlab/bench/live"
	"tierlab/bench/target"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/workloads"
)

// Server is a real engine behind its HTTP surface.
type Server struct {
	Settings
	Target     *target.Target
	Vocab      int
	Iterations *Iterations // the engine's observer
	Close      func() error
}

// Measured is a real run.
type Measured struct {
	*Samples
	Took    time.Duration
	LagP99  time.Duration
	Errors  map[string]int // failed attempts, by message
	Machine Machine
	Fit     Fit
	Seen    []calibrate.Iteration
}

// Invalid says why a run counts for nothing; nil if it counts.
func (r *Measured) Invalid(lib *workloads.Library, maxLag time.Duration) error {
	if len(r.Errors) > 0 {
		return fmt.Errorf("calls failed: %v", r.Errors)
	}
	if err := r.whole(lib); err != nil {
		return err
	}
	if r.LagP99 > maxLag {
		return fmt.Errorf("1 %% of the events were more than %v late, the bound is %v", r.LagP99.Round(time.Microsecond), maxLag)
	}
	return nil
}

// Measure plays a load with arrivals on a real engine. Runs with different seeds
// share no content.
func Measure(ctx context.Context, lib *workloads.Library, s *Server, a agent.Config, seed uint64) (*Measured, error) {
	w, err := world(s.Settings)
	if err != nil {
		return nil, err
	}
	spec, err := router.Parse(policy)
	if err != nil {
		return nil, err
	}
	seen := newSamples()
	s.Iterations.take()
	before, known := readClock()
	report, err := live.Run(ctx, live.Config{
		World: w, Library: lib, Policy: spec, Agent: a, Router: router.DefaultConfig(),
		Endpoint: func(router.Target) *target.Target { return s.Target }, Extended: true, Vocab: s.Vocab,
		Retain: s.Retain, Seed: seed, Sink: seen,
	})
	if err != nil {
		return nil, err
	}
	r := &Measured{Samples: seen, Took: report.Took, LagP99: report.LagQuantile(0.99), Errors: report.Failed}
	r.Fit, r.Seen = s.Iterations.take()
	if after, ok := readClock(); ok && known {
		r.Machine = after.since(before)
	}
	for _, d := range report.Gaps {
		seen.add(ITL, d)
	}
	return r, nil
}
