package actors

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/reference/session"
	"tierlab/workloads"
)

// Load is recorded sessions to be lived through by the actors of one runtime.
type Load struct {
	Library *workloads.Library
	// Sessions is how many begin; the library's are repeated. Together bounds how
	// many live at once; 0: all.
	Sessions, Together int
	// Name begins the sessions' names.
	Name string
	// Sink, if not nil, is told of every step and session, one at a time.
	Sink workloads.Sink
	// Progress, if not nil, is told how many have ended.
	Progress func(ended, of int)
}

// Lived is what came of a load.
type Lived struct {
	Sessions, Steps, Tools, Attempts int
	ByStatus                         map[workloads.Status]int
	Took                             time.Duration
	// Together is how many lived at once.
	Together int
	// Heap is the most that the process's heap held, in bytes, as seen every
	// half second.
	Heap uint64
}

// StepsPerSecond is steps by the wall.
func (l *Lived) StepsPerSecond() float64 { return float64(l.Steps) / l.Took.Seconds() }

// Replay lives the load's sessions. One that fails is counted; one that cannot
// be begun ends the replay with that error.
func Replay(ctx context.Context, rt *session.Runtime, load Load) (*Lived, error) {
	if load.Together <= 0 {
		load.Together = load.Sessions
	}
	r := &replaying{rt: rt, load: &load, lived: Lived{ByStatus: map[workloads.Status]int{}}}
	heap := watchHeap()
	start := time.Now()
	r.start = start
	var group sync.WaitGroup
	for range min(load.Together, load.Sessions) {
		group.Go(func() { r.live(ctx) })
	}
	group.Wait()
	r.lived.Took, r.lived.Heap, r.lived.Together = time.Since(start), heap(), min(load.Together, load.Sessions)
	return &r.lived, errors.Join(append(r.errs, ctx.Err())...)
}

// Recorded is a library's session as the actors take it.
func Recorded(lib *workloads.Library, i int) *session.Recorded {
	g := lib.Sessions[i%len(lib.Sessions)]
	r := &session.Recorded{Session: g.Session, Prefixes: lib.Prefixes}
	for k := range g.Steps {
		r.Steps = append(r.Steps, *g.Steps[k].Step)
	}
	return r
}

type replaying struct {
	rt    *session.Runtime
	load  *Load
	next  atomic.Int64
	start time.Time

	mu    sync.Mutex
	lived Lived
	errs  []error
}

func (r *replaying) live(ctx context.Context) {
	for ctx.Err() == nil {
		n := int(r.next.Add(1)) - 1
		if n >= r.load.Sessions || r.failed() {
			return
		}
		if err := r.one(ctx, n); err != nil {
			r.mu.Lock()
			r.errs = append(r.errs, err)
			r.mu.Unlock()
			return
		}
	}
}

func (r *replaying) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.errs) > 0
}

func (r *replaying) one(ctx context.Context, n int) error {
	recorded := Recorded(r.load.Library, n)
	id := name(r.load.Name, n)
	spec := session.Spec{
		ID: id, Tenant: recorded.Session.Tenant, Origin: recorded.Session.Origin, Seed: uint64(n),
		Budget: recorded.Session.Budget, Data: recorded.Session.Data, Recorded: recorded,
	}
	begun := workloads.Millis(time.Since(r.start))
	stop := r.rt.Watch(id, func(n session.Notice) { r.notice(n, begun) })
	defer stop()
	if err := r.rt.Create(ctx, spec); err != nil {
		return err
	}
	_, err := r.rt.Wait(ctx, id)
	return err
}

// since is an outcome whose times count from the replay's start, of one whose
// times count from its session's.
func since(told *workloads.Outcome, begun workloads.Millis) *workloads.Outcome {
	o := *told
	o.Attempts = slices.Clone(told.Attempts)
	later := func(t *workloads.Millis) {
		if *t > 0 {
			*t += begun
		}
	}
	o.Start += begun
	o.End += begun
	later(&o.LLMDone)
	for i := range o.Attempts {
		a := &o.Attempts[i]
		a.Due += begun
		a.Sent += begun
		later(&a.First)
		a.Done += begun
	}
	return &o
}

// notice books what has become durable.
func (r *replaying) notice(n session.Notice, begun workloads.Millis) {
	if n.Outcome != nil {
		n.Outcome = since(n.Outcome, begun)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n.Kind {
	case session.ToolRan:
		r.lived.Tools++
	case session.StepEnded:
		r.lived.Steps++
		r.lived.Attempts += len(n.Outcome.Attempts)
		r.sink(workloads.Sink.Step, n.Outcome)
	case session.Ended:
		r.lived.Sessions++
		r.lived.ByStatus[n.Outcome.Status]++
		r.sink(workloads.Sink.Session, n.Outcome)
		if r.load.Progress != nil {
			r.load.Progress(r.lived.Sessions, r.load.Sessions)
		}
	}
}

func (r *replaying) sink(f func(workloads.Sink, *workloads.Outcome) error, o *workloads.Outcome) {
	if r.load.Sink == nil {
		return
	}
	if err := f(r.load.Sink, o); err != nil {
		r.errs = append(r.errs, err)
	}
}

// watchHeap looks at the heap until its result is called, which is the most seen.
func watchHeap() func() uint64 {
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		look := func() {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
		for tick := time.NewTicker(500 * time.Millisecond); ; {
			select {
			case <-tick.C:
				look()
			case <-stop:
				tick.Stop()
				look()
				most <- peak
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-most
	}
}

// Wake measures how long hibernated sessions take to be awake again: owned, their
// records read and lived through, and the next event taken. After that each is
// asked for its view, which is what answered measures from the same beginning.
func Wake(ctx context.Context, rt *session.Runtime, ids []string) (awake, answered Latencies, err error) {
	woke := make([]time.Duration, len(ids))
	answered, err = Repeat(len(ids), func(i int) error {
		begun := time.Now()
		if err := rt.Wake(ctx, ids[i]); err != nil {
			return err
		}
		woke[i] = time.Since(begun)
		_, _, err := rt.Read(ctx, ids[i], session.Consistency{Level: session.Strong})
		return err
	})
	var span time.Duration
	for _, t := range woke {
		span += t
	}
	return latencies(woke, span), answered, err
}

// eachOf calls f with 0..n-1, some at a time, and stops at the first error.
func eachOf(ctx context.Context, n, together int, f func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range min(n, together) {
		group.Go(func() {
			for ctx.Err() == nil && failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// folderBytes is what the files in a folder take.
func folderBytes(folder string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}
