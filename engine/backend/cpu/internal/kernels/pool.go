package kernels

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Pool runs parallel regions: a number of tasks that workers, among them the
// caller, take one after another. A worker that the system holds up keeps at
// most the task it has begun. Which worker runs a task does not matter for a
// result's bits, since every element has one task that computes it.
//
// Between regions workers spin for a short while, as the next one mostly
// follows at once, and then sleep.
type Pool struct {
	workers int

	// The region under way. job and tasks are written while no task is open, and
	// read after one was taken.
	job   func(worker, task int)
	tasks int32
	open  atomic.Int64 // region number << 32 | tasks that nobody has taken
	left  atomic.Int32 // tasks that have not been finished

	region int64 // number of the region under way
	asleep []parking
	closed atomic.Bool
	gone   sync.WaitGroup
}

// parking is where a worker sleeps, on a line of its own.
type parking struct {
	asleep atomic.Bool
	wake   chan struct{} // room for 1
	_      [48]byte
}

// spin is how long a worker waits for the next region before it sleeps. A
// sleeper takes some 5 to 50 us to wake.
const spin = 60 * time.Microsecond

// NewPool starts a pool of the given number of workers, the caller of Run
// included.
func NewPool(workers int) *Pool {
	p := &Pool{workers: max(workers, 1)}
	p.asleep = make([]parking, p.workers)
	for w := 1; w < p.workers; w++ {
		p.asleep[w].wake = make(chan struct{}, 1)
		p.gone.Add(1)
		go p.work(w)
	}
	return p
}

// Workers is the number of workers: worker numbers are below it.
func (p *Pool) Workers() int { return p.workers }

// Run runs job for tasks 0 to tasks-1, and returns when all have ended. It is
// called by one goroutine at a time and not by a job. It does not allocate; a
// caller that may not either keeps its job in a variable.
func (p *Pool) Run(tasks int, job func(worker, task int)) {
	if p.workers == 1 || tasks <= 1 {
		for t := range tasks {
			job(0, t)
		}
		return
	}
	p.region++
	p.job, p.tasks = job, int32(tasks)
	p.left.Store(int32(tasks))
	p.open.Store(p.region<<32 | int64(tasks))
	for w := 1; w < p.workers; w++ {
		if p.asleep[w].asleep.CompareAndSwap(true, false) {
			p.asleep[w].wake <- struct{}{}
		}
	}
	p.take(0)
	for i := 0; p.left.Load() > 0; i++ {
		if i > 1000 {
			runtime.Gosched()
		}
	}
	p.job = nil
}

// take runs open tasks until there are none, and reports whether it ran any.
func (p *Pool) take(worker int) bool {
	ran := false
	for {
		v := p.open.Load()
		n := int32(v)
		if n == 0 {
			return ran
		}
		if p.open.CompareAndSwap(v, v-1) {
			p.job(worker, int(p.tasks-n))
			p.left.Add(-1)
			ran = true
		}
	}
}

// work is a worker's life.
func (p *Pool) work(worker int) {
	defer p.gone.Done()
	for !p.closed.Load() {
		if p.take(worker) || p.awaitTask() {
			continue
		}
		at := &p.asleep[worker]
		at.asleep.Store(true)
		// A region that opened before it could see the flag woke nobody.
		if (int32(p.open.Load()) != 0 || p.closed.Load()) && at.asleep.CompareAndSwap(true, false) {
			continue
		}
		<-at.wake
	}
}

// awaitTask spins until a task is open or the spinning has lasted long enough.
func (p *Pool) awaitTask() bool {
	start := time.Now()
	for i := 1; ; i++ {
		if int32(p.open.Load()) != 0 || p.closed.Load() {
			return true
		}
		if i%256 == 0 && time.Since(start) > spin {
			return false
		}
	}
}

// Close ends the workers. Run may not be called then.
func (p *Pool) Close() {
	p.closed.Store(true)
	for w := 1; w < p.workers; w++ {
		if p.asleep[w].asleep.CompareAndSwap(true, false) {
			p.asleep[w].wake <- struct{}{}
		}
	}
	p.gone.Wait()
}
