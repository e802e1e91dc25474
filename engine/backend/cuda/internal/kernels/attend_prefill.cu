// Attention of rows by tiles of queries. A block takes QUERY_TILE queries of a
// row with all heads of a group, as ROWS rows that share keys and values, and runs
// through these in tiles of 64 positions from position 0 on, which copies bring
// in while the tile before is multiplied.
//
// What is computed for a query does not depend on what else is in its tile, on
// where the prompt was cut, or on the size of a block: its sums run over the same
// tiles in the same order. Tiles that are behind it change nothing: their
// weights are exactly 0, the maximum stays, and what is rescaled is multiplied
// by exactly 1.
#include "attend.cuh"

#ifndef THREADS
#define THREADS 128
#endif
#ifndef PREFILL_TILES
#define PREFILL_TILES 2 // of 16 rows for a warp: they share each fragment of keys and values
#endif
#ifndef PREFILL_STAGES
#define PREFILL_STAGES 2 // tiles of keys and values in shared memory
#endif
#ifndef PREFILL_BLOCKS
#define PREFILL_BLOCKS 2 // on a multiprocessor at once, which bounds the registers
#endif

constexpr int WARP_ROWS = 16 * PREFILL_TILES;
constexpr int ROWS = THREADS / WARP * WARP_ROWS;
constexpr int QUERY_TILE = ROWS / GROUP;
constexpr int TILE = 64;
constexpr int PASS_ROWS = THREADS / CHUNKS; // rows that all threads copy at once
constexpr int PASSES = TILE / PASS_ROWS;
constexpr int STAGE = 2 * TILE * HEAD_DIM; // elements: keys, values

static_assert(QUERY_TILE >= 1, "a tile holds a query");
static_assert(PREFILL_STAGES >= 2, "one tile is copied while another is used");
static_assert(THREADS % WARP == 0 && PASS_ROWS <= TILE && TILE % PASS_ROWS == 0 && PASS_ROWS % 8 == 0, "each thread copies in each pass");

// Table entries that a thread needs for a tile: one for each block, or for each
// pass where a pass goes over several.
constexpr int ENTRIES = BLOCK_TOKENS >= TILE ? 1 : PASS_ROWS <= BLOCK_TOKENS ? TILE / BLOCK_TOKENS : PASSES;

// A tile of queries.
struct Work {
  u32 head;        // of keys and values
  int token;       // of the step, the tile's first
  int queries;     // in the tile
  int first, last; // their positions
  u32 table;       // where its slot's begins
};

DEVICE Work work_of(const AttendParams& p, int unit) {
  const Item item = p.items[unit / KV_HEADS];
  const Row row = p.rows[item.row];
  const int skip = item.part * QUERY_TILE, queries = lesser(QUERY_TILE, row.n - skip);
  return Work{u32(unit) % KV_HEADS,  row.first + skip, queries, row.start + skip, row.start + skip + queries - 1,
              u32(row.slot) * MAX_BLOCKS};
}

// A thread copies the same chunk of every PASS_ROWS-th row, from this one on.
DEVICE u32 thread_row() { return threadIdx.x / CHUNKS; }
DEVICE u32 thread_chunk() { return threadIdx.x % CHUNKS; }

// Starts to copy a tile. Rows behind the last query are 0: what is in the cache
// there may be anything, and 0 times that might not be 0.
DEVICE void copy_tile(const AttendParams& p, const Work& w, int tile, bf16* stage) {
  constexpr int APART = PASS_ROWS * HEAD_DIM;
  const int left = w.last - tile * TILE - int(thread_row());
  if (tile * TILE > w.last) return;
  i64 block[ENTRIES];
#pragma unroll
  for (int i = 0; i < ENTRIES; i++) {
    const u32 position = tile * TILE + i * (TILE / ENTRIES) + thread_row();
    const int entry = int(position) <= w.last ? p.tables[w.table + position / BLOCK_TOKENS] : 0;
    block[i] = (i64(entry) * KV_HEADS + w.head) * (BLOCK_TOKENS * HEAD_DIM);
  }
  const u32 within = tile * TILE % BLOCK_TOKENS * HEAD_DIM + thread_row() % BLOCK_TOKENS * HEAD_DIM + thread_chunk() * 8;
  bf16* to = stage + chunk(thread_row(), thread_chunk());
#pragma unroll
  for (int i = 0; i < PASSES; i++) {
    const bool valid = i * PASS_ROWS <= left;
    const i64 from = block[i * ENTRIES / PASSES] + within + i * APART % (BLOCK_TOKENS * HEAD_DIM);
    copy_async(to + i * APART, p.keys + from, valid);
    copy_async(to + i * APART + TILE * HEAD_DIM, p.values + from, valid);
  }
}

// Row r of a tile is head r % GROUP of the group of query r / GROUP. Rows without
// a query are 0, so that all numbers stay finite.
DEVICE void copy_queries(const AttendParams& p, const Work& w, bf16* queries) {
#pragma unroll
  for (int i = 0; i < ROWS / PASS_ROWS; i++) {
    const u32 row = i * PASS_ROWS + thread_row();
    const int query = row / GROUP;
    const bool valid = query < w.queries;
    const i64 from = i64(w.token + (valid ? query : 0)) * QKV + (w.head * GROUP + row % GROUP) * HEAD_DIM;
    copy_async(queries + chunk(row, thread_chunk()), p.qkv + from + thread_chunk() * 8, valid);
  }
}

// A warp's rows and what they have summed up: fragment t, element e is of row
// 16 t + lane / 4 + 8 (e / 2).
struct State {
  float sum[PREFILL_TILES][HEAD_DIM / 8][4];
  float top[PREFILL_TILES][2];    // the maximum so far
  float weight[PREFILL_TILES][2]; // the sum over this thread's columns
};

DEVICE void clear(State& state) {
#pragma unroll
  for (int t = 0; t < PREFILL_TILES; t++) {
    state.top[t][0] = state.top[t][1] = minus_infinity();
    state.weight[t][0] = state.weight[t][1] = 0.f;
#pragma unroll
    for (int n = 0; n < HEAD_DIM / 8; n++)
      state.sum[t][n][0] = state.sum[t][n][1] = state.sum[t][n][2] = state.sum[t][n][3] = 0.f;
  }
}

typedef float Scores[PREFILL_TILES][TILE / 8][4];

// scores = queries keys.
DEVICE void multiply_keys(Scores& s, const bf16* queries, const bf16* keys) {
  const u32 lane = threadIdx.x % WARP;
  const u32 query = chunk(lane % 16, lane / 16);
  const u32 key = chunk(lane / 16 * 8 + lane % 8, lane / 8 % 2);
#pragma unroll
  for (int t = 0; t < PREFILL_TILES; t++)
#pragma unroll
    for (int n = 0; n < TILE / 8; n++) s[t][n][0] = s[t][n][1] = s[t][n][2] = s[t][n][3] = 0.f;
#pragma unroll
  for (int k = 0; k < HEAD_DIM / 16; k++) {
    u32 a[PREFILL_TILES][4];
#pragma unroll
    for (int t = 0; t < PREFILL_TILES; t++) load_matrices(a[t], queries + t * 16 * HEAD_DIM + (query ^ 16 * k));
#pragma unroll
    for (int n = 0; n < TILE / 8; n += 2) {
      u32 b[4];
      load_matrices(b, keys + n * 8 * HEAD_DIM + (key ^ 16 * k));
#pragma unroll
      for (int t = 0; t < PREFILL_TILES; t++) {
        multiply_add(s[t][n], a[t], b[0], b[1]);
        multiply_add(s[t][n + 1], a[t], b[2], b[3]);
      }
    }
  }
}

// Takes out what is behind a row's own position: row r sees column c where
// r / GROUP >= c, so r >= GROUP c, both counted from the tile's first query.
DEVICE void mask(Scores& s, int first_row, int from) {
  const int row = first_row + int(threadIdx.x % WARP / 4), column = from + int(threadIdx.x % 4) * 2;
  const int seen = row - GROUP * column;
#pragma unroll
  for (int t = 0; t < PREFILL_TILES; t++)
#pragma unroll
    for (int n = 0; n < TILE / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        if (GROUP * (n * 8 + e % 2) - t * 16 - e / 2 * 8 > seen) s[t][n][e] = minus_infinity();
}

// Brings the maxima so far up to date, and the sums so far to them.
DEVICE void rescale(const Scores& s, State& state) {
  float shrink[PREFILL_TILES][2];
  bool same = true;
#pragma unroll
  for (int t = 0; t < PREFILL_TILES; t++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float top = fmaxf(s[t][0][2 * half], s[t][0][2 * half + 1]);
#pragma unroll
      for (int n = 1; n < TILE / 8; n++) top = fmaxf(top, fmaxf(s[t][n][2 * half], s[t][n][2 * half + 1]));
      top = fmaxf(state.top[t][half], row_max(top) * SCORE_SCALE);
      shrink[t][half] = fast_exp2(state.top[t][half] - top);
      same = same && top == state.top[t][half];
      state.top[t][half] = top;
    }
  if (__all_sync(FULL_WARP, same)) return; // multiplying by 1 would change nothing
#pragma unroll
  for (int t = 0; t < PREFILL_TILES; t++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      state.weight[t][half] *= shrink[t][half];
#pragma unroll
      for (int n = 0; n < HEAD_DIM / 8; n++) {
        state.sum[t][n][2 * half] *= shrink[t][half];
        state.sum[t][n][2 * half + 1] *= shrink[t][half];
      }
    }
}

// Turns scores into weights, of which the maximum would have 1, and rounds them to
// bf16 as fragments for multiply_add.
DEVICE void weigh(u32 (&weights)[PREFILL_TILES][TILE / 16][4], const Scores& s, State& state) {
#pragma unroll
  for (int n = 0; n < TILE / 8; n++)
#pragma unroll
    for (int t = 0; t < PREFILL_TILES; t++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const float a = fast_exp2(__fmaf_rn(s[t][n][2 * half], SCORE_SCALE, -state.top[t][half]));
        const float b = fast_exp2(__fmaf_rn(s[t][n][2 * half + 1], SCORE_SCALE, -state.top[t][half]));
        state.weight[t][half] += a + b;
        weights[t][n / 2][n % 2 * 2 + half] = pack(a, b);
      }
}

// sum += weights values.
DEVICE void multiply_values(State& state, const u32 (&weights)[PREFILL_TILES][TILE / 16][4], const bf16* values) {
  const u32 lane = threadIdx.x % WARP;
  const u32 value = chunk(lane % 16, lane / 16);
#pragma unroll
  for (int k = 0; k < TILE / 16; k++)
#pragma unroll
    for (int n = 0; n < HEAD_DIM / 8; n += 2) {
      u32 b[4];
      load_matrices_transposed(b, values + k * 16 * HEAD_DIM + (value ^ 8 * n));
#pragma unroll
      for (int t = 0; t < PREFILL_TILES; t++) {
        multiply_add(state.sum[t][n], weights[t][k], b[0], b[1]);
        multiply_add(state.sum[t][n + 1], weights[t][k], b[2], b[3]);
      }
    }
}

// Writes a warp's rows, by way of the place of its queries so that all bytes of a
// row go out together. Adding 0 makes all zeros positive.
DEVICE void write_rows(const AttendParams& p, const Work& w, State& state, bf16* rows, u32 first_row) {
  const u32 lane = threadIdx.x % WARP;
#pragma unroll
  for (int t = 0; t < PREFILL_TILES; t++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const float scale = __fdividef(1.f, row_sum(state.weight[t][half]));
      const u32 row = t * 16 + half * 8 + lane / 4;
#pragma unroll
      for (int n = 0; n < HEAD_DIM / 8; n++)
        *reinterpret_cast<u32*>(rows + chunk(row, n) + lane % 4 * 2) =
            pack(__fmaf_rn(state.sum[t][n][2 * half], scale, 0.f), __fmaf_rn(state.sum[t][n][2 * half + 1], scale, 0.f));
    }
  __syncwarp();
#pragma unroll 1 // its addresses would take registers from the loop over tiles
  for (u32 i = lane; i < WARP_ROWS * CHUNKS; i += WARP) {
    const u32 row = i / CHUNKS, c = i % CHUNKS;
    const int query = (first_row + row) / GROUP, head = w.head * GROUP + (first_row + row) % GROUP;
    if (query < w.queries)
      reinterpret_cast<uint4*>(p.out + (i64(w.token + query) * HEADS + head) * HEAD_DIM)[c] =
          *reinterpret_cast<const uint4*>(rows + chunk(row, c));
  }
}

KERNEL_BOUNDS(attend_prefill, AttendParams, THREADS, PREFILL_BLOCKS) {
  DYNAMIC_SHARED(memory);
  SHARED Work w; // here because the sums leave few registers
  bf16* queries = reinterpret_cast<bf16*>(memory); // [ROWS][HEAD_DIM]
  bf16* ring = queries + ROWS * HEAD_DIM;          // [PREFILL_STAGES][2][TILE][HEAD_DIM]
  const int first_row = int(threadIdx.x / WARP) * WARP_ROWS;
  for (int unit = blockIdx.x; unit < p.counts->prefill_items * KV_HEADS; unit += gridDim.x) {
    __syncthreads(); // all are done with what is overwritten now
    if (threadIdx.x == 0) w = work_of(p, unit);
    __syncthreads();
    copy_queries(p, w, queries);
#pragma unroll
    for (int i = 0; i < PREFILL_STAGES - 1; i++) {
      copy_tile(p, w, i, ring + i * STAGE);
      copy_commit();
    }
    State state;
    clear(state);
    for (int tile = 0; tile * TILE <= w.last; tile++) {
      copy_wait<PREFILL_STAGES - 2>();
      __syncthreads();
      const int ahead = tile + PREFILL_STAGES - 1;
      copy_tile(p, w, ahead, ring + ahead % PREFILL_STAGES * STAGE);
      copy_commit();
      // Of the warp's queries, if it has any.
      const int low = w.first + first_row / GROUP, high = lesser(w.last, w.first + (first_row + WARP_ROWS - 1) / GROUP);
      if (low > w.last || tile * TILE > high) continue;
      const bf16* keys = ring + tile % PREFILL_STAGES * STAGE;
      Scores s;
      multiply_keys(s, queries + first_row * HEAD_DIM, keys);
      if (tile * TILE + TILE - 1 > low) mask(s, first_row, tile * TILE - w.first);
      u32 weights[PREFILL_TILES][TILE / 16][4];
      rescale(s, state);
      weigh(weights, s, state);
      multiply_values(state, weights, keys + TILE * HEAD_DIM);
    }
    write_rows(p, w, state, queries + first_row * HEAD_DIM, first_row);
  }
}
