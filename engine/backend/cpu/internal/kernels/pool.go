package kernels

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Pool runs parallel regions: a number of tasks that workers, among them the
// caller, take one after another. A worker that the system holds up keeps at
// most the task it has begun. Which worker runs a task does not matter for a
// result's bits, since every element has one task that computes it.
//
// Who waits, a worker for the next region or the caller for the last task, spins
// for a short while, as it mostly comes at once, and then sleeps: on a machine
// with more to do, spinning would keep from the processor what it waits for.
type Pool struct {
	workers int

	// The region under way. job and tasks are written while no task is open, and
	// read after one was taken.
	job   func(worker, task int)
	tasks int32
	open  atomic.Int64 // region number << 32 | tasks that nobody has taken
	left  atomic.Int32 // tasks that have not been finished
	broke atomic.Pointer[WorkerPanic]

	region int64     // number of the region under way
	beds   []parking // of the caller and the workers
	closed atomic.Bool
	gone   sync.WaitGroup
}

// parking is where one goroutine sleeps, on a cache line of its own.
type parking struct {
	asleep atomic.Bool
	wake   chan struct{} // room for 1
	_      [48]byte
}

// spin is how long a goroutine waits before it sleeps, from which it takes some
// 5 to 50 us to wake.
const spin = 60 * time.Microsecond

// NewPool starts a pool of the given number of workers, the caller of Run
// included.
func NewPool(workers int) *Pool {
	p := &Pool{workers: max(workers, 1)}
	p.beds = make([]parking, p.workers)
	for w := range p.beds {
		p.beds[w].wake = make(chan struct{}, 1)
		if w > 0 {
			p.gone.Add(1)
			go p.work(w)
		}
	}
	return p
}

// Workers is the number of workers: worker numbers are below it.
func (p *Pool) Workers() int { return p.workers }

// WorkerPanic is a panic of a job, with the stack of the worker that ran it.
type WorkerPanic struct {
	Value any
	Stack []byte
}

func (e *WorkerPanic) Error() string {
	return fmt.Sprintf("%v, in a worker:\n%s", e.Value, e.Stack)
}

// Run runs job for tasks 0 to tasks-1, and returns when all have ended. It is
// called by one goroutine at a time and not by a job. It does not allocate; a
// caller that may not either keeps its job in a variable. If a job panics, all
// others are run, and then Run panics with a *WorkerPanic.
func (p *Pool) Run(tasks int, job func(worker, task int)) {
	if p.workers == 1 || tasks <= 1 {
		for t := range tasks {
			p.run(job, 0, t)
		}
		p.settle()
		return
	}
	p.region++
	p.job, p.tasks = job, int32(tasks)
	p.left.Store(int32(tasks))
	p.open.Store(p.region<<32 | int64(tasks))
	for w := 1; w < p.workers; w++ {
		p.beds[w].rouse()
	}
	p.take(0)
	p.beds[0].await(p.finished)
	p.job = nil
	p.settle()
}

// run runs one task, and keeps the first panic: nobody above a worker could
// recover it.
func (p *Pool) run(job func(worker, task int), worker, task int) {
	defer func() {
		if r := recover(); r != nil {
			p.broke.CompareAndSwap(nil, &WorkerPanic{Value: r, Stack: debug.Stack()})
		}
	}()
	job(worker, task)
}

// settle hands a job's panic to the caller of Run.
func (p *Pool) settle() {
	if e := p.broke.Swap(nil); e != nil {
		panic(e)
	}
}

// take runs open tasks until there are none.
func (p *Pool) take(worker int) {
	for {
		v := p.open.Load()
		n := int32(v)
		if n == 0 {
			return
		}
		if !p.open.CompareAndSwap(v, v-1) {
			continue
		}
		p.run(p.job, worker, int(p.tasks-n))
		if p.left.Add(-1) == 0 && worker != 0 {
			p.beds[0].rouse()
		}
	}
}

// work is a worker's life.
func (p *Pool) work(worker int) {
	defer p.gone.Done()
	for !p.closed.Load() {
		p.beds[worker].await(p.called)
		p.take(worker)
	}
}

// finished reports that the region under way has ended, called that a worker is
// needed.
func (p *Pool) finished() bool { return p.left.Load() == 0 }
func (p *Pool) called() bool   { return int32(p.open.Load()) != 0 || p.closed.Load() }

// await returns when ready holds, or somewhat later.
func (b *parking) await(ready func() bool) {
	start := time.Now()
	for i := 1; !ready(); i++ {
		pause()
		if i%64 == 0 && time.Since(start) > spin {
			b.sleep(ready) // and on, as it may be roused for what was before
			start = time.Now()
		}
	}
}

// sleep waits to be roused, unless ready holds already: who makes it hold before
// it could see the flag rouses nobody.
func (b *parking) sleep(ready func() bool) {
	b.asleep.Store(true)
	if ready() && b.asleep.CompareAndSwap(true, false) {
		return
	}
	<-b.wake
}

// rouse wakes who sleeps here.
func (b *parking) rouse() {
	if b.asleep.Load() && b.asleep.CompareAndSwap(true, false) {
		b.wake <- struct{}{}
	}
}

// Close ends the workers. Run may not be called then.
func (p *Pool) Close() {
	p.closed.Store(true)
	for w := 1; w < p.workers; w++ {
		p.beds[w].rouse()
	}
	p.gone.Wait()
}
