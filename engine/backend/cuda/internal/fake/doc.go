// Package fake is a CUDA driver without a device, to test what launches kernels.
//
// It records every call, and every operation of a graph at each launch of the
// graph. Device memory is memory of Go, so copies and fills are real; a kernel
// does nothing unless the test gives it a body in Go.
//
// Streams are as lazy as they may be: what is queued runs when something waits
// for it (Synchronize, WaitEvent, a StreamWait that runs, a free, a copy of Go's
// memory), so a wait that is missing shows every time.
//
// It is as strict as a driver where a mistake would show on a GPU alone: copies
// must lie within one allocation; new memory is not zero; a call is refused on a
// thread on which the context is not current (on Linux, where that can be told);
// a thread that captures may neither allocate nor wait; a capture holds no memory
// of Go; what is not freed is listed by Leaks.
package fake
