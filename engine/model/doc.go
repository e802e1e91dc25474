// Package model describes decoders of the Llama family and reads their
// weights.
//
// A Config is a shape: sizes, RoPE, and what distinguishes Llama, Qwen2 (biases
// of Q, K and V) and Qwen3 (RMSNorm of each query and key head, before RoPE). A
// Source gives the tensors of a Config row by row as f32. There are two: Seeded
// computes them, Open reads a Hugging Face folder.
//
// # The computation
//
// With h the residual stream of one position, [Hidden], and Norm RMSNorm with
// the layer's weight:
//
//	h = Embed[token]
//	per layer:
//	    x = Norm(h, AttnNorm)
//	    q, k, v = Q x + QBias, K x + KBias, V x + VBias
//	    q, k = Norm(q, QNorm), Norm(k, KNorm)     each head alone; with QKNorm
//	    q, k = RoPE(q), RoPE(k)                   Frequencies
//	    h += O Attention(q, keys, values)         causal, scaled by 1/sqrt(HeadDim)
//	    x = Norm(h, MLPNorm)
//	    h += Down (SiLU(Gate x) * Up x)
//	logits = Head Norm(h, FinalNorm)
//
// Query head i uses key and value head i / (Heads/KVHeads).
//
// # Seeded weights
//
// A weight is a signed byte of a counter hash times a power of two, or for a
// norm's weight a multiple of 2^-7 near 1. So it is exact in bf16 and f16, and
// any program computes the same bits from 32-bit integer arithmetic. With i =
// row*columns + column, >> a logical shift and all arithmetic modulo 2^32:
//
//	mix(x)       x ^= x >> 16; x *= 0x7feb352d; x ^= x >> 15; x *= 0x846ca68b; x ^ x >> 16
//	key(y)       mix(mix(mix(y + 0x9e3779b9) ^ low half of seed) ^ high half of seed)
//	a, b         key(id), key(^id) with id = layer << 8 | kind
//	word(w)      x = w + a; x ^= x >> 16; x *= 0x7feb352d; x ^= b;
//	             x ^= x >> 15; x *= 0x846ca68b; x ^ x >> 16
//	byte(i)      word(i / 4) >> 8 (i mod 4), its low 8 bits as a signed number
//	matrix       byte(i) 2^-(6 + ceil(ceil(log2 columns) / 2))
//	bias         byte(i) 2^-9
//	norm         1 + floor(byte(i) / 8) 2^-7
//
// kind is the number of the constant of type Kind. A byte's standard deviation
// is 73.9, so a matrix multiplies the length of a vector by 0.58 to 1.16 and
// activations stay near 1 whatever the width. The mixer is lowbias32 of
// https://github.com/skeeto/hash-prospector (public domain); word has a second
// key between its multiplications, so that no two tensors run through one
// sequence at different offsets.
//
// # Folders
//
// Open reads config.json, generation_config.json if there is one, and the
// weights: model.safetensors, or else the files that
// model.safetensors.index.json names. WriteFolder writes the same.
//
// config.json is that of LlamaForCausalLM, Qwen2ForCausalLM or
// Qwen3ForCausalLM. RoPE's settings are read as transformers 5 has them
// (rope_parameters) and as it was before (rope_theta and rope_scaling); their
// type is "default" or "llama3". Refused is what a field asks for and is not
// computed here: another activation than SiLU, attention_bias, mlp_bias, a
// sliding window in use, quantization_config, a partial_rotary_factor. Absent
// fields have the defaults of transformers. The tokens that end an output are
// eos_token_id of generation_config.json, else of config.json, else none.
//
// A safetensors file is the length of its header in 8 bytes, the header (JSON,
// from a name to dtype, shape and data_offsets), and the data, little-endian
// (https://github.com/huggingface/safetensors). Checked before any use:
//
//   - the header lies within the file and has at most 100 MB;
//   - an entry's bytes are as many as its shape and type have;
//   - the entries fill the file without gap or overlap, so it is not truncated;
//   - no tensor is there twice, in one file or two, and each is in the file
//     that the index says;
//   - every tensor of Config.Tensors is there, in its shape, as BF16, F16 or F32;
//   - no other tensor is, but rotary_emb.inv_freq and a head beside a tied one,
//     which old programs wrote.
//
// Files are mapped into memory where the system can, so that opening reads no
// weights and processes share one copy; elsewhere rows are read when they are
// asked for.
package model
