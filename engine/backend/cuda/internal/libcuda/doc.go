// Package libcuda is the driver of a machine with an NVIDIA GPU: the CUDA driver
// API, bound when the program runs, so that one binary starts on machines with
// and without it.
//
// The library is libcuda.so.1, which the GPU's kernel driver brings along. The
// dynamic linker searches it first (LD_LIBRARY_PATH, /etc/ld.so.cache), then the
// folders where containers and WSL put it. A driver older than CUDA 12.0 is
// refused: cuGraphExecUpdate_v2 came with it. Symbols carry their version where
// cuda.h gives a name two (cuMemAlloc_v2), and those that came later than 12.0
// have a fallback: cuEventElapsedTime_v2 (12.8), cuFuncLoad and
// cuFuncGetParamInfo (12.4), cuDeviceGetUuid_v2.
//
// # Waiting
//
// The primary context gets CU_CTX_SCHED_BLOCKING_SYNC and every event
// CU_EVENT_BLOCKING_SYNC: a thread that waits sleeps.
//
// # Memory that a call is given
//
// A call passes addresses as uintptr, which Go's collector does not see. Two
// facts make that safe. The conversions stand in the argument lists of
// functions marked go:uintptrescapes, so what they point to is on the heap, not
// on a stack that may move, and lives until the call returns; and the collector
// does not move what is on the heap. The driver keeps none of these addresses
// after the call but those of copies: page-locked memory is not Go's, and a copy
// from or to other memory is waited for before the method returns.
//
// cuLaunchKernel takes an array of pointers to parameters. The array of one
// pointer is in a frame on the heap, taken from a pool, which holds a Go pointer
// to Launch.Params until the call has returned: the frame is written to after
// it, so the collector sees both until then. The driver copies the parameters,
// into the queue or into the captured graph's node, before it returns.
//
// # Ownership
//
// A context keeps a list of what it made. What is freed twice, or was made
// elsewhere, is refused before the driver sees it, since for most kinds of
// handle the driver would read freed memory. Close frees what is left.
package libcuda
