package kernels

import (
	"sync/atomic"
	"testing"
	"time"
)

// Every task runs once, with regions at once and after the workers have gone to
// sleep.
func TestPoolRunsEachTaskOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 8} {
		p := NewPool(workers)
		var ran [100]atomic.Int32
		var region int
		job := func(worker, task int) {
			if worker < 0 || worker >= workers {
				t.Errorf("worker %d of %d", worker, workers)
			}
			ran[task].Add(1)
			if (region+task)%97 == 0 {
				time.Sleep(100 * time.Microsecond) // the caller waits until it sleeps
			}
		}
		for region = range 2000 {
			tasks := region % len(ran)
			if region%500 == 0 {
				time.Sleep(2 * spin)
			}
			p.Run(tasks, job)
			for i := range ran {
				want := int32(0)
				if i < tasks {
					want = 1
				}
				if got := ran[i].Swap(0); got != want {
					t.Fatalf("%d workers, region %d: task %d of %d ran %d times", workers, region, i, tasks, got)
				}
			}
		}
		p.Close()
	}
}

// TestPoolHandsPanicsOn: a job's panic reaches the caller of Run, whichever
// worker ran it, and the pool runs on.
func TestPoolHandsPanicsOn(t *testing.T) {
	for _, workers := range []int{1, 3} {
		p := NewPool(workers)
		var ran atomic.Int32
		func() {
			defer func() {
				e, ok := recover().(*WorkerPanic)
				if !ok || e.Value != "broken" || len(e.Stack) == 0 {
					t.Errorf("%d workers: recovered %+v", workers, e)
				}
			}()
			p.Run(50, func(_, task int) {
				ran.Add(1)
				if task%7 == 3 {
					panic("broken")
				}
			})
			t.Errorf("%d workers: Run returned", workers)
		}()
		p.Run(50, func(int, int) { ran.Add(1) })
		if ran.Load() != 100 {
			t.Errorf("%d workers: %d tasks ran, want 100", workers, ran.Load())
		}
		p.Close()
	}
}

func TestPoolDoesNotAllocate(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	var n atomic.Int32
	job := func(int, int) { n.Add(1) }
	if a := testing.AllocsPerRun(100, func() { p.Run(7, job) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkRegion(b *testing.B) {
	p := NewPool(2)
	defer p.Close()
	job := func(int, int) {}
	for b.Loop() {
		p.Run(2, job)
	}
}
