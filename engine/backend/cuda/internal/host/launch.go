//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"tierlab/engine/backend/cuda/internal/driver"
)

// alone is how long one worker runs a launch before others join in.
const alone = time.Millisecond

func (c *hostContext) Launch(l driver.Launch, on driver.Stream) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	const call = "cuLaunchKernel"
	f, err := c.function(call, l.Function)
	if err != nil {
		return err
	}
	if err := f.check(call, l); err != nil {
		return err
	}
	l.Params = slices.Clone(l.Params)
	return c.queue(call, on, node{kind: "launch of " + f.name, function: l.Function, run: func() error { return c.launch(f, l) }})
}

// check refuses what a device would refuse.
func (f *function) check(call string, l driver.Launch) error {
	threads := uint64(l.Block[0]) * uint64(l.Block[1]) * uint64(l.Block[2])
	switch {
	case slices.Contains(l.Grid[:], 0) || l.Grid[0] > 1<<31-1 || l.Grid[1] > 65535 || l.Grid[2] > 65535:
		return fail(call, invalidValue, fmt.Sprintf("%s: a grid of %v blocks", f.name, l.Grid))
	case threads == 0 || threads > uint64(f.threads) || l.Block[2] > 64:
		return fail(call, invalidValue, fmt.Sprintf("%s: blocks of %v threads; the kernel is compiled for at most %d", f.name, l.Block, f.threads))
	case l.Shared < 0 || l.Shared > f.dynamic || l.Shared+f.static > sharedOptin:
		return fail(call, invalidValue, fmt.Sprintf("%s: %d bytes of dynamic shared memory; SetShared has allowed %d", f.name, l.Shared, f.dynamic))
	case len(l.Params) != f.params:
		return fail(call, invalidValue, fmt.Sprintf("%s: %d bytes of parameters, the kernel's struct has %d", f.name, len(l.Params), f.params))
	}
	return nil
}

// launch runs it, strictly if that is asked for.
func (c *hostContext) launch(f *function, l driver.Launch) error {
	if !c.o.Strict || c.used > strictMemory {
		return c.runChecked(f, l, false)
	}
	before := c.snapshot()
	if err := c.runChecked(f, l, true); err != nil {
		return err
	}
	backward := c.snapshot()
	for i, a := range c.allocations {
		copy(a.data, before[i])
	}
	if err := c.runChecked(f, l, false); err != nil {
		return err
	}
	for i, a := range c.allocations {
		if !bytes.Equal(a.data, backward[i]) {
			at := 0
			for a.data[at] == backward[i][at] {
				at++
			}
			return fail("cuLaunchKernel", launchFailed,
				fmt.Sprintf("kernel %s: byte %d of an allocation of %d depends on which thread runs first", f.name, at, len(a.data)))
		}
	}
	return nil
}

func (c *hostContext) snapshot() [][]byte {
	all := make([][]byte, len(c.allocations))
	for i, a := range c.allocations {
		all[i] = bytes.Clone(a.data)
	}
	return all
}

// runChecked runs the launch and looks at what follows the allocations.
func (c *hostContext) runChecked(f *function, l driver.Launch, backward bool) error {
	w, err := c.run(f, l, backward)
	if err != nil {
		return err
	}
	if w != nil {
		return fail("cuLaunchKernel", launchFailed, c.explain(f.module, w))
	}
	for _, a := range c.allocations {
		for i, b := range a.slack {
			if b != poison {
				fill(a.slack, poison)
				return fail("cuLaunchKernel", launchFailed,
					fmt.Sprintf("kernel %s has written byte %d of an allocation of %d", f.name, len(a.data)+i, len(a.data)))
			}
		}
	}
	return nil
}

// explain is what w has met.
func (c *hostContext) explain(m *module, w *worker) string {
	text := w.text()
	if w.outside != 0 {
		text += ": " + c.nearest(w.address)
	}
	if w.pc != 0 {
		text += m.line(w.pc)
	}
	return text
}

// run shares the blocks out. A worker that is returned has met an error.
func (c *hostContext) run(f *function, l driver.Launch, backward bool) (*worker, error) {
	blocks := uint64(l.Grid[0]) * uint64(l.Grid[1]) * uint64(l.Grid[2])
	var next atomic.Uint64
	var failed atomic.Pointer[worker]
	work := func(w *worker, lib *library, kernel uintptr, until time.Duration) {
		w.prepare(l, backward)
		for began, chunk := time.Now(), uint64(1); failed.Load() == nil; chunk = min(2*chunk, 1+blocks/32) {
			last := next.Add(chunk)
			first := last - chunk
			if first >= blocks {
				return
			}
			if r, _, _ := purego.SyscallN(lib.run, uintptr(unsafe.Pointer(w.control)), kernel, uintptr(first), uintptr(min(last, blocks))); r != 0 {
				failed.CompareAndSwap(nil, w)
				return
			}
			if until > 0 && time.Since(began) > until {
				return
			}
		}
	}
	many := 1
	if blocks > 1 {
		many = c.o.Workers
	}
	if many > 1 {
		work(c.workers[0], f.module.copies[0], f.kernels[0], alone)
		if next.Load() >= blocks || failed.Load() != nil {
			return failed.Load(), nil
		}
	}
	if err := c.copies(f, many); err != nil {
		return nil, err
	}
	var all sync.WaitGroup
	for i := 1; i < many; i++ {
		all.Go(func() { work(c.workers[i], f.module.copies[i], f.kernels[i], 0) })
	}
	work(c.workers[0], f.module.copies[0], f.kernels[0], 0)
	all.Wait()
	return failed.Load(), nil
}

// copies makes that many workers ready to run f.
func (c *hostContext) copies(f *function, many int) error {
	for i := len(f.kernels); i < many; i++ {
		l, err := c.copyFor(f.module, i)
		if err != nil {
			return err
		}
		kernel, err := purego.Dlsym(l.handle, "kernel_"+f.name)
		if err != nil {
			return err
		}
		f.kernels = append(f.kernels, kernel)
	}
	return nil
}

func (w *worker) prepare(l driver.Launch, backward bool) {
	w.grid, w.block, w.shared, w.reverse = l.Grid, l.Block, uint32(l.Shared), 0
	if backward {
		w.reverse = 1
	}
	w.signal, w.address, w.pc, w.outside = 0, 0, 0, 0
	w.message[0] = 0
	copy(w.params[:], l.Params)
}
