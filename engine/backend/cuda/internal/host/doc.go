// Package host runs the kernels' own code on the CPU, so that it is tested where
// there is no GPU: a Compiler that compiles units with g++ or clang++ against
// host.h, and a driver that loads what comes out and launches it.
//
// # What runs
//
// Each thread of a block is a fibre: a stack of its own, which it gives up in a
// barrier or a warp's collective and at the end. Threads run one at a time, in
// order, each as far as it gets; the last lane to arrive in a collective computes
// it. A thread that waits for nobody needs no stack of its own. Blocks are shared
// out among a few workers, each with its own copy of the image, whose variables
// are therefore plain ones. Streams run at once, in the order of the calls; a
// capture records and a graph replays.
//
// Arithmetic is IEEE f32 and f64 without contraction. multiply_add adds the
// products of a step one by one in the order of k, in f32, so that a product by
// it equals the plain loop bit for bit; a GPU adds in an order that is not
// documented. __expf, fast_exp2 and rsqrtf are as exact as the host's library.
//
// # What is checked
//
// A launch fails and names the kernel, the block, the thread and, on linux, the
// line, where the code
//
//   - has a barrier or a collective in divergent code: threads wait in different
//     lines, or have returned, or lanes are masked out. A GPU allows some of that;
//     these kernels do without;
//   - reads or writes outside of device memory: each allocation lies between two
//     MiB without access and ends at one of them, but for the bytes that align it
//     to 256, which are looked at after each launch;
//   - overruns dynamic shared memory, or an array whose bounds are known; reads or
//     writes an unaligned value; divides by 0, overflows, or shifts too far;
//   - copies asynchronously to, or loads matrices from, what is not the block's
//     shared memory;
//   - ends with asynchronous copies that were never waited for, or has more than
//     128 of one thread under way;
//   - needs more than 64 KiB of a thread's stack.
//
// What is wrong without a fault shows in the results. Shared memory is NaN before
// each block (but SHARED in a template, by g++ before 14), device memory when up
// to 64 MiB of it are allocated, and the target of an asynchronous copy from its
// start until the copy_wait that lands it. A thread's variables that nothing was
// assigned to hold a pattern, by g++ from 12 on and clang++.
//
// With Options.Strict each launch runs twice on the same memory, once with the
// last block and the last thread first, while at most 64 MiB are allocated. If the
// results differ, threads or blocks race, and the launch fails.
//
// # Faults
//
// A kernel's fault is a signal of the process. The first image that is loaded has
// a handler, which looks whether the stack is a worker's: if so, the launch ends
// with an error; if not, the handler that was there before, Go's, gets the signal.
package host
