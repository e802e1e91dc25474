package sandbox

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"
)

func hostFunc(do func()) func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
		do()
		return nil, nil
	}
}

// TestNeighbours measures what hostile sessions that use up their share do to
// the sessions beside them. It measures in turns, so that what else the machine
// does meets both halves.
func TestNeighbours(t *testing.T) {
	if !thorough() {
		t.Skip("measures for half a minute: TIERLAB_SANDBOX=1 runs it")
	}
	for _, c := range []struct {
		name    string
		workers int
		session string // of the hostile runs; empty: no share bounds them
		source  string
	}{
		{"endless loops, shared", 2, "hostile", `for (;;);`},
		{"memory, shared", 2, "hostile", `const l = []; for (;;) l.push(new Array(1000).fill(1))`},
		{"output and host calls, shared", 2, "hostile", `for (let i = 0; i < 40; i++) host.echo('x'.repeat(20000)); for (;;) print('x'.repeat(1000))`},
		{"endless loops, no share", 2, "", `for (;;);`},
	} {
		limits := hostileLimits
		limits.Wall = shortWall()
		p := newPool(t, Config{Workers: c.workers, Limits: limits})
		good(t, p, "before")
		var alone, beside []time.Duration
		stopped := 0
		for range 4 {
			alone = append(alone, neighbour(t, p, 2*time.Second)...)
			stop := attack(p, &Run{Language: JavaScript, Session: c.session, Source: []byte(c.source), Hosts: granted, Host: new(witness).Host})
			beside = append(beside, neighbour(t, p, 2*time.Second)...)
			stopped += stop()
		}
		t.Logf("%-30s alone: %s; beside %d hostile runs: %s", c.name, figures(alone), stopped, figures(beside))
		p.Close()
	}
}

// neighbour runs a good program every 5 ms and returns how long each took.
func neighbour(t *testing.T, p *Pool, during time.Duration) (took []time.Duration) {
	t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		start := time.Now()
		r, err := p.Run(t.Context(), &Run{Language: JavaScript, Source: small.Source, Session: "good"})
		if err != nil || r.Fault != nil {
			t.Fatalf("a good program fails: %+v, %v", r, err)
		}
		took = append(took, time.Since(start))
	}
	return took
}

// attack keeps four runs of a hostile session under way until stop, which says
// how many were stopped.
func attack(p *Pool, run *Run) (stop func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				if r, err := p.Run(ctx, run); err == nil && r.Fault != nil {
					mu.Lock()
					n++
					mu.Unlock()
				}
			}
		})
	}
	return func() int {
		cancel()
		all.Wait()
		return n
	}
}

func figures(took []time.Duration) string {
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(float64(len(took)-1)*share)].Round(10 * time.Microsecond)
	}
	return "p50 " + at(0.5).String() + ", p99 " + at(0.99).String() + ", max " + at(1).String()
}
