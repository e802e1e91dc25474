package actors

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/session"
	"tierlab/workloads"
)

// name is what Replay calls session i of a load.
func name(prefix string, i int) string { return fmt.Sprintf("%s%06d", prefix, i) }

// names are those of a load's sessions.
func names(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = name(prefix, i)
	}
	return list
}

// asleep has sessions live through a number of steps and then hibernate in a
// wait for a person that is longer than any measurement.
func asleep(ctx context.Context, s *stage, steps, sessions int) error {
	lib, err := chain(steps+1, 20)
	if err != nil {
		return err
	}
	last := lib.Sessions[0].Steps[steps].Step
	last.After[0].Delay, last.After[0].Cause = workloads.Millis(24*time.Hour), workloads.CauseHuman
	return s.with(ctx, func(rt *session.Runtime, _ journal.Store) error {
		return eachOf(ctx, sessions, 256, func(i int) error {
			id := name("h", i)
			recorded := Recorded(lib, 0)
			reached := make(chan struct{}, 1)
			done := 0
			stop := rt.Watch(id, func(n session.Notice) {
				if n.Kind != session.StepEnded {
					return
				}
				if done++; done == steps {
					reached <- struct{}{}
				}
			})
			defer stop()
			if err := rt.Create(ctx, session.Spec{ID: id, Seed: uint64(i), Recorded: recorded}); err != nil {
				return err
			}
			select {
			case <-reached:
			case <-ctx.Done():
				return ctx.Err()
			}
			return rt.Hibernate(ctx, id)
		})
	})
}

func wakeRows(ctx context.Context, o *Options) ([]Row, error) {
	s, err := newStage(o, "wake")
	if err != nil {
		return nil, err
	}
	defer s.end()
	const steps = 50
	n := o.repeat(500, 10)
	if err := asleep(ctx, s, steps, n); err != nil {
		return nil, err
	}
	var l, answered Latencies
	err = s.with(ctx, func(rt *session.Runtime, _ journal.Store) error {
		l, answered, err = Wake(ctx, rt, names("h", n))
		return err
	})
	if err != nil {
		return nil, err
	}
	return []Row{
		{What: fmt.Sprintf("a session of %d steps, hibernated by another runtime, until it takes events", steps), Reached: quantiles(l),
			Bar: "p99 <= 5 ms", Met: met(l.P99 <= 5*time.Millisecond), Figures: times(l)},
		{What: "the same, until it has answered a strong read", Reached: quantiles(answered), Figures: times(answered)},
	}, nil
}

func hibernateRows(ctx context.Context, o *Options) ([]Row, error) {
	s, err := newStage(o, "hibernate")
	if err != nil {
		return nil, err
	}
	defer s.end()
	n := o.repeat(100_000, 200)
	start := time.Now()
	if err := asleep(ctx, s, 2, n); err != nil {
		return nil, err
	}
	took := time.Since(start)
	var rows []Row
	before := heapInUse()
	err = s.with(ctx, func(rt *session.Runtime, store journal.Store) error {
		heap := max(0, int64(heapInUse())-int64(before))
		count := 0
		err := store.Sessions(ctx, "", func(h journal.Head) error { count++; return nil })
		if err != nil {
			return err
		}
		disk, err := folderBytes(s.folder)
		if err != nil {
			return err
		}
		if count != n {
			return fmt.Errorf("actors: %d of %d hibernated sessions are there", count, n)
		}
		rows = []Row{{
			What:    fmt.Sprintf("%d sessions of 2 steps, hibernated", n),
			Reached: fmt.Sprintf("a runtime over them adds %.1f MB of heap, %.0f bytes each; %.1f KB of disk each; made in %s", float64(heap)/1e6, float64(heap)/float64(n), float64(disk)/float64(n)/1e3, seconds(took)),
			Bar:     "100,000 on one node", Met: met(count >= 100_000 || o.Scale < 1),
			Figures: map[string]float64{"sessions": float64(n), "heap_bytes": float64(heap), "disk_bytes": float64(disk), "made_s": took.Seconds()},
		}}
		return nil
	})
	return rows, err
}

// heapInUse is what is alive on the heap.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // pools give back what they hold in two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// readRows reads awake sessions while they live.
func readRows(ctx context.Context, o *Options) ([]Row, error) {
	s, err := newStage(o, "reads")
	if err != nil {
		return nil, err
	}
	defer s.end()
	lib, err := chain(300, 20) // half a minute of life, more than the reads take
	if err != nil {
		return nil, err
	}
	s.play = func(*workloads.Tool) session.Play { return session.Play{For: 100 * time.Millisecond} }
	var rows []Row
	err = s.with(ctx, func(rt *session.Runtime, _ journal.Store) error {
		lived := make(chan error, 1)
		const sessions = 16
		begun, cancel := context.WithCancel(ctx)
		go func() {
			_, err := Replay(begun, rt, Load{Library: lib, Sessions: 1 << 20, Together: sessions, Name: "r"})
			lived <- err
		}()
		time.Sleep(100 * time.Millisecond)
		for _, c := range []session.Consistency{
			{Level: session.Strong}, {Level: session.Bounded, Staleness: 100 * time.Millisecond}, {Level: session.Eventual},
		} {
			l, age, err := reads(ctx, rt, c, sessions, o.repeat(2000, 50))
			if err != nil {
				cancel()
				<-lived
				return err
			}
			rows = append(rows, Row{What: "read of a session that lives, " + levelName(c), Reached: fmt.Sprintf("%s; age p99 %s", quantiles(l), ms(age.P99)),
				Figures: map[string]float64{"p50_ms": millis(l.P50), "p99_ms": millis(l.P99), "age_p50_ms": millis(age.P50), "age_p99_ms": millis(age.P99)}})
		}
		cancel()
		<-lived
		return nil
	})
	return rows, err
}

func levelName(c session.Consistency) string {
	switch c.Level {
	case session.Strong:
		return "strong"
	case session.Bounded:
		return fmt.Sprintf("at most %v old", c.Staleness)
	}
	return "eventual"
}

func reads(ctx context.Context, rt *session.Runtime, c session.Consistency, sessions, n int) (l, age Latencies, err error) {
	times, ages := make([]time.Duration, n), make([]time.Duration, n)
	list := names("r", sessions)
	start := time.Now()
	for i := range times {
		begun := time.Now()
		_, old, err := rt.Read(ctx, list[i%sessions], c)
		if err != nil {
			return l, age, err
		}
		times[i], ages[i] = time.Since(begun), old
		time.Sleep(time.Millisecond) // copies grow old between reads
	}
	span := time.Since(start)
	return latencies(times, span), latencies(ages, span), nil
}

func stepRows(ctx context.Context, o *Options) ([]Row, error) {
	lib, err := chain(30, 20)
	if err != nil {
		return nil, err
	}
	pool, end, err := o.Open(0)
	if err != nil {
		return nil, err
	}
	defer end()
	var rows []Row
	for _, c := range []struct {
		what string
		bar  float64
		code bool
	}{{"no-op tools", 5000, false}, {"one sandbox call a step", 1500, true}} {
		l, err := lives(ctx, o, lib, c.code, pool)
		if err != nil {
			return rows, err
		}
		rate := l.StepsPerSecond()
		rows = append(rows, Row{
			What:    fmt.Sprintf("%d sessions of 30 steps, %s", l.Sessions, c.what),
			Reached: fmt.Sprintf("%.0f steps/s; heap at most %.0f MB", rate, float64(l.Heap)/1e6),
			Bar:     fmt.Sprintf(">= %.0f steps/s", c.bar), Met: met(rate >= c.bar),
			Figures: map[string]float64{"steps_per_s": rate, "steps": float64(l.Steps), "tools": float64(l.Tools), "took_s": l.Took.Seconds(), "heap_bytes": float64(l.Heap)},
		})
	}
	return rows, nil
}

func lives(ctx context.Context, o *Options, lib *workloads.Library, code bool, pool Runner) (*Lived, error) {
	s, err := newStage(o, "steps")
	if err != nil {
		return nil, err
	}
	defer s.end()
	if code {
		s.play = Code(pool)
	}
	var lived *Lived
	err = s.with(ctx, func(rt *session.Runtime, _ journal.Store) error {
		lived, err = Replay(ctx, rt, Load{Library: lib, Sessions: o.repeat(1000, 20), Name: "s"})
		return err
	})
	if err != nil {
		return nil, err
	}
	if ok := lived.ByStatus[workloads.StatusOK]; ok != lived.Sessions {
		return nil, fmt.Errorf("actors: %d of %d sessions ended well: %v", ok, lived.Sessions, lived.ByStatus)
	}
	return lived, nil
}
