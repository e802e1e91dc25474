// Package host runs the kernels' own code on the CPU, so that it is tested where
// there is no GPU: a Compiler that compiles the units with g++ or clang++ against
// host.h, and a driver that loads what comes out and launches it.
//
// # What runs
//
// Each thread of a block is a fibre: a stack of its own, which it gives up in a
// barrier or a warp's collective and at the end. Threads run one at a time, in
// order, each as far as it gets; a collective is computed by the last lane to
// arrive. Blocks are shared out among a few workers, each with its own copy of
// the image, whose variables are therefore plain ones. Streams run at once, in
// the order of the calls; a capture records and a graph replays.
//
// Arithmetic is IEEE f32 and f64 without contraction. multiply_add adds the
// products of a step one by one in the order of k, in f32, so that a product by
// it equals the plain loop bit for bit; a GPU adds in an order that is not
// documented. __expf, fast_exp2 and rsqrtf are as exact as the host's library.
//
// # What is checked
//
// A launch fails with the kernel, the block and the thread, where the code
//
//   - has a barrier or a collective in divergent code: some threads wait in
//     another line than others, or have returned (a GPU may let threads return
//     before a barrier; the kernels here do not), or lanes are masked out;
//   - reads or writes outside of device memory: every allocation ends at a page
//     without access, up to the 255 bytes that align it, which are compared
//     after the launch, and begins after one if it fills its pages;
//   - copies or loads matrices from or to what is not the block's shared memory,
//     or unaligned; overruns dynamic shared memory by up to 127 bytes written, or
//     by more; leaves an array's bounds; divides by 0, overflows or shifts too far;
//   - ends with asynchronous copies that were never waited for;
//   - needs more of its stack than 64 KiB.
//
// What is wrong and no fault shows in the results. Shared memory is NaN before
// each block, device memory when it is allocated, and the target of an
// asynchronous copy from its start until the copy_wait that lands it. With
// Options.Strict each launch runs a second time on the same memory with the
// last thread first: if the results differ, threads race, and the launch fails.
package host
