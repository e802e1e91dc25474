// Attention of rows of one token, over one split of a row's context at a time. A
// block takes an item and a head of keys and values with all its query heads.
// Each warp reads every WARPS-th run of 16 positions into a ring of its own and
// needs no other warp until the split's end; the reads of the block's next
// item have begun by then, so that memory never waits. The query heads are
// padded to the 16 rows of multiply_add, of which 8 are never used: the matrix
// units have time to spare while a tile is read.
#include "attend.cuh"

#ifndef THREADS
#define THREADS 128
#endif
#ifndef DECODE_STAGES
#define DECODE_STAGES 3 // runs of keys and values in a warp's ring
#endif
#ifndef DECODE_BLOCKS
#define DECODE_BLOCKS 2 // on a multiprocessor at once, which bounds the registers
#endif

constexpr int WARPS = THREADS / WARP;
constexpr int RUN = 16;                   // positions
constexpr int STEP = RUN * WARPS;         // positions that a block reads at once
constexpr int STAGE = 2 * RUN * HEAD_DIM; // elements: keys, values
constexpr int SUM_ROW = HEAD_DIM + 4;     // floats: heads of a fragment begin in different banks

static_assert(GROUP <= 8, "the query heads of a group are rows 0 to 7 of multiply_add");
static_assert(SPLIT_TOKENS % STEP == 0 && SPLIT_TOKENS % BLOCK_TOKENS == 0, "a split is whole steps and blocks");

// A split of a row's context: positions begin to end - 1.
struct Split {
  u32 head;  // of keys and values
  int token; // of the step
  int slot;
  int part; // among the step's decode items
  int begin, end;
};

DEVICE Split split_of(const AttendParams& p, int unit) {
  const Item item = p.items[unit / KV_HEADS];
  const Row row = p.rows[item.row];
  const int begin = item.part * SPLIT_TOKENS;
  return Split{u32(unit) % KV_HEADS, row.first, row.slot, row.item + item.part, begin, lesser(begin + SPLIT_TOKENS, row.start + 1)};
}

// Reads ahead of the sums, through the same splits.
struct Reader {
  int unit, units;
  int position, end; // of this warp's next run
  int next;          // of the block's next step
  u32 head;
  const i32* table;
};

DEVICE void enter(Reader& r, const AttendParams& p) {
  if (r.unit >= r.units) return;
  const Split s = split_of(p, r.unit);
  r.position = s.begin + int(threadIdx.x / WARP) * RUN;
  r.next = s.begin + STEP;
  r.end = s.end;
  r.head = s.head;
  r.table = p.tables + i64(s.slot) * MAX_BLOCKS;
}

// Starts to copy this warp's run of the block's next step, if it has one. What is
// behind the context's end is 0: what is in the cache there may be anything,
// and 0 times that might not be 0.
DEVICE void read(Reader& r, const AttendParams& p, bf16* stage) {
  if (r.unit >= r.units) return;
  if (r.position < r.end) {
    const u32 lane = threadIdx.x % WARP;
    const i64 from = cached(r.table[u32(r.position) / BLOCK_TOKENS], r.head, r.position) + lane * 8;
#pragma unroll
    for (int i = 0; i < RUN * CHUNKS / WARP; i++) {
      const u32 row = (i * WARP + lane) / CHUNKS, c = (i * WARP + lane) % CHUNKS;
      const bool valid = r.position + int(row) < r.end;
      copy_async(stage + chunk(row, c), p.keys + from + i * WARP * 8, valid);
      copy_async(stage + RUN * HEAD_DIM + chunk(row, c), p.values + from + i * WARP * 8, valid);
    }
  }
  r.position += STEP;
  if (r.next >= r.end) {
    r.unit += gridDim.x;
    enter(r, p);
  } else {
    r.next += STEP;
  }
}

// A warp's sums over its runs. Row lane / 4 of a fragment is a query head; rows 8
// to 15 have none and are 0.
struct State {
  u32 query[HEAD_DIM / 16][2];
  float sum[HEAD_DIM / 8][4];
  float top, weight; // the maximum so far; the sum over this thread's columns
};

DEVICE void start(State& state, const AttendParams& p, const Split& s) {
  const u32 row = threadIdx.x % WARP / 4, column = threadIdx.x % 4 * 2;
  const bf16* query = p.qkv + i64(s.token) * QKV + (s.head * GROUP + row) * HEAD_DIM + column;
#pragma unroll
  for (int k = 0; k < HEAD_DIM / 16; k++)
#pragma unroll
    for (int i = 0; i < 2; i++)
      state.query[k][i] = row < GROUP ? *reinterpret_cast<const u32*>(query + k * 16 + i * 8) : 0;
#pragma unroll
  for (int n = 0; n < HEAD_DIM / 8; n++) state.sum[n][0] = state.sum[n][1] = state.sum[n][2] = state.sum[n][3] = 0.f;
  state.top = minus_infinity();
  state.weight = 0.f;
}

// Takes in a run, of which left positions count.
DEVICE void take_in(State& state, const bf16* stage, int left) {
  const u32 lane = threadIdx.x % WARP;
  const u32 key = chunk(lane / 16 * 8 + lane % 8, lane / 8 % 2);
  const u32 value = chunk(lane % 16, lane / 16);
  float s[2][4] = {};
#pragma unroll
  for (int k = 0; k < HEAD_DIM / 16; k++) {
    const u32 a[4] = {state.query[k][0], 0, state.query[k][1], 0};
    u32 b[4];
    load_matrices(b, stage + (key ^ 16 * k));
    multiply_add(s[0], a, b[0], b[1]);
    multiply_add(s[1], a, b[2], b[3]);
  }
  const int column = lane % 4 * 2;
#pragma unroll
  for (int n = 0; n < 2; n++)
#pragma unroll
    for (int e = 0; e < 2; e++)
      if (column + n * 8 + e >= left) s[n][e] = minus_infinity();

  const float most = row_max(fmaxf(fmaxf(s[0][0], s[0][1]), fmaxf(s[1][0], s[1][1]))) * SCORE_SCALE;
  const float top = fmaxf(state.top, most), shrink = fast_exp2(state.top - top);
  state.top = top;
#pragma unroll
  for (int n = 0; n < 2; n++)
#pragma unroll
    for (int e = 0; e < 2; e++) s[n][e] = fast_exp2(__fmaf_rn(s[n][e], SCORE_SCALE, -top));
  state.weight = state.weight * shrink + ((s[0][0] + s[0][1]) + (s[1][0] + s[1][1]));
#pragma unroll
  for (int n = 0; n < HEAD_DIM / 8; n++) {
    state.sum[n][0] *= shrink;
    state.sum[n][1] *= shrink;
  }
  const u32 a[4] = {pack(s[0][0], s[0][1]), 0, pack(s[1][0], s[1][1]), 0};
#pragma unroll
  for (int n = 0; n < HEAD_DIM / 8; n += 2) {
    u32 b[4];
    load_matrices_transposed(b, stage + RUN * HEAD_DIM + (value ^ 8 * n));
    multiply_add(state.sum[n], a, b[0], b[1]);
    multiply_add(state.sum[n + 1], a, b[2], b[3]);
  }
}

// What the warps of a block have summed up of a split.
struct Shares {
  float sum[WARPS][GROUP][SUM_ROW];
  float top[WARPS][GROUP];
  float weight[WARPS][GROUP];
};

DEVICE void share(Shares& shares, const State& state) {
  const u32 warp = threadIdx.x / WARP, row = threadIdx.x % WARP / 4, column = threadIdx.x % 4 * 2;
  const float weight = row_sum(state.weight);
  if (row >= GROUP) return;
  shares.top[warp][row] = state.top;
  shares.weight[warp][row] = weight;
#pragma unroll
  for (int n = 0; n < HEAD_DIM / 8; n++)
    *reinterpret_cast<float2*>(&shares.sum[warp][row][n * 8 + column]) = float2{state.sum[n][0], state.sum[n][1]};
}

// Joins the warps' shares in their order and writes them. A warp that had no
// position weighs 0; the first has one.
DEVICE void join(const Shares& shares, const AttendParams& p, const Split& s) {
  for (u32 i = threadIdx.x; i < GROUP * HEAD_DIM / 4; i += THREADS) {
    const u32 row = i / (HEAD_DIM / 4), column = i % (HEAD_DIM / 4) * 4;
    float top = shares.top[0][row];
#pragma unroll
    for (int w = 1; w < WARPS; w++) top = fmaxf(top, shares.top[w][row]);
    float4 sum = {0.f, 0.f, 0.f, 0.f};
    float weight = 0.f;
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      const float by = fast_exp2(shares.top[w][row] - top);
      const float4 v = *reinterpret_cast<const float4*>(&shares.sum[w][row][column]);
      weight += by * shares.weight[w][row];
      sum.x += by * v.x;
      sum.y += by * v.y;
      sum.z += by * v.z;
      sum.w += by * v.w;
    }
    const i64 at = i64(s.part) * HEADS + s.head * GROUP + row;
    *reinterpret_cast<float4*>(p.partial + at * HEAD_DIM + column) = sum;
    if (column == 0) p.scale[at] = float2{top, weight};
  }
}

KERNEL_BOUNDS(attend_decode, AttendParams, THREADS, DECODE_BLOCKS) {
  DYNAMIC_SHARED(memory);
  Shares& shares = *reinterpret_cast<Shares*>(memory + WARPS * DECODE_STAGES * STAGE * sizeof(bf16));
  const int warp = threadIdx.x / WARP;
  bf16* ring = reinterpret_cast<bf16*>(memory) + warp * (DECODE_STAGES * STAGE);
  Reader reader;
  reader.unit = blockIdx.x;
  reader.units = p.counts->decode_items * KV_HEADS;
  if (reader.unit >= reader.units) return;
  enter(reader, p);
#pragma unroll
  for (int i = 0; i < DECODE_STAGES - 1; i++) {
    read(reader, p, ring + i * STAGE);
    copy_commit();
  }
  int stage = 0;
  for (int unit = blockIdx.x; unit < reader.units; unit += gridDim.x) {
    const Split s = split_of(p, unit);
    State state;
    start(state, p, s);
    for (int at = s.begin; at < s.end; at += STEP) {
      copy_wait<DECODE_STAGES - 2>();
      __syncwarp();
      read(reader, p, ring + (stage + DECODE_STAGES - 1) % DECODE_STAGES * STAGE);
      copy_commit();
      const int left = s.end - at - warp * RUN;
      if (left > 0) take_in(state, ring + stage * STAGE, left);
      stage = (stage + 1) % DECODE_STAGES;
    }
    __syncthreads(); // the shares of the split before have been joined
    share(shares, state);
    __syncthreads();
    join(shares, p, s);
  }
}
