package kernels

import (
	"io"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"
	"time"
)

// Registers and tiles survive what interrupts a computation: the collector, the
// profiler's signals, the scheduler's preemption, and other goroutines on the
// same threads.
func TestBitsUnderInterruption(t *testing.T) {
	if err := pprof.StartCPUProfile(io.Discard); err == nil {
		defer pprof.StopCPUProfile()
	}
	stop := make(chan struct{})
	var background sync.WaitGroup
	background.Add(1)
	go func() {
		defer background.Done()
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	defer background.Wait()
	defer close(stop)
	eachKernels(t, func(t *testing.T, k *Kernels) {
		rows, cols, n := 96, 1024, 40
		if k.isa == Portable {
			rows, n = 32, 3
		}
		m, x := pack(t, k, rows, cols, normal(30, rows*cols)), panel(k, n, cols, normal(31, n*cols))
		want := make([]float32, n*rows)
		k.Mul(want, rows, m, x, 0, rows)
		until := time.Now().Add(200 * time.Millisecond)
		var workers sync.WaitGroup
		for range 2 * runtime.GOMAXPROCS(0) {
			workers.Add(1)
			go func() {
				defer workers.Done()
				for i := 0; i < 5 || time.Now().Before(until); i++ {
					got := make([]float32, n*rows)
					k.Mul(got, rows, m, x, 0, rows)
					for j := range got {
						if got[j] != want[j] {
							t.Errorf("pass %d: value %d is %g, want %g", i, j, got[j], want[j])
							return
						}
					}
				}
			}()
		}
		workers.Wait()
	})
}
