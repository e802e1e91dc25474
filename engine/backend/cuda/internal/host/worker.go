//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	stackBytes = 64 << 10
	// stackGuard lies between stacks: on arm64 compiled code touches a large frame
	// every 64 KiB only.
	stackGuard = 64 << 10
	errorBytes = 512
	// paramBytes is the most that a kernel's parameter may have.
	paramBytes = 4096
)

// control is fibres.h's Worker, field by field; load compares their sizes.
type control struct {
	low, high                    uintptr
	stride, stack                uint64
	sharedEnd                    uintptr
	landingStack                 uintptr
	landing                      uintptr
	signal, address, pc, outside uint64
	grid, block                  [3]uint32
	shared, reverse              uint32
	message                      [errorBytes]byte
	_                            [8]byte // params are aligned to 64
	params                       [paramBytes]byte
}

// worker runs blocks, one at a time: it has the stacks of a block's threads and
// its shared memory.
type worker struct {
	arena, page []byte
	*control
}

// newWorker maps [landing stack][guard][stack 0][guard][stack 1] ... [guard]
// [dynamic shared memory][page], where guards and the page have no access, and
// the control page.
func newWorker() (*worker, error) {
	const stride = stackBytes + stackGuard
	page := os.Getpagesize()
	arena, err := mapPages((maxBlockThreads+1)*stride + roundUp(sharedPerSM, page) + page)
	if err != nil {
		return nil, fmt.Errorf("map the stacks of a worker: %w", err)
	}
	for i := range maxBlockThreads + 1 {
		if err := noAccess(arena[i*stride+stackBytes : (i+1)*stride]); err != nil {
			return nil, fmt.Errorf("guard a stack: %w", err)
		}
	}
	if err := noAccess(arena[len(arena)-page:]); err != nil {
		return nil, fmt.Errorf("guard shared memory: %w", err)
	}
	m, err := mapPages(roundUp(int(unsafe.Sizeof(control{})), page))
	if err != nil {
		return nil, fmt.Errorf("map a worker's control page: %w", err)
	}
	w := &worker{arena: arena, page: m, control: (*control)(unsafe.Pointer(&m[0]))}
	low := uintptr(unsafe.Pointer(&arena[0]))
	w.landingStack = low + stackBytes
	w.low, w.high = low+stride, low+(maxBlockThreads+1)*stride
	w.stride, w.stack = stride, stackBytes
	w.sharedEnd = low + uintptr(len(arena)-page)
	return w, nil
}

func (w *worker) close() error {
	faults.remove(w)
	return errors.Join(unmap(w.arena), unmap(w.page))
}

func (w *worker) text() string {
	n := bytes.IndexByte(w.message[:], 0)
	return string(w.message[:max(n, 0)])
}

// faults are the process's: a signal has one handler, which is in the first
// image that was loaded, and wants to know all workers.
var faults catcher

const maxWorkers = 256

// catcher turns faults of kernels into errors, and hands others on to the
// handlers that were there before.
type catcher struct {
	mu   sync.Mutex
	list []byte // of *control; an entry may be 0
}

func (f *catcher) entries() []uintptr {
	return unsafe.Slice((*uintptr)(unsafe.Pointer(&f.list[0])), maxWorkers)
}

// add makes the faults of w's kernels errors. The image at path has the handler
// if there is none yet.
func (f *catcher) add(w *worker, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list == nil {
		if err := f.start(path); err != nil {
			return err
		}
	}
	for i, e := range f.entries() {
		if e == 0 {
			f.entries()[i] = uintptr(unsafe.Pointer(w.control))
			return nil
		}
	}
	return fmt.Errorf("host: more than %d workers; close contexts that are not used", maxWorkers)
}

func (f *catcher) start(path string) error {
	list, err := mapPages(maxWorkers * int(unsafe.Sizeof(uintptr(0))))
	if err != nil {
		return fmt.Errorf("map the list of workers: %w", err)
	}
	image, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL) // and never closed
	if err != nil {
		return err
	}
	catch, err := purego.Dlsym(image, "host_catch_faults")
	if err != nil {
		return err
	}
	f.list = list
	purego.SyscallN(catch, uintptr(unsafe.Pointer(&list[0])), maxWorkers)
	return nil
}

func (f *catcher) remove(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list == nil {
		return
	}
	for i, e := range f.entries() {
		if e == uintptr(unsafe.Pointer(w.control)) {
			f.entries()[i] = 0
		}
	}
}
