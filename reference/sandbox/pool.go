package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// What Run returns where no program was run.
var (
	ErrClosed = errors.New("sandbox: the pool is closed")
	ErrBusy   = errors.New("sandbox: too many runs wait for a child")
)

// Pool keeps warm children and runs programs in them. Its methods may be called
// from any goroutine.
type Pool struct {
	config  Config
	spawner *spawner
	free    chan *worker
	waiting atomic.Int64

	closing context.Context // ends with Close
	close   context.CancelFunc
	keepers sync.WaitGroup

	mu     sync.Mutex
	failed error // why no child starts, while none does
}

// NewPool starts the pool's children and returns when the first is ready.
func NewPool(c Config) (*Pool, error) {
	if os.Getenv(childVariable) != "" {
		return nil, errors.New("sandbox: this process is a pool's child: call sandbox.Child first of all in main (or TestMain)")
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{config: c, free: make(chan *worker), spawner: newSpawner()}
	p.closing, p.close = context.WithCancel(context.Background())
	// The first child compiles the engine where the cache does not hold it; the
	// others find it there.
	first, err := p.start()
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("sandbox: start a child: %w", err)
	}
	for n := range c.Workers {
		p.keepers.Add(1)
		if n == 0 {
			go p.keep(first)
		} else {
			go p.keep(nil)
		}
	}
	return p, nil
}

// Close kills all children, and with them what runs in them. It returns when
// they are gone; runs that wait get ErrClosed.
func (p *Pool) Close() error {
	p.close()
	p.keepers.Wait()
	p.spawner.close()
	return nil
}

// Retry of a child that does not start: after 50 ms, then twice as long each
// time, up to two seconds.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// keep offers one child at a time to the runs, and replaces it when it is gone
// or worn out.
func (p *Pool) keep(w *worker) {
	defer p.keepers.Done()
	retry := firstRetry
	for p.closing.Err() == nil {
		if w == nil {
			var err error
			w, err = p.start()
			p.report(err)
			if err != nil {
				select {
				case <-time.After(retry):
				case <-p.closing.Done():
				}
				retry = min(2*retry, lastRetry)
				continue
			}
		}
		retry = firstRetry
		p.serve(w)
		w.end()
		w = nil
	}
	if w != nil {
		w.end()
	}
}

// serve offers w until it is of no more use.
func (p *Pool) serve(w *worker) {
	for n := 0; n < p.config.Runs && w.resident <= p.config.Resident; n++ {
		select {
		case p.free <- w:
		case <-w.exited:
			return
		case <-p.closing.Done():
			return
		}
		if ok := <-w.released; !ok || w.awaitReady(readyWithin) != nil {
			return
		}
	}
}

// report keeps why no child starts, for runs that wait for one.
func (p *Pool) report(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = err
}

// start starts a child and waits until it is ready. It is cold when a run
// waited for it.
func (p *Pool) start() (*worker, error) {
	cold := p.waiting.Load() > 0
	w, err := p.spawner.start()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(p.closing, w.kill)
	defer stop()
	if err := w.setUp(&p.config); err != nil {
		w.end()
		return nil, err
	}
	w.cold = cold
	return w, nil
}

// Run runs a program and returns what came of it: a fault is part of the
// result. The error is a *RunError where the run is not well formed, ErrBusy,
// ErrClosed or the context's; then there is no result, and a program that ran
// was killed.
func (p *Pool) Run(ctx context.Context, r *Run) (*Result, error) {
	r, err := p.config.check(r)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	w, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	queue := time.Since(start)
	result, err := w.run(ctx, p.closing, r)
	if err != nil {
		return nil, err
	}
	result.Used.Queue = queue
	return result, nil
}

// take waits for a child.
func (p *Pool) take(ctx context.Context) (*worker, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case w := <-p.free:
		return w, nil
	default:
	}
	if p.waiting.Add(1) > int64(p.config.Queue) {
		p.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer p.waiting.Add(-1)
	select {
	case w := <-p.free:
		return w, nil
	case <-ctx.Done():
		return nil, p.why(ctx.Err())
	case <-p.closing.Done():
		return nil, ErrClosed
	}
}

// why adds to the end of a wait that there was no child to wait for.
func (p *Pool) why(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return fmt.Errorf("%w; no child starts: %w", err, p.failed)
	}
	return err
}
