package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"tierlab/reference/sandbox"
)

// Runner is a sandbox's pool.
type Runner interface {
	Run(ctx context.Context, r *sandbox.Run) (*sandbox.Result, error)
}

// sum is a program of the kind that agents write, small enough that what is
// measured is the sandbox.
func sum(n int) *sandbox.Run {
	return &sandbox.Run{
		Language: sandbox.JavaScript,
		Source:   []byte("let s = 0; for (const x of input) s += x; s"),
		Input:    json.RawMessage(fmt.Sprintf("[1,2,%d]", n)),
	}
}

func runSum(ctx context.Context, p Runner, n int) error {
	r, err := p.Run(ctx, sum(n))
	switch {
	case err != nil:
		return err
	case r.Fault != nil:
		return r.Fault
	case string(r.Value) != fmt.Sprint(3+n):
		return fmt.Errorf("actors: the sandbox says that 1 + 2 + %d is %s", n, r.Value)
	}
	return nil
}

// Warm measures runs one after another: from the request to the first result. The
// next instance is made ready in the pauses between them, while nobody waits for it,
// as between the calls of an agent.
func Warm(ctx context.Context, p Runner, n int) (Latencies, error) {
	return timed(n, 2*time.Millisecond, func(i int) (time.Duration, error) {
		begun := time.Now()
		err := runSum(ctx, p, i)
		return time.Since(begun), err
	})
}

// Burst asks for n runs at once.
func Burst(ctx context.Context, p Runner, n int) (Latencies, error) {
	times := make([]time.Duration, n)
	errs := make([]error, n)
	var group sync.WaitGroup
	start := time.Now()
	for i := range n {
		group.Go(func() {
			errs[i] = runSum(ctx, p, i)
			times[i] = time.Since(start)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return Latencies{}, err
		}
	}
	return latencies(times, time.Since(start)), nil
}

// Stop measures by how much endless loops outlive their limit. A child starts in
// the place of each that was killed while the next run waits.
func Stop(ctx context.Context, p Runner, n int, limit time.Duration) (Latencies, error) {
	return timed(n, 20*time.Millisecond, func(int) (time.Duration, error) {
		r, err := p.Run(ctx, &sandbox.Run{Language: sandbox.JavaScript, Source: []byte("for (;;);"), Limits: sandbox.Limits{Wall: limit}})
		if err != nil {
			return 0, err
		}
		if r.Fault == nil || r.Fault.Kind != sandbox.WallExceeded {
			return 0, fmt.Errorf("actors: an endless loop ended with %v", r.Fault)
		}
		return max(0, r.Used.Wall-limit), nil
	})
}

// Cold measures a program's first result from nothing: a pool is made, its
// child's process started, the language compiled or read from its cache, and the
// program run.
func Cold(ctx context.Context, open func() (Runner, func() error, error), n int) (Latencies, error) {
	return timed(n, 0, func(i int) (time.Duration, error) {
		begun := time.Now()
		p, end, err := open()
		if err != nil {
			return 0, err
		}
		err = runSum(ctx, p, i)
		took := time.Since(begun)
		return took, errors.Join(err, end())
	})
}
