// The parameters of the kernels: one struct for each, which params.go mirrors
// field by field. Where a step's arrays lie is the same for every launch of a
// captured graph; how much of them counts is in Counts, which is uploaded with
// them. Grids are made for the graph's bucket: a block beyond the counts writes
// nothing. Activations have room for the bucket, and may be read up to there.
//
// Macros, of which a unit has those that it names: HIDDEN, FFN, HEADS, KV_HEADS,
// HEAD_DIM, VOCAB, BLOCK_TOKENS (positions in a block of keys and values),
// MAX_BLOCKS (entries of a slot's table), SPLIT_TOKENS (positions that one block
// of attend_decode reads), RMS_EPS; QKV_BIAS and QK_NORM are 0 or 1.
//
// Layout: all matrices have their rows one after another; weights are [outputs]
// [inputs]. q, k and v of a position are one row of QKV elements, and so are
// gate and up, gate first. The cache of a layer is
// [block][KV_HEADS][BLOCK_TOKENS][HEAD_DIM], keys and values apart.
#pragma once
#include "prelude.cuh"

#define QKV ((HEADS + 2 * KV_HEADS) * HEAD_DIM)

struct Counts {
  i32 rows, tokens, samples;
  i32 decode_items, prefill_items;
  i32 updates;
};

// A row of the plan: N tokens of a slot's sequence from position Start, which
// are the step's tokens from First on. Item is its first decode item, -1 where
// attend_prefill computes the row; Items is how many it has.
struct Row {
  i32 slot, start, n, first;
  i32 item, items;
};

// An entry of a slot's block table.
struct Update {
  i32 slot, index, block;
};

// attend_decode: positions from SPLIT_TOKENS x split on of a row's context.
// attend_prefill: queries from part x QUERY_TILE on of a row.
struct Item {
  i32 row, part;
};

// How the next token of a row is chosen: sample.Pick, with the random bits of its
// stream at its index.
struct Choose {
  u64 random;
  float temperature, top_p, min_p;
  i32 top_k;
  i32 forced; // negative: none
  i32 mask;   // index of the row's mask; negative: all tokens are allowed
  i32 slot;   // where the choice is kept
  i32 unused;
};

// The token chosen, or -1: a logit is not finite; -2: the mask allows nothing.
struct Chosen {
  i32 token;
  i32 at; // with -1, the first such logit
};

// tables: writes the updates into the tables [slots][MAX_BLOCKS].
struct TablesParams {
  const Counts* counts;
  const Update* updates;
  i32* tables;
};

// copy_block: copies the first `tokens` positions of a block, in all layers.
// keys and values are [layers][blocks][KV_HEADS][BLOCK_TOKENS][HEAD_DIM].
struct CopyBlockParams {
  bf16* keys;
  bf16* values;
  i64 layer_elements; // of one layer's keys
  i32 layers, from, to, tokens;
};

// embed: h[t] = table[id of t]. An id of -1 is the token chosen last for the
// slot of the position's row.
struct EmbedParams {
  const Counts* counts;
  const i32* ids;       // [tokens]
  const i32* token_row; // [tokens], the row of the plan
  const Row* rows;
  const i32* last;      // [slots]
  const bf16* table;    // [VOCAB][HIDDEN]
  float* h;             // [tokens][HIDDEN]
};

// rms_norm: h[t] += y[t] where y is given; x[t] = h[t] / rms(h[t]) * weight. With
// gather, x[i] is of position gather[i], for the step's samples, and h is not
// written.
struct NormParams {
  const Counts* counts;
  float* h;            // [tokens][HIDDEN]
  const bf16* y;       // [tokens][HIDDEN]; 0: nothing to add
  const float* weight; // [HIDDEN]
  bf16* x;             // [tokens or samples][HIDDEN]
  const i32* gather;   // [samples]; 0: all positions
};

// keys: adds the bias, normalizes heads, turns q and k by their position, writes
// q back and appends k and v to the cache.
struct KeysParams {
  const Counts* counts;
  const i32* token_row;
  const Row* rows;
  const i32* tables;
  bf16* qkv;           // [tokens][QKV]
  const float* bias;   // [QKV], with QKV_BIAS
  const float* q_norm; // [HEAD_DIM], with QK_NORM
  const float* k_norm;
  const float2* angles; // [context][HEAD_DIM / 2], cosine and sine
  bf16* keys;           // of the layer
  bf16* values;
};

// attend_decode, attend_combine and attend_prefill: out = softmax(q k / sqrt(D)) v.
// attend_decode leaves for every item and head the unnormalized sum of values,
// the maximum of the scores (in powers of 2) and the sum of the weights, which
// attend_combine joins in the order of the positions.
struct AttendParams {
  const Counts* counts;
  const Row* rows;
  const Item* items; // decode or prefill items
  const i32* tables;
  const bf16* qkv;   // [tokens][QKV], q turned
  const bf16* keys;  // of the layer
  const bf16* values;
  bf16* out;         // [tokens][HEADS * HEAD_DIM]
  float* partial;    // [decode items][HEADS][HEAD_DIM]
  float2* scale;     // [decode items][HEADS]: maximum, sum
};

// silu: y[t][i] = silu(gu[t][i]) * gu[t][FFN + i].
struct SiluParams {
  const Counts* counts;
  const bf16* gu; // [tokens][2 * FFN]
  bf16* y;        // [tokens][FFN]
};

// product_*: y[t][n] = sum over k of x[t][k] w[n][k]. The macros PRODUCT_N,
// PRODUCT_K and PRODUCT_F32 (1: y is float, else bf16) specialise it. count is
// the field of Counts that says how many rows of x count.
struct ProductParams {
  const i32* count;
  const bf16* w; // [PRODUCT_N][PRODUCT_K]
  const bf16* x; // [count][PRODUCT_K]
  void* y;       // [count][PRODUCT_N]
  float* workspace;
};

// choose: the next token of each sample, by sample's arithmetic. Every block of
// the grid has a workspace for a candidate of each token (ChooseWorkspace).
struct Candidate {
  u64 key, weight;
};

struct ChooseParams {
  const Counts* counts;
  const Choose* picks;
  const u64* masks;    // [][(VOCAB + 63) / 64]
  const float* logits; // [samples][VOCAB]
  Candidate* workspace;
  i32* last;           // [slots]
  Chosen* chosen;      // [samples]
};

// seeded: elements of a tensor of seeded weights, as model.Seeded has them. With
// scale 0 the tensor is a vector of norms: 1 + (byte >> 3) / 128.
struct SeededParams {
  void* to; // bf16, or float with is_float
  i64 first, elements;
  u32 a, b; // the tensor's keys
  float scale;
  i32 is_float;
};

// angles: cosine and sine of each position and pair, from f64.
struct AnglesParams {
  const double* frequencies; // [HEAD_DIM / 2]
  float2* angles;            // [positions][HEAD_DIM / 2]
  i32 positions;
};
