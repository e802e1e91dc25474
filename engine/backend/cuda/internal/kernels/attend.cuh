// What the attention kernels share. Keys and values are tiles in shared memory,
// a position's in one row of 16-byte chunks, whose places are exchanged so that
// eight rows' chunks of one column lie in eight different groups of four banks:
// then neither the copies nor load_matrices meet in a bank.
#pragma once
#include "step.cuh"

constexpr int GROUP = HEADS / KV_HEADS; // query heads of a head of keys and values
constexpr int CHUNKS = HEAD_DIM / 8;    // of 16 bytes in a row

static_assert(HEADS % KV_HEADS == 0, "query heads are a multiple of key and value heads");
static_assert(HEAD_DIM == 16 || HEAD_DIM == 32 || HEAD_DIM == 64 || HEAD_DIM == 128, "a row is a power of 2");
static_assert(BLOCK_TOKENS % 16 == 0 && (64 % BLOCK_TOKENS == 0 || BLOCK_TOKENS % 64 == 0),
              "16 positions lie in one block of the cache, and blocks and tiles of 64 do not overlap partly");

// Scores are kept in powers of 2: log2(e) / sqrt(HEAD_DIM). A weight is 2 to the
// power of fma(score, SCORE_SCALE, -top), where top is rounded: all weights of a
// row share the factor that this costs, which is near 1 for scores up to 2^20
// and finite up to 2^30.
constexpr float SCORE_SCALE = 1.4426950408889634f * (HEAD_DIM == 16   ? 0.25f
                                                     : HEAD_DIM == 32 ? 0.17677669529663687f
                                                     : HEAD_DIM == 64 ? 0.125f
                                                                      : 0.088388347648318440f);

DEVICE float minus_infinity() { return __uint_as_float(0xff800000u); }
DEVICE int lesser(int a, int b) { return a < b ? a : b; }

// Where a chunk of a row lies in a tile, in elements. For even chunks and rows
// that differ by multiples of 16, chunk(row, c ^ 2 i) = chunk(row, c) ^ 16 i.
DEVICE u32 chunk(u32 row, u32 c) {
  constexpr u32 ROWS = CHUNKS < 8 ? 8 / CHUNKS : 1; // rows in 128 bytes, all the banks
  constexpr u32 MASK = (CHUNKS < 8 ? CHUNKS : 8) - 1;
  return row * HEAD_DIM + (c ^ (row / ROWS & MASK)) * 8;
}

// Where the keys, or values, of a position lie in the cache, in elements; block is
// the entry of its slot's table.
DEVICE i64 cached(int block, int head, u32 position) {
  return (i64(block) * KV_HEADS + head) * (BLOCK_TOKENS * HEAD_DIM) + int(position % BLOCK_TOKENS * HEAD_DIM);
}

// The maximum, and the sum, over the four threads that hold a row of an
// accumulator of multiply_add.
DEVICE float row_max(float v) {
  v = fmaxf(v, __shfl_xor_sync(FULL_WARP, v, 1));
  return fmaxf(v, __shfl_xor_sync(FULL_WARP, v, 2));
}

DEVICE float row_sum(float v) {
  v += __shfl_xor_sync(FULL_WARP, v, 1);
  return v + __shfl_xor_sync(FULL_WARP, v, 2);
}
