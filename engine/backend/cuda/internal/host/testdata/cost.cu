// What fibres cost.
#include "prelude.cuh"

struct Params {
  const u32* in;
  u32* out;
  i32 n, mode;
};

// n shuffles by each thread.
KERNEL(turns, Params) {
  u32 v = threadIdx.x;
  for (int i = 0; i < p.n; i++) v += __shfl_xor_sync(FULL_WARP, v, 1);
  p.out[threadIdx.x] = v;
}

// n barriers.
KERNEL(barriers, Params) {
  for (int i = 0; i < p.n; i++) __syncthreads();
}

// A product of 64 x 64 x 64 by four warps, each of which has 16 rows.
KERNEL(tile, Params) {
  SHARED uint4 a[64][9], b[64][9]; // rows of k, those of b of n
  const int t = threadIdx.x, warp = t / 32, lane = t % 32;
  for (int i = t; i < 64 * 8; i += 128) {
    copy_async(&a[i / 8][i % 8], reinterpret_cast<const uint4*>(p.in) + i);
    copy_async(&b[i / 8][i % 8], reinterpret_cast<const uint4*>(p.in) + 512 + i);
  }
  copy_commit();
  copy_wait<0>();
  __syncthreads();
  float d[8][4] = {};
  for (int k = 0; k < 4; k++) {
    u32 x[4];
    load_matrices(x, &a[warp * 16 + lane % 16][k * 2 + lane / 16]);
    for (int n = 0; n < 4; n++) {
      u32 y[4];
      load_matrices(y, &b[n * 16 + lane % 8 + lane / 16 * 8][k * 2 + lane / 8 % 2]);
      multiply_add(d[2 * n], x, y[0], y[1]);
      multiply_add(d[2 * n + 1], x, y[2], y[3]);
    }
  }
  for (int n = 0; n < 8; n++)
    for (int i = 0; i < 4; i++)
      p.out[(warp * 16 + lane / 4 + i / 2 * 8) * 64 + n * 8 + lane % 4 * 2 + i % 2] = __float_as_uint(d[n][i]);
}
