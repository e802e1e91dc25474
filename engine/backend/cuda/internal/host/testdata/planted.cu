// Causal attention of 32 queries over a paged cache by two warps, small but in
// the manner of the real kernels: tiles of 32 positions in two buffers, filled
// by asynchronous copies while the tile before is computed. BUG plants a mistake.
#include "prelude.cuh"

enum Bug { NONE, MASK, TABLE, WAIT, FILLED, DRAINED, TAIL, DIVERGENT };

constexpr int D = 32, PAGE = 16, TILE = 32, QUERIES = 32;
constexpr int ROW = D / 8, PITCH = ROW + 1; // in uint4; rows lie apart to spread over the banks

struct Params {
  const bf16* q;      // [QUERIES][D], in units of 1/sqrt(D) log2(e)
  const bf16* keys;   // [pages][PAGE][D]
  const bf16* values;
  const i32* table;   // [ceil(first + QUERIES, PAGE)]
  float* out;         // [QUERIES][D]
  i32 first, pages;   // position of query 0; entries of table
};

typedef uint4 Tile[TILE][PITCH];

// Starts the copies of tile i; positions beyond the table are zeros.
DEVICE void load(const Params& p, int i, Tile& k, Tile& v) {
  for (int piece = threadIdx.x; piece < TILE * ROW; piece += 64) {
    const int row = piece / ROW, col = piece % ROW, entry = i * (TILE / PAGE) + row / PAGE;
    const bool valid = entry < p.pages;
    if (BUG == TAIL && !valid) continue;
    const int page = p.table[valid ? (BUG == TABLE && entry == 2 ? 1 : entry) : 0];
    const i64 at = (i64(page) * PAGE + row % PAGE) * D + col * 8;
    copy_async(&k[row][col], p.keys + at, valid);
    copy_async(&v[row][col], p.values + at, valid);
  }
  copy_commit();
}

KERNEL_BOUNDS(planted, Params, 64, 1) {
  SHARED uint4 q[QUERIES][PITCH];
  SHARED Tile k[2], v[2];
  const int lane = threadIdx.x % WARP, top = threadIdx.x / WARP * 16, group = lane / 4, pair = lane % 4 * 2;
  for (int i = threadIdx.x; i < QUERIES * ROW; i += 64) q[i / ROW][i % ROW] = reinterpret_cast<const uint4*>(p.q)[i];
  const int tiles = ceil_div(p.first + QUERIES, TILE);
  load(p, 0, k[0], v[0]);
  float sum[4][4] = {}, weights[2] = {}, most[2] = {-1e30f, -1e30f};
  for (int tile = 0; tile < tiles; tile++) {
    const int now = tile % 2;
    if (tile + 1 < tiles) load(p, tile + 1, k[!now], v[!now]);
    else copy_commit();
    copy_wait<BUG == WAIT ? 2 : 1>();
    if (BUG != FILLED) __syncthreads();
    if (BUG == DIVERGENT && tile * TILE > p.first + top + 15) continue;
    float s[4][4] = {};
    for (int step = 0; step < D / 16; step++) {
      u32 a[4], b[4];
      load_matrices(a, &q[top + lane % 16][step * 2 + lane / 16]);
      for (int n = 0; n < TILE / 16; n++) {
        load_matrices(b, &k[now][n * 16 + lane % 8 + lane / 16 * 8][step * 2 + lane / 8 % 2]);
        multiply_add(s[2 * n], a, b[0], b[1]);
        multiply_add(s[2 * n + 1], a, b[2], b[3]);
      }
    }
    for (int half = 0; half < 2; half++) { // rows group and group + 8
      const int query = p.first + top + group + half * 8;
      float high_mark = most[half];
      for (int n = 0; n < 4; n++)
        for (int i = 0; i < 2; i++) {
          float& score = s[n][half * 2 + i];
          if (tile * TILE + n * 8 + pair + i > query + (BUG == MASK)) score = -1e30f;
          high_mark = max(high_mark, score);
        }
      for (int by = 1; by < 4; by *= 2) high_mark = max(high_mark, __shfl_xor_sync(FULL_WARP, high_mark, by));
      const float shrink = fast_exp2(most[half] - high_mark);
      most[half] = high_mark;
      weights[half] *= shrink;
      for (int n = 0; n < 4; n++)
        for (int i = 0; i < 2; i++) {
          sum[n][half * 2 + i] *= shrink;
          s[n][half * 2 + i] = fast_exp2(s[n][half * 2 + i] - high_mark);
          weights[half] += s[n][half * 2 + i];
        }
    }
    for (int step = 0; step < TILE / 16; step++) {
      const float(&x)[4] = s[2 * step], (&y)[4] = s[2 * step + 1];
      const u32 a[4] = {pack(x[0], x[1]), pack(x[2], x[3]), pack(y[0], y[1]), pack(y[2], y[3])};
      for (int n = 0; n < D / 16; n++) {
        u32 b[4];
        load_matrices_transposed(b, &v[now][step * 16 + lane % 16][n * 2 + lane / 16]);
        multiply_add(sum[2 * n], a, b[0], b[1]);
        multiply_add(sum[2 * n + 1], a, b[2], b[3]);
      }
    }
    if (BUG != DRAINED) __syncthreads(); // the buffer is free
  }
  copy_wait<0>();
  for (int half = 0; half < 2; half++) {
    for (int by = 1; by < 4; by *= 2) weights[half] += __shfl_xor_sync(FULL_WARP, weights[half], by);
    for (int n = 0; n < 4; n++)
      for (int i = 0; i < 2; i++)
        p.out[(top + group + half * 8) * D + n * 8 + pair + i] = sum[n][half * 2 + i] / weights[half];
  }
}
