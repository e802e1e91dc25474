package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/confine"
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
	lanes   map[Language]*lane
	shares  *shares

	closing context.Context // ends with Close
	close   context.CancelFunc

	mu      sync.Mutex // guards what follows, and keepers.Add against keepers.Wait
	closed  bool
	keepers sync.WaitGroup
}

// NewPool starts the pool's children for JavaScript and returns when the first
// is ready. Those for WebAssembly are started when the first such program
// comes: they alone may make code, so no other program runs in them.
func NewPool(c Config) (*Pool, error) {
	if os.Getenv(childVariable) != "" {
		return nil, errors.New("sandbox: this process is a pool's child: call sandbox.Child first of all in main (or TestMain)")
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{config: c, spawner: newSpawner(), lanes: make(map[Language]*lane), shares: newShares(&c)}
	p.closing, p.close = context.WithCancel(context.Background())
	for _, l := range []Language{JavaScript, Wasm} {
		plan, err := confine.Prepare(c.confinement(l))
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("sandbox: %w", err)
		}
		p.lanes[l] = newLane(p, l, plan)
	}
	// The first child compiles the engine where the cache does not hold it; the
	// others find it there.
	js := p.lanes[JavaScript]
	first, err := js.start()
	if err != nil {
		p.Close()
		var frame *border.FrameError
		if errors.As(err, &frame) {
			err = fmt.Errorf("%w (does this program call sandbox.Child first of all?)", err)
		}
		return nil, fmt.Errorf("sandbox: start a child: %w", err)
	}
	js.open(first)
	return p, nil
}

// Close kills all children, and with them what runs in them. It returns when
// they are gone; runs that wait get ErrClosed.
func (p *Pool) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	p.close()
	p.keepers.Wait()
	if first {
		p.spawner.close()
	}
	return nil
}

// Layer is one of the things that hold a child beside WebAssembly itself.
type Layer struct {
	Name    string
	InForce bool
	Detail  string // what it holds, or why it is not in force
}

// Confinement says what holds the children for JavaScript, as the first of them
// reported it. Those for WebAssembly differ in that they may make code.
func (p *Pool) Confinement() []Layer { return p.lanes[JavaScript].layers() }

// Probe says what would hold a pool's children on this machine, without
// starting one.
func Probe() []Layer { return layersOf(confine.Probe()) }

func layersOf(r confine.Report) []Layer {
	layers := make([]Layer, len(r))
	for i, o := range r {
		layers[i] = Layer{Name: string(o.Layer), InForce: o.InForce, Detail: o.Detail}
	}
	return layers
}

// Run runs a program and returns what came of it: a fault is part of the
// result. The error is a *RunError where the run is not well formed, ErrBusy,
// ErrClosed, the context's, or why no child starts; then there is no result, and
// a program that ran was killed.
func (p *Pool) Run(ctx context.Context, r *Run) (*Result, error) {
	r, err := p.config.check(r)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	release, err := p.shares.take(ctx, p.closing, r.Session)
	if err != nil {
		return nil, err
	}
	w, err := p.lanes[r.Language].take(ctx)
	if err != nil {
		release()
		return nil, err
	}
	w.release = release
	queue := time.Since(start)
	result, err := w.run(ctx, p.closing, r)
	if err != nil {
		return nil, err
	}
	result.Used.Queue = queue
	return result, nil
}
