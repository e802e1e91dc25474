package validate

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"tierlab/workloads"
)

// Metric is what is compared; the package comment says what each is.
type Metric uint8

// The metrics.
const (
	E2E Metric = iota
	TTFT
	TPOT
	ITL
	Queue
	Session
	Metrics // their number
)

func (m Metric) String() string {
	return [...]string{"E2E", "TTFT", "TPOT", "ITL", "queue", "session"}[m]
}

// Statistic is what of a metric's distribution is compared.
type Statistic uint8

// The statistics.
const (
	Mean Statistic = iota
	P50
	P90
	P99
	Statistics // their number
)

func (s Statistic) String() string { return [...]string{"mean", "p50", "p90", "p99"}[s] }

// of is the statistic of sorted values; NaN without any.
func (s Statistic) of(sorted []float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	if s == Mean {
		return stat.Mean(sorted, nil)
	}
	return stat.Quantile([...]float64{P50: 0.5, P90: 0.9, P99: 0.99}[s], stat.Empirical, sorted, nil)
}

// Samples are what a run gave, in milliseconds. It is the run's sink.
type Samples struct {
	Calls  int            // that were answered
	Failed map[string]int // other attempts, by status
	Input  int            // tokens of the prompts
	Output int

	values [Metrics][]float64
	cached map[string]int // of each call's prompt
	enter  func(prompt int) time.Duration
}

func newSamples() *Samples { return &Samples{Failed: map[string]int{}, cached: map[string]int{}} }

// Step implements workloads.Sink.
func (s *Samples) Step(o *workloads.Outcome) error {
	for i := range o.Attempts {
		a := &o.Attempts[i]
		if a.Status != workloads.StatusOK {
			s.Failed[string(a.Status)]++
			continue
		}
		s.Calls++
		s.Input, s.Output = s.Input+a.Input, s.Output+a.Output
		s.cached[o.Session+" "+o.Step] = a.Cached
		s.add(E2E, (a.Done - a.Sent).D())
		s.add(TTFT, (a.First - a.Sent).D())
		if a.Output > 1 {
			s.add(TPOT, (a.Done-a.First).D()/time.Duration(a.Output-1))
		}
		queue := a.Queue.D()
		if s.enter != nil {
			queue -= s.enter(a.Input)
		}
		s.add(Queue, max(0, queue))
	}
	return nil
}

// Session implements workloads.Sink.
func (s *Samples) Session(o *workloads.Outcome) error {
	if o.Status != workloads.StatusOK {
		s.Failed["session "+string(o.Status)]++
	}
	s.add(Session, o.Result.Active.D())
	return nil
}

func (s *Samples) add(m Metric, d time.Duration) { s.values[m] = append(s.values[m], ms(d)) }

// Summary are a run's statistics, in milliseconds; a metric without values has
// NaN.
type Summary struct {
	N     [Metrics]int
	Value [Metrics][Statistics]float64
}

// Summary sums the samples up.
func (s *Samples) Summary() Summary {
	var sum Summary
	for m := range s.values {
		slices.Sort(s.values[m])
		sum.N[m] = len(s.values[m])
		for k := range Statistics {
			sum.Value[m][k] = k.of(s.values[m])
		}
	}
	return sum
}

// Cached counts the prompts' tokens that were found in the cache.
func (s *Samples) Cached() int {
	n := 0
	for _, c := range s.cached {
		n += c
	}
	return n
}

// sameCache counts the calls that found as many tokens in both.
func (s *Samples) sameCache(o *Samples) int {
	n := 0
	for call, c := range s.cached {
		if d, ok := o.cached[call]; ok && c == d {
			n++
		}
	}
	return n
}

// whole says what is missing of a run over a load.
func (s *Samples) whole(lib *workloads.Library) error {
	if want := Calls(lib); s.Calls != want || len(s.Failed) > 0 {
		return fmt.Errorf("validate: %d of %d calls were answered; others: %v", s.Calls, want, s.Failed)
	}
	return nil
}
