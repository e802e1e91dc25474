// Copies the start of a block of keys and values: a block of threads takes one
// head of one layer, whose positions lie end to end, of keys (z = 0) or values.
#include "step.cuh"

KERNEL_BOUNDS(copy_block, CopyBlockParams, THREADS, 1) {
  constexpr int HEAD = BLOCK_TOKENS * HEAD_DIM;
  bf16* layer = (blockIdx.z ? p.values : p.keys) + i64(blockIdx.x) * p.layer_elements;
  const uint4* from = reinterpret_cast<const uint4*>(layer + (i64(p.from) * KV_HEADS + blockIdx.y) * HEAD);
  uint4* to = reinterpret_cast<uint4*>(layer + (i64(p.to) * KV_HEADS + blockIdx.y) * HEAD);
  const int pieces = p.tokens * HEAD_DIM / 8;
#pragma unroll 4
  for (int i = threadIdx.x; i < pieces; i += THREADS) to[i] = from[i];
}
