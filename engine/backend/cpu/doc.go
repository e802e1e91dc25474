// Package cpu computes decoders of the Llama family on the host's processor.
// It is the reference for other backends and the default where there is no
// accelerator.
//
// # Numerics
//
//	f32   weights, activations, keys and values in f32.
//	bf16  weights, keys and values in bf16; activations and probabilities are
//	      rounded to bf16 before each product, and products are summed in f32.
//	      The residual stream, norms, RoPE and softmax stay in f32.
//
// # A step
//
// Positions of all rows lie end to end, T of them. A region is a set of tasks
// that the workers share; between any two regions all wait for each other.
//
//	copies    whole or partly filled blocks of keys and values
//	embed     h = Embed[token]; angles of RoPE; x = Norm(h)         by positions
//	each layer:
//	  qkv     q, k, v = QKV x                                       by outputs
//	  keys    + bias, Norm of q and k heads, RoPE; k, v to blocks    by segments
//	  attend  a = Attention(q, blocks)                              by heads and query tiles
//	  out     tmp = O a                                             by outputs
//	  join    h += tmp; x = Norm(h)                                 by positions
//	  mlp     y = SiLU(Gate x) * Up x                               by outputs
//	  down    tmp = Down y                                          by outputs
//	  join    h += tmp; x = Norm(h), the next layer's or the last   by positions
//	head      logits = Head x                                       by outputs
//	choose    next tokens                                           by rows
//
// A segment is a run of a row's positions within one block, so that no two
// tasks write to one block. After the last layer's keys only the positions that
// give logits go on. Decoding one sequence has as many tasks of attention as
// key-value heads: more workers than that help its products alone.
//
// # Layout
//
// Q, K and V of a layer are one matrix, and so are Gate and Up, in turns of
// some rows of each: the task that has computed a turn of both has SiLU(Gate x)
// * Up x at hand while it is in cache. A tied head is the embedding's matrix.
// Matrices are packed from the Source while it is read, so the model is in
// memory once. Norms and biases stay f32.
//
// # Invariance
//
// Every element of every activation is computed from its own position's row by
// one task, in an order that depends on the model's shape and the instruction
// set alone; softmax goes over tiles at absolute positions. So BE-5 holds, for
// all block sizes that divide 128 alike, and with any number of threads.
//
// # Memory
//
// What weights, keys and values, and activations for Budget positions take is
// known before anything is allocated. Open compares it with what the machine,
// and the control group that the process is in, have left, and refuses with a
// MemoryError. A step allocates nothing; the slices of a Result grow once.
package cpu
