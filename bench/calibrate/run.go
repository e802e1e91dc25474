package calibrate

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"tierlab/bench/target"
	"tierlab/internal/rng"
	"tierlab/sim/steptime"
)

// Config says what is calibrated.
type Config struct {
	Limits
	Target   *target.Target
	Recorder *Recorder            // the engine's observer
	Now      func() time.Duration // the engine's clock
	Rounds   int                  // at least 2; the last is not fitted
	Progress func(round, done, all int, what string)

	calls atomic.Uint32
}

// Result is what was found.
type Result struct {
	Step     steptime.Linear
	Overhead steptime.Overhead
	Measured map[string]steptime.Range
	Residual steptime.Residual
	Stalled  int // iterations that were left out, since the machine stood still
	Loads    []Load
}

// Load is how the model does on one load, over the rounds that were fitted.
type Load struct {
	Name       string
	Iterations int
	MeanMs     float64 // measured, of an iteration
	Error      float64 // of the model's total time, as a share of the measured one
}

// Run measures and fits.
func Run(ctx context.Context, c *Config) (*Result, error) {
	if c.Rounds < 2 {
		return nil, fmt.Errorf("calibrate: %d rounds, want at least 2: one to fit and one to test", c.Rounds)
	}
	start := time.Now().Add(-c.Now())
	prompts, err := c.pace(ctx, start)
	if err != nil {
		return nil, err
	}
	loads := grid(c.Limits, prompts)
	rounds, all, err := c.measure(ctx, start, loads)
	if err != nil {
		return nil, err
	}
	fitted, heldOut := rounds[:c.Rounds-1], flat(rounds[c.Rounds-1:])
	l, kept, err := Fit(flat(fitted))
	if err != nil {
		return nil, err
	}
	r := &Result{Step: l, Measured: measured(kept), Residual: residual(l, kept, heldOut)}
	r.Stalled = len(flat(fitted)) - len(kept)
	if r.Overhead, err = overhead(all); err != nil {
		return nil, fmt.Errorf("fitting a request's way in and out: %w", err)
	}
	for i, load := range loads {
		r.Loads = append(r.Loads, summary(l, load.String(), fitted, i))
	}
	return r, nil
}

// pace is how many tokens of prompts the engine computes in promptTime. What it
// plays is not measured otherwise: pages are touched and connections opened.
func (c *Config) pace(ctx context.Context, start time.Time) (int, error) {
	if _, err := c.play(ctx, start, load{chunk: 64, chunks: 2}); err != nil {
		return 0, err
	}
	n := max(1, min(2*c.Budget, c.Context/2, c.CacheTokens/2))
	seen, err := c.play(ctx, start, load{chunk: n, chunks: 2}) // a device prepares its first step of a size
	if err != nil {
		return 0, err
	}
	c.Recorder.take()
	took := (seen[1].First - seen[1].Sent).Seconds()
	return max(leastPrompts, int(promptTime*float64(n)/max(took, 1e-6))), nil
}

// measure plays the loads round by round, each in an order of its own, and
// returns the iterations by round and load.
func (c *Config) measure(ctx context.Context, start time.Time, loads []load) ([][][]Iteration, []way, error) {
	rounds := make([][][]Iteration, c.Rounds)
	var all []way
	for round := range rounds {
		rounds[round] = make([][]Iteration, len(loads))
		for done, i := range order(len(loads), round) {
			if c.Progress != nil {
				c.Progress(round, done, len(loads), loads[i].String())
			}
			seen, err := c.play(ctx, start, loads[i])
			if err != nil {
				return nil, nil, fmt.Errorf("load %s: %w", loads[i], err)
			}
			its, reqs := c.Recorder.take()
			rounds[round][i] = its
			all = append(all, ways(seen, reqs)...)
		}
	}
	return rounds, all, nil
}

// order is a permutation of the loads, by the round's number.
func order(n, round int) []int {
	p := make([]int, n)
	for i := range p {
		j := rng.New(uint64(round), uint64(i)).IntN(i + 1)
		p[i], p[j] = p[j], i
	}
	return p
}

// Fit finds the step-time model of iterations, and those of them that count. It
// fits twice: the second time without the iterations that took far longer than
// the first model says.
func Fit(seen []Iteration) (steptime.Linear, []Iteration, error) {
	l, err := fit(seen)
	if err != nil {
		return l, nil, err
	}
	kept := make([]Iteration, 0, len(seen))
	for _, it := range seen {
		if it.Took < slowest*l.StepTime(it.Shape) {
			kept = append(kept, it)
		}
	}
	l, err = fit(kept)
	return l, kept, err
}

func flat(rounds [][][]Iteration) []Iteration {
	var all []Iteration
	for _, loads := range rounds {
		for _, its := range loads {
			all = append(all, its...)
		}
	}
	return all
}

// summary compares the model's total with the measured one on a load.
func summary(l steptime.Linear, name string, rounds [][][]Iteration, i int) Load {
	s := Load{Name: name}
	var took, model time.Duration
	for _, loads := range rounds {
		for _, it := range loads[i] {
			s.Iterations++
			took += it.Took
			model += l.StepTime(it.Shape)
		}
	}
	if s.Iterations > 0 {
		s.MeanMs = float64(took) / 1e6 / float64(s.Iterations)
		s.Error = float64(model)/float64(took) - 1
	}
	return s
}
