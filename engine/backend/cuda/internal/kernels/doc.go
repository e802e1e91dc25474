// Package kernels holds the CUDA C++ sources of the backend, one small unit for
// each kernel, and what Go must know to compile and launch them. Units are
// compiled at run time for the shape of the model and the chip: sizes are
// macros, so loops unroll and divisions vanish.
//
// Package reference has their arithmetic in plain Go; the tests here compare
// with it at sizes that fill nothing evenly, and package lab at published ones.
//
// # Rows
//
// embed, rms_norm, keys and silu give a position the same bits wherever it stands
// in a step, whatever the grid: one block of threads has it, and sums run in an
// order that the model's shape fixes. The residual stream, norms, biases, RoPE and
// silu are f32; x, q, k, v and y are rounded to bf16 once, when they are written.
// Results of products are bf16 too, where engine/backend/cpu has f32: that is
// one rounding more, of what is added to the residual stream, of q, k and v
// before bias, norm and RoPE, and of gate and up.
//
// # Attention
//
// Rows of one token go through attend_decode, by splits of SplitTokens positions
// of their contexts, and attend_combine, which joins a row's splits in order; a
// split's sums depend on nothing outside it. All other rows go through
// attend_prefill, by tiles of queries; so does every row where results must not
// depend on the batch. Work makes the lists of both.
//
// attend_prefill gives a query the same bits whichever row, tile, chunk or block
// size it is computed in, and with all AttendSizes: sums run over tiles of 64
// positions from position 0 on, and what is behind the query has the weight 0,
// which changes nothing as long as values are finite. attend_decode gives other
// bits, since its sums run within splits. In both, scores are products of bf16
// summed in f32, weights are rounded to bf16 before they multiply values, as
// engine/backend/cpu rounds them, and sums of weights and values are f32.
//
// What the cache holds behind the last query of a tile, or the end of a context,
// is never used: it may be anything, no number included. Entries of a table
// behind that are never read.
package kernels
