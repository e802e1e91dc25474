package claims

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"tierlab/bench/actors"
	"tierlab/reference/sandbox"
	"tierlab/reference/topology"
)

// here says on what a live figure was measured.
func here() string {
	return fmt.Sprintf("measured on this machine (%s/%s, %d processors)", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}

// batches is how often a live measurement is made; its interval is over them.
func (l *Lab) batches() int { return max(2, l.Replications) }

// repeats sizes a live measurement of about n repetitions in all.
func (l *Lab) repeats(n int) int { return max(20, n*l.Sessions/DefaultOptions().Sessions/l.batches()) }

// spread estimates over batches a quantile, in ms.
func spread(list []actors.Latencies, of func(*actors.Latencies) time.Duration) Estimate {
	xs := make([]float64, len(list))
	for i := range list {
		xs[i] = millis(of(&list[i]))
	}
	return estimate(xs)
}

func p50(l *actors.Latencies) time.Duration { return l.P50 }
func p99(l *actors.Latencies) time.Duration { return l.P99 }

// each is the mean time between ends of repetitions that ran at once.
func each(l *actors.Latencies) time.Duration {
	return time.Duration(float64(time.Second) / l.PerSecond)
}

// below adds a check that a time stays below a limit in ms.
func (f *Finding) below(statement string, found Estimate, limit float64, where string) {
	f.check(Check{Statement: statement, Criterion: fmt.Sprintf("below %g ms", limit), Found: found, Unit: "ms",
		Truth: found.atMost(limit), Where: where})
}

// measureBatches calls measure for every batch.
func (l *Lab) measureBatches(measure func(batch int) (actors.Latencies, error)) ([]actors.Latencies, error) {
	var list []actors.Latencies
	for b := range l.batches() {
		one, err := measure(b)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// scratch is a folder for files of a live measurement.
func scratch() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "tierlab-claims-")
	return dir, func() { os.RemoveAll(dir) }, err
}

// sandboxStart is the claimed time of an isolate's start, in ms, and containers'.
const (
	isolateStart                    = 1.0
	containerAtLeast, containerMost = 100.0, 30_000.0
	burstRuns, warmRuns, coldStarts = 2000, 1200, 3
)

func openPool(workers int) (actors.Runner, func() error, error) {
	p, err := sandbox.NewPool(sandbox.Config{Workers: workers})
	if err != nil {
		return nil, nil, err
	}
	return p, p.Close, nil
}

// starts is C7.
func starts(ctx context.Context, l *Lab, f *Finding) error {
	p, end, err := openPool(0)
	if err != nil {
		f.Verdict, f.Where = Waits, "a machine on which the sandbox's children start"
		f.Says = "Not measured: " + err.Error()
		return nil
	}
	err = f.measureStarts(ctx, l, p)
	if err = errors.Join(err, end()); err != nil {
		return err
	}
	if err := f.containers(l); err != nil {
		return err
	}
	f.judge()
	f.Says = f.inWords()
	f.How = here() + fmt.Sprintf(": QuickJS on wazero in child processes, %d batches; containers are the topologies' figures", l.batches())
	return nil
}

func (f *Finding) measureStarts(ctx context.Context, l *Lab, p actors.Runner) error {
	if _, err := actors.Warm(ctx, p, 10); err != nil { // the pool's children have started
		return err
	}
	warm, err := l.measureBatches(func(int) (actors.Latencies, error) { return actors.Warm(ctx, p, l.repeats(warmRuns)) })
	if err != nil {
		return err
	}
	burst, err := l.measureBatches(func(int) (actors.Latencies, error) { return actors.Burst(ctx, p, l.repeats(burstRuns*l.batches())) })
	if err != nil {
		return err
	}
	cold, err := l.measureBatches(func(int) (actors.Latencies, error) {
		return actors.Cold(ctx, func() (actors.Runner, func() error, error) { return openPool(1) }, coldStarts)
	})
	if err != nil {
		return err
	}
	t := Table{Title: "From request to first result, ms, over batches", Head: []string{"what", "repetitions", "p50", "p99", "one each"}}
	row := func(what string, list []actors.Latencies) {
		t.row(word(what), number(float64(list[0].N*len(list))), figure(spread(list, p50)), figure(spread(list, p99)), figure(spread(list, each)))
	}
	row("a fresh instance in a warm child", warm)
	row("the same, all asked for at once", burst)
	row("a new pool: process, engine, instance", cold)
	t.Note = "one each: the time from one end to the next; in sequence it includes the pause between requests"
	f.Tables = append(f.Tables, t)
	f.below("a fresh instance in a warm child, median", spread(warm, p50), isolateStart, "a warm child, median")
	f.below("a fresh instance in a warm child, p99", spread(warm, p99), isolateStart, "a warm child, p99")
	f.below(fmt.Sprintf("one each of a burst of %d", burst[0].N), spread(burst, each), isolateStart, "a burst, one each")
	f.below("a new process to its first result, median", spread(cold, p50), isolateStart, "a new process")
	return nil
}

// containers holds the topologies' container starts to the claimed range. They were
// given to the model, so that agreeing proves nothing.
func (f *Finding) containers(l *Lab) error {
	for _, name := range append([]string{l.Edge}, l.Clouds...) {
		w, err := l.world(name)
		if err != nil {
			return err
		}
		s := &w.Platform.Sandbox
		if s.Kind != "container" {
			continue
		}
		for _, start := range []struct {
			what string
			took time.Duration
		}{{"p50", s.StartP50}, {"p99", s.StartP99}} {
			found := exactly(millis(start.took))
			f.check(Check{Statement: "a container's cold start on " + name + ", " + start.what, Criterion: fmt.Sprintf("%g ms to %g s", containerAtLeast, containerMost/1e3),
				Found: found, Unit: "ms", Truth: found.within(containerAtLeast, containerMost), Where: name, Assumed: true})
		}
	}
	return nil
}

// regionPairs are the round trips in ms between metro sites of one region (same), or
// of different ones, each pair once and a site with itself not at all.
func regionPairs(w *topology.World, same bool) *sample {
	s := &sample{}
	metros := w.SitesIn(topology.Metro)
	for i, a := range metros {
		for _, b := range metros[:i] {
			if (w.Sites[a].Region == w.Sites[b].Region) == same {
				s.add(millis(w.Link(w.SitePlace(a), w.SitePlace(b)).RTT), 1)
			}
		}
	}
	return s
}
