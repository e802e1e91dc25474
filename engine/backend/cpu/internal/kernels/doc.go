// Package kernels computes what a decoder of the Llama family consists of, on
// one machine's cores: products with packed weights, attention over paged keys
// and values, and the operations on rows between them.
//
// # Numerics
//
// F32 keeps everything in f32. BF16 keeps weights, keys and values in bf16 and
// rounds activations, queries and probabilities to bf16, to nearest even, before
// each product; products and sums, softmax, norms and residuals are f32. The
// instructions of AVX512-BF16 and AMX take subnormal bf16 for zero.
//
// # Layout
//
// A step in k is 64 bytes of a row of activations (Panel) and 1 KiB of 16 rows
// of weights (Matrix): 16 k in f32, 32 in bf16. With the rows of weights in the
// lanes, one layout serves broadcasts of an activation (Go, AVX-512, VDPBF16PS)
// and tiles (AMX). Keys and values lie as matrices do (KV), so that scores and
// weighted sums are the same products.
//
// # Bits
//
// On one machine a result's bits depend on its own inputs alone:
//
//	K-1  An element of a product is one chain of sums from k = 0 upwards, with
//	     zeros at its end up to a whole step. A chain that is cut for the sake
//	     of caches is stored and taken up again in f32, which changes nothing.
//	K-2  One instruction set computes a product of one row as it does that of
//	     many: with AMX, decoding uses tiles too.
//	K-3  A softmax takes in positions in tiles that begin at multiples of a
//	     fixed number, and sums in 16 lanes by position. What lies behind a row's
//	     own position has a probability of exactly zero and adds zero.
//	K-4  Decoding is a prefill of one token.
//
// So a row gives the same alone and in a batch, in one chunk and in several, and
// on any number of threads. Instruction sets differ in the last bits: the two
// products of a pair are added to a sum one after the other in Go and AVX-512,
// and in orders of their own by VDPBF16PS and TDPBF16PS.
//
// # Assembly
//
// gen writes the products, with the encodings of what Go's assembler does not
// know. Nothing in assembly can be interrupted by Go's scheduler, so every call
// is cut to less than 100 us. A signal may come at any time: the system saves
// vectors and tiles, for which the first Detect asks it. A call sets tiles up at
// its start and releases them at its end, so that no other code runs with tiles
// to be saved. Operands need no alignment, except that lines of panels and
// steps of matrices are aligned to 64 bytes for speed. Sums, which the caller
// provides, may lie on a stack: it does not grow during a call.
//
// # Speed
//
// A product of few rows, as in decoding, waits for memory: two panels are two
// streams, fetched some lines ahead. A product of many is cut so that its
// operands stay in the second cache; with AMX, 32 rows by 2 panels take 4 tiles
// of operands for 4 products of tiles, which take twice as long as their loads
// from the first cache. Ceiling measures what both come up against.
package kernels
