// Package cuda computes decoders of the Llama family on an NVIDIA GPU of compute
// capability 8.0 or later. Driver, compiler and libraries are bound at run time:
// the same binary runs where there are none, and Probe says what is there.
//
// # Numerics
//
// Weights, activations, keys and values are bf16; products, attention's scores
// and sums, norms, RoPE and softmax are computed in f32, and so are the residual
// stream and the logits. A token is chosen on the device by the arithmetic of
// package sample: the same logits give the same token as on the host, which a
// row that asks for its logits or log-probabilities is held to.
//
// # A step
//
// Positions of all rows lie end to end, T of them, of which S give logits. A step
// is a copy of its description to the device, the copies of blocks that the plan
// asks for, and one graph of launches in one stream:
//
//	tables    new entries of block tables
//	embed     h = Embed[token]; a FromDevice row's is the one chosen last in its slot
//	each layer:
//	  norm       h += tmp; x = Norm(h)
//	  qkv        q, k, v = QKV x
//	  keys       + bias, Norm of q and k heads, RoPE; k, v to blocks
//	  attend     a = Attention(q, blocks)
//	  out        tmp = O a
//	  norm       h += tmp; x = Norm(h)
//	  gate, up   gu = [Gate; Up] x
//	  silu       y = SiLU(gate) * up
//	  down       tmp = Down y
//	norm      x = Norm(h + tmp) of the S positions
//	head      logits = Head x
//	choose    next tokens, kept by slot
//
// A step of which nothing is sampled ends with the last layer's keys. The tokens
// chosen are copied back behind the graph, then the event is recorded that Wait
// blocks on.
//
// # Attention's work
//
// A row of one token is cut into splits of SplitTokens positions of its context,
// each computed by its own blocks of threads (attend_decode) and joined in order
// (attend_combine); any other row is cut into tiles of its queries
// (attend_prefill). The list of both is made here and uploaded with the step, so
// that a launch has as many blocks as there is work, whatever the rows are. Where
// a step has more splits than there is memory for their sums, further rows are
// computed as prefills of one token.
//
// # Graphs
//
// A graph is captured when a step's shape is first met, and launched again for
// every step of that shape: so many tokens, samples, splits and tiles at most,
// each rounded up to a bucket. Arrays lie at the same places for all steps of a
// shape, and how much of them counts is in their head: a block of threads beyond
// the counts returns at once. Products of the library compute whole buckets; what
// lies in the rows beyond is finite or not, and no other row reads it. The graph
// that was not used for longest gives way to a 257th.
//
// # Depth
//
// Depth is 1: a step may be submitted while the one before runs. What a step
// reads of the host lies in page-locked memory, of which there are two sets. On
// the device one set is enough, as the stream orders the copy behind the step
// before. Tokens stay on the device: the next step's rows find them in their
// slots, and the host learns of them when it waits.
//
// # Layout
//
// Matrices have their rows one after another as they are stored; Q, K and V of a
// layer are one, and so are Gate and Up. The cache of a layer is
// [block][KVHeads][BlockTokens][HeadDim], keys and values apart.
//
// # Invariance
//
// With Config.Invariant BE-5 holds: every product sums over its K elements in one
// order that does not depend on the number of rows (package products), and a row
// of one token attends as a tile of queries does, in tiles of keys at absolute
// positions. Without it, products are chosen for each bucket by its size, or by
// trial with Config.Tune, so that a request's bits depend on how many tokens run
// beside it.
//
// # Products
//
// What computes a product at a bucket is settled at Open (package products): by
// the sizes alone, or with Config.Tune by trial, once the weights are there.
// Candidates of the library run once in any case, as it loads kernels when they
// are first used, which must not be within a capture. A library that does not take
// the device, or computes none of a product's candidates, is done without:
// Caps.Kernels says why.
//
// # Memory
//
// All sizes are known before anything is allocated: weights, activations for
// Budget tokens and Slots rows, and keys and values, which get Config.Blocks,
// Config.CacheBytes, or nine tenths of what is left. Open compares them with what
// is free and refuses with a MemoryError. What the driver itself takes is covered
// by a reserve. Page-locked memory of the host grows once, with the number of rows
// of a step that ask for logits.
//
// # Weights
//
// Seeded weights are made on the device. A folder's are read by eight goroutines
// through page-locked memory, each with a stream: tensors in bf16 as their bytes
// lie, others converted on the way. Kernels are compiled meanwhile, or found in
// the cache on disk.
//
// # Threads
//
// The driver's context is bound to a thread of the system. Caps.Locked asks the
// engine's loop to keep to one; Submit and Wait bind it to whichever they are
// called on, which costs a fraction of a microsecond. Waiting blocks in the
// driver and does not spin.
//
// # Failure
//
// A step that does not fit, a call to the driver that fails, a logit that is not
// finite and a mask that allows nothing end the backend: it answers Close and
// nothing else, and Close gives back all that was taken. Where cuBLASLt is used the
// device's context itself, which holds what that has loaded, lasts until the
// process ends.
package cuda
