package driver

import (
	"errors"
	"fmt"
	"time"
)

// Ptr is an address in a device's memory; 0 is none.
type Ptr uint64

// Handles of what a Context makes. 0 is none, and the null stream is not used.
type (
	Stream   uintptr
	Event    uintptr
	Module   uintptr
	Function uintptr
	Graph    uintptr // captured
	Exec     uintptr // a graph that can be launched
)

// Driver finds devices.
type Driver interface {
	// Name says which implementation this is: "libcuda", "gorgonia", "host", "fake".
	Name() string
	// Version is the newest CUDA that the driver serves, 1000 x major + 10 x minor.
	Version() (int, error)
	Devices() ([]Device, error)
	// Open retains the primary context of a device and makes it current on the
	// calling thread.
	Open(ordinal int) (Context, error)
}

// Release is a version of CUDA as people write it, "13.0", from 1000 x major + 10 x
// minor.
func Release(version int) string { return fmt.Sprintf("%d.%d", version/1000, version%1000/10) }

// Device describes a device. Sizes are in bytes.
type Device struct {
	Ordinal      int
	Name         string
	UUID         string // "GPU-" and 32 hexadecimal digits in groups, as nvidia-smi writes it
	PCI          string // "0000:1b:00.0"
	Major, Minor int    // compute capability
	SMs          int    // multiprocessors
	WarpSize     int
	ClockKHz     int // of the multiprocessors, at most
	MemoryKHz    int
	BusBits      int // width of the memory's bus
	MemoryBytes  int64
	L2Bytes      int
	// SharedPerBlock is what a block may have without and SharedOptin what it
	// may have with SetShared; SharedPerSM is what a multiprocessor has.
	SharedPerBlock, SharedOptin, SharedPerSM int
	RegistersPerSM, ThreadsPerSM             int
}

// Context is a device in use. All methods but Bind, Close and those that free
// want the context to be current on the calling thread; an implementation does
// not check that. It is used by several goroutines if each has locked its
// thread and called Bind; one stream is used by one goroutine at a time.
type Context interface {
	Device() Device
	// Bind makes the context current on the calling thread.
	Bind() error
	// Close waits for the device, and releases the context and what was not
	// freed. Closing twice is no error.
	Close() error

	Memory() (free, total int64, err error)
	// Alloc takes device memory, at least 256-byte aligned. It fails with an
	// *OutOfMemoryError.
	Alloc(bytes int64) (Ptr, error)
	Free(Ptr) error
	// AllocHost takes page-locked memory of the host, at least 256-byte aligned.
	AllocHost(bytes int) ([]byte, error)
	FreeHost([]byte) error

	NewStream() (Stream, error)
	DropStream(Stream) error
	// Synchronize blocks until all work of the stream is done. It does not spin.
	Synchronize(Stream) error

	// NewEvent makes an event. Waiting for it blocks and does not spin. Only
	// timed events have an Elapsed.
	NewEvent(timed bool) (Event, error)
	DropEvent(Event) error
	Record(Event, Stream) error
	WaitEvent(Event) error          // the host waits
	StreamWait(Stream, Event) error // the stream waits
	Elapsed(from, to Event) (time.Duration, error)

	// The copies and fills are queued in the stream. Memory of the host that is
	// not from AllocHost makes them synchronous: a source may be written over, and
	// a destination is there, when they return. Such a copy cannot be captured and
	// is refused.
	CopyIn(dst Ptr, src []byte, s Stream) error
	CopyOut(dst []byte, src Ptr, s Stream) error
	CopyWithin(dst, src Ptr, bytes int64, s Stream) error
	Fill(dst Ptr, value byte, bytes int64, s Stream) error

	// Load takes in an image that a Compiler for this driver made.
	Load(image []byte) (Module, error)
	Unload(Module) error
	Function(m Module, name string) (Function, error)
	Attributes(Function) (Attributes, error)
	// SetShared raises a function's bound of dynamic shared memory.
	SetShared(f Function, bytes int) error
	// Occupancy is how many blocks of that size a multiprocessor holds at once.
	Occupancy(f Function, threads, shared int) (int, error)

	Launch(Launch, Stream) error
	// BeginCapture turns what is queued in the stream into a graph until
	// EndCapture, which the same thread calls; nothing of it runs. Until then that
	// thread neither allocates nor waits. A launch of the graph reads the memory
	// that copies in it name, page-locked memory too, as it is by then.
	BeginCapture(Stream) error
	EndCapture(Stream) (Graph, error)
	DropGraph(Graph) error
	Instantiate(Graph) (Exec, error)
	// Update gives an Exec the parameters of a graph of the same shape, and fails
	// where the shapes differ; the Exec is as it was then.
	Update(Exec, Graph) error
	LaunchGraph(Exec, Stream) error
	DropExec(Exec) error
}

// Attributes are what a compiled kernel takes.
type Attributes struct {
	Registers    int // of a thread
	StaticShared int // bytes of a block
	Local        int // bytes of a thread: the stack and spilled registers
	MaxThreads   int // of a block
	BinaryArch   int // 10 x major + minor
}

// Launch is one kernel launch. Every kernel of this project takes one struct by
// value, whose bytes are Params.
type Launch struct {
	Function Function
	Grid     [3]uint32 // blocks
	Block    [3]uint32 // threads
	Shared   int       // dynamic shared memory of a block in bytes
	Params   []byte    // the kernel's one parameter
}

// ErrClosed is the error of every method of a Context that is closed, but Close
// and Device.
var ErrClosed = errors.New("the device's context is closed")

// Error is what a call to the driver returned.
type Error struct {
	Call string // "cuMemAlloc_v2"
	Code int
	Name string // "CUDA_ERROR_INVALID_VALUE"; "CUDA_ERROR_<code>" if the driver has none
	Text string // what the driver says of it
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (%d): %s", e.Call, e.Name, e.Code, e.Text)
}

// OutOfMemoryError says what was asked for and what was left.
type OutOfMemoryError struct {
	Device             string
	Asked, Free, Total int64 // bytes
}

func (e *OutOfMemoryError) Error() string {
	const mib = 1 << 20
	return fmt.Sprintf("%s: %.1f MiB of device memory are asked for, %.1f of %.1f MiB are free", e.Device, float64(e.Asked)/mib, float64(e.Free)/mib, float64(e.Total)/mib)
}
