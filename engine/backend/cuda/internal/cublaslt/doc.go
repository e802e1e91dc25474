// Package cublaslt binds the part of NVIDIA's cuBLASLt that matrix products of a
// transformer need, at run time.
//
// A Product computes y[t][n] = sum over k of x[t][k] w[n][k], all with their rows
// one after another, w and x in bf16. cuBLASLt's matrices have their columns one
// after another, so that what it is told is y^T = w x^T: m = N, n = tokens, its
// first operand w^T of K x N, transposed, its second x^T of K x tokens, and sums
// in f32 (CUBLAS_COMPUTE_32F; the inputs' own products are exact in f32).
//
//	handle   for a device; the context is current when it is made and used
//	product  the shapes for one number of tokens
//	algorithm  a way to compute it, as the library's heuristic proposes them
//
// The descriptors are made by the library, which alone knows their layouts. Two
// structs are laid out here, as cublasLt.h of CUDA 11 to 13 has them: an
// algorithm is 64 bytes that nobody but the library reads, and what the heuristic
// says of one is 96 bytes. A test compares both with the header where it is found.
package cublaslt
