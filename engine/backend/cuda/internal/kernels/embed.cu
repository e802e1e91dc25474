// Starts the residual stream: a block of threads widens one row of the table. A
// thread takes 4 elements at a time, so that a warp's writes lie end to end.
#include "step.cuh"

KERNEL_BOUNDS(embed, EmbedParams, THREADS, 1) {
  constexpr int PIECES = HIDDEN / 4, ROUNDS = ceil_div(PIECES, THREADS);
  static_assert(HIDDEN % 4 == 0, "a row is whole pieces of 4 elements");
  const int t = blockIdx.x;
  if (t >= p.counts->tokens) return;
  int id = p.ids[t];
  if (id == -1) id = p.last[p.rows[p.token_row[t]].slot];
  // A choice that failed leaves no token: the step after it, which is under way
  // by then, computes what nobody reads, but must not read outside the table.
  if (u32(id) >= VOCAB) id = 0;
  const uint2* row = reinterpret_cast<const uint2*>(p.table + i64(id) * HIDDEN);
  float4* h = reinterpret_cast<float4*>(p.h + i64(t) * HIDDEN);
  uint2 v[ROUNDS];
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int i = k * THREADS + threadIdx.x;
    if (PIECES % THREADS == 0 || i < PIECES) v[k] = row[i];
  }
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int i = k * THREADS + threadIdx.x;
    if (PIECES % THREADS == 0 || i < PIECES) h[i] = float4{low(v[k].x), high(v[k].x), low(v[k].y), high(v[k].y)};
  }
}
