package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/confine"
)

// lane is a pool's children for one language.
type lane struct {
	pool     *Pool
	language Language
	plan     *confine.Plan
	setup    border.Setup
	once     sync.Once

	free     chan *worker
	failures chan error // why no child starts, for runs that wait while there is none
	waiting  atomic.Int64
	alive    atomic.Int64
	report   atomic.Pointer[[]byte] // the first child's confine.Report
}

func newLane(p *Pool, l Language, plan *confine.Plan) *lane {
	how, err := json.Marshal(plan.Config)
	if err != nil {
		panic(err) // numbers and strings
	}
	return &lane{
		pool: p, language: l, plan: plan, free: make(chan *worker), failures: make(chan error),
		setup: border.Setup{Language: string(l), Cache: p.config.Cache, Memory: p.config.Limits.Memory, Confine: how},
	}
}

// open starts the goroutines that keep the children, once; first is a child
// that is ready.
func (l *lane) open(first *worker) {
	l.once.Do(func() {
		l.pool.mu.Lock()
		defer l.pool.mu.Unlock()
		for range l.pool.config.Workers {
			if l.pool.closed {
				break
			}
			l.pool.keepers.Add(1)
			go l.keep(first)
			first = nil
		}
		if first != nil {
			first.end()
		}
	})
}

// Retry of a child that does not start: after 50 ms, then twice as long each
// time, up to two seconds.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// keep offers one child at a time to the runs, and replaces it when it is gone
// or worn out.
func (l *lane) keep(w *worker) {
	defer l.pool.keepers.Done()
	retry := firstRetry
	release := func() {} // of the run that cost the child before
	defer func() { release() }()
	for l.pool.closing.Err() == nil {
		if w == nil {
			var err error
			w, err = l.start()
			release()
			release = func() {}
			if err != nil {
				l.fail(err, retry)
				retry = min(2*retry, lastRetry)
				continue
			}
		}
		retry = firstRetry
		l.alive.Add(1)
		l.serve(w)
		l.alive.Add(-1)
		w.end()
		if w.release != nil {
			release = w.release
		}
		w = nil
	}
	if w != nil {
		w.end()
	}
}

// patience is the wait before a retry from which on those who wait for a child
// are told that none starts: the fourth failure in a row.
const patience = 8 * firstRetry

// fail waits before the next try. After some, while no other child is there, all
// who wait for one are told why.
func (l *lane) fail(err error, retry time.Duration) {
	timer := time.NewTimer(retry)
	defer timer.Stop()
	for {
		failures := l.failures
		if retry < patience || l.alive.Load() > 0 {
			failures = nil
		}
		select {
		case failures <- err:
		case <-timer.C:
			return
		case <-l.pool.closing.Done():
			return
		}
	}
}

// serve offers w until it is of no more use.
func (l *lane) serve(w *worker) {
	c := &l.pool.config
	for n := 0; n < c.Runs && w.resident <= c.Resident; n++ {
		select {
		case l.free <- w:
		case <-w.exited:
			return
		case <-l.pool.closing.Done():
			return
		}
		if ok := <-w.released; !ok {
			return
		}
		w.release()
		w.release = nil
		if w.awaitReady(readyWithin) != nil {
			return
		}
	}
}

// start starts a child and waits until it is ready. It is cold when a run
// waited for it.
func (l *lane) start() (*worker, error) {
	cold := l.waiting.Load() > 0
	w, err := l.pool.spawner.start(l.plan)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(l.pool.closing, w.kill)()
	if err := w.setUp(&l.setup); err != nil {
		w.end()
		return nil, err
	}
	if most := l.pool.config.Resident; w.resident > most {
		w.end()
		return nil, fmt.Errorf("a child holds %d bytes before its first program, and Config.Resident allows %d", w.resident, most)
	}
	w.cold = cold
	l.report.CompareAndSwap(nil, &w.confined)
	return w, nil
}

// take waits for a child.
func (l *lane) take(ctx context.Context) (*worker, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case w := <-l.free:
		return w, nil
	default:
	}
	if l.waiting.Add(1) > int64(l.pool.config.Queue) {
		l.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer l.waiting.Add(-1)
	l.open(nil)
	select {
	case w := <-l.free:
		return w, nil
	case err := <-l.failures:
		return nil, fmt.Errorf("sandbox: no child starts: %w", err)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.pool.closing.Done():
		return nil, ErrClosed
	}
}

// layers is the first child's report. What cannot be read of it counts as not
// in force.
func (l *lane) layers() []Layer {
	var r confine.Report
	if b := l.report.Load(); b == nil || json.Unmarshal(*b, &r) != nil {
		return nil
	}
	return layersOf(r)
}
