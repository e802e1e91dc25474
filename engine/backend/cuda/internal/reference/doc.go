// Package reference computes what the kernels compute, in plain loops in f64. The
// kernels' tests and the kernel lab compare with it.
//
// Operands are what a kernel reads: bf16 or f32. Results are not rounded. Next to
// a result stands, where a bound needs it, the sum of the magnitudes that it is
// made of: what cancels there is what rounding in f32 can cost.
package reference
