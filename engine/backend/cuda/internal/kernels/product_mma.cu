// y = x w^T for many tokens: tiles in shared memory, filled by copies some stages
// ahead, multiplied by mma.sync.
//
// An output is the sum of K / 16 matrix instructions in the order of k, whatever
// the tile's size, the token's place in it and the number of tokens, and nothing
// splits K: an output has the same bits in all of these kernels.
//
// x is the operand a and w the operand b. The columns of two neighbouring
// instructions are dealt out so that thread c of a row holds outputs 4 c to
// 4 c + 3 of 16: they leave in one store. A row of a stage is BLOCK_K elements in
// pieces of 16 bytes, whose places are swizzled by the row, so that the eight
// rows of a matrix lie in different banks.
#include "step.cuh"

#ifndef BLOCK_T
#define BLOCK_T 128 // tokens of a block
#endif
#ifndef BLOCK_N
#define BLOCK_N 256 // outputs of a block
#endif
#ifndef BLOCK_K
#define BLOCK_K 64 // inputs of a stage
#endif
#ifndef STAGES
#define STAGES 4
#endif
#ifndef WARPS_T
#define WARPS_T 2
#endif
#ifndef WARPS_N
#define WARPS_N 4
#endif
#ifndef BLOCKS_PER_SM
#define BLOCKS_PER_SM 1
#endif
#ifndef GROUP_T
#define GROUP_T 8 // tiles of tokens that run beside each other, and share w in the second cache
#endif

constexpr int THREADS = WARPS_T * WARPS_N * WARP;
constexpr int PIECES = BLOCK_K / 8; // of a row
constexpr int LOAD_ROWS = THREADS / PIECES;
constexpr int TILES_T = BLOCK_T / WARPS_T / 16, TILES_N = BLOCK_N / WARPS_N / 16; // of a warp, 16 wide
constexpr int N_BLOCKS = ceil_div(PRODUCT_N, BLOCK_N);
constexpr int STEPS = ceil_div(PRODUCT_K, BLOCK_K), SUBSTEPS = BLOCK_K / 16;
constexpr int X_BYTES = BLOCK_T * BLOCK_K * 2, STAGE_BYTES = (BLOCK_T + BLOCK_N) * BLOCK_K * 2;
static_assert(PRODUCT_K % 16 == 0, "the matrix instruction takes 16 inputs");
static_assert(BLOCK_K % 64 == 0, "the swizzle wants rows of 128 bytes");
static_assert(BLOCK_T % (16 * WARPS_T) == 0 && BLOCK_N % (16 * WARPS_N) == 0, "warps have tiles of 16 x 16");
static_assert(THREADS % PIECES == 0 && BLOCK_T % LOAD_ROWS == 0 && BLOCK_N % LOAD_ROWS == 0, "rows are dealt out evenly");
static_assert(STAGES >= 2, "copies run ahead");

// Where a row's pieces lie is piece ^ swizzle. A matrix of x has 8 rows in
// order; one of w has two of every four rows of 16.
DEVICE int swizzle_x(int row) { return row % 8; }
DEVICE int swizzle_w(int row) { return row / 4 % 4 * 2 + row % 2; }

// What a thread copies: one piece of every LOAD_ROWS-th row.
struct Loader {
  const bf16* x; // of the thread's first row
  const bf16* w;
  int row, piece;
  int tokens, outputs; // rows of the tiles that count
};

DEVICE void load_stage(u8* stage, const Loader& from, int step) {
  const int k = step * BLOCK_K;
  const bool inside = PRODUCT_K % BLOCK_K == 0 || k + from.piece * 8 < PRODUCT_K;
#pragma unroll
  for (int i = 0; i < BLOCK_T; i += LOAD_ROWS) {
    const int row = from.row + i;
    copy_async(stage + row * (BLOCK_K * 2) + (from.piece ^ swizzle_x(row)) * 16, from.x + i64(i) * PRODUCT_K + k,
               inside && row < from.tokens);
  }
#pragma unroll
  for (int i = 0; i < BLOCK_N; i += LOAD_ROWS) {
    const int row = from.row + i;
    copy_async(stage + X_BYTES + row * (BLOCK_K * 2) + (from.piece ^ swizzle_w(row)) * 16, from.w + i64(i) * PRODUCT_K + k,
               inside && (PRODUCT_N % BLOCK_N == 0 || row < from.outputs));
  }
}

// The operands of one substep.
struct Operands {
  u32 x[TILES_T][4], w[TILES_N][4];
};

// Where a thread's rows of matrices begin in a stage, and the place of its first
// piece there.
struct Reader {
  int x, w, x_piece, w_piece;
};

DEVICE void read(Operands& o, const u8* stage, const Reader& at, int substep) {
#pragma unroll
  for (int t = 0; t < TILES_T; t++)
    load_matrices(o.x[t], stage + at.x + t * (16 * BLOCK_K * 2) + (at.x_piece ^ substep * 2) * 16);
#pragma unroll
  for (int n = 0; n < TILES_N; n++)
    load_matrices(o.w[n], stage + at.w + n * (16 * BLOCK_K * 2) + (at.w_piece ^ substep * 2) * 16);
}

typedef float Sums[TILES_T][TILES_N][2][4];

DEVICE void multiply(Sums& sums, const Operands& o) {
#pragma unroll
  for (int t = 0; t < TILES_T; t++) {
#pragma unroll
    for (int n = 0; n < TILES_N; n++) {
      multiply_add(sums[t][n][0], o.x[t], o.w[n][0], o.w[n][1]);
      multiply_add(sums[t][n][1], o.x[t], o.w[n][2], o.w[n][3]);
    }
  }
}

#if PRODUCT_F32
typedef float Output;
typedef float4 Outputs;
DEVICE Output to_output(float v) { return v; }
DEVICE Outputs join(const float (&v)[4]) { return float4{v[0], v[1], v[2], v[3]}; }
#else
typedef bf16 Output;
typedef uint2 Outputs;
DEVICE Output to_output(float v) { return to_bf16(v); }
DEVICE Outputs join(const float (&v)[4]) { return uint2{pack(v[0], v[1]), pack(v[2], v[3])}; }
#endif

// Four outputs of a token from n on, of which those below PRODUCT_N exist.
DEVICE void store(void* y, i64 token, int n, const float (&v)[4]) {
  Output* to = static_cast<Output*>(y) + token * PRODUCT_N + n;
  if constexpr (PRODUCT_N % 4 == 0) {
    if (n < PRODUCT_N) *reinterpret_cast<Outputs*>(to) = join(v);
  } else {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if (n + i < PRODUCT_N) to[i] = to_output(v[i]);
    }
  }
}

// The tile of a block: GROUP_T tiles of tokens for an output tile, then the next.
DEVICE void place(int& token, int& output) {
  const int tiles = gridDim.x / N_BLOCKS, group = blockIdx.x / (GROUP_T * N_BLOCKS);
  const int within = blockIdx.x % (GROUP_T * N_BLOCKS), height = min(GROUP_T, tiles - group * GROUP_T);
  token = (group * GROUP_T + within % height) * BLOCK_T;
  output = within / height * BLOCK_N;
}

KERNEL_BOUNDS(product_mma, ProductParams, THREADS, BLOCKS_PER_SM) {
  DYNAMIC_SHARED(stages);
  int first_token, first_output;
  place(first_token, first_output);
  const int count = *p.count;
  if (first_token >= count) return;
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  const int warp_token = warp / WARPS_N * (BLOCK_T / WARPS_T), warp_output = warp % WARPS_N * (BLOCK_N / WARPS_N);

  Loader loader;
  loader.row = threadIdx.x / PIECES;
  loader.piece = threadIdx.x % PIECES;
  loader.tokens = count - first_token;
  loader.outputs = PRODUCT_N - first_output;
  loader.x = p.x + i64(first_token + loader.row) * PRODUCT_K + loader.piece * 8;
  loader.w = p.w + i64(first_output + loader.row) * PRODUCT_K + loader.piece * 8;

  // Of the four matrices of 8 x 8, x has rows 0 and 8 of the low inputs, then of
  // the high ones; w low and high inputs of the first instruction, then of the
  // second.
  const int matrix = lane / 8, of = lane % 8;
  const int x_row = warp_token + matrix % 2 * 8 + of, w_row = warp_output + of / 2 * 4 + matrix / 2 * 2 + of % 2;
  const Reader at = {x_row * (BLOCK_K * 2), X_BYTES + w_row * (BLOCK_K * 2), matrix / 2 ^ swizzle_x(x_row),
                     matrix % 2 ^ swizzle_w(w_row)};

#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (s < STEPS) load_stage(stages + s * STAGE_BYTES, loader, s);
    copy_commit();
  }
  copy_wait<STAGES - 2>();
  __syncthreads();

  Sums sums = {};
  Operands operands[2];
  read(operands[0], stages, at, 0);
  int slot = 0, last = STAGES - 1; // of this step, and of the step before
#pragma unroll 1
  for (int step = 0; step < STEPS; step++) {
    const int next = slot + 1 == STAGES ? 0 : slot + 1;
    read(operands[1], stages + slot * STAGE_BYTES, at, 1);
    if (step + STAGES - 1 < STEPS) load_stage(stages + last * STAGE_BYTES, loader, step + STAGES - 1);
    copy_commit();
    multiply(sums, operands[0]);
#pragma unroll
    for (int i = 1; i < SUBSTEPS; i++) { // the operands are read one substep ahead
      if (i + 1 < SUBSTEPS) {
        read(operands[(i + 1) % 2], stages + slot * STAGE_BYTES, at, i + 1);
      } else if (step + 1 < STEPS) { // all have read what they need of this stage, and the next is there
        copy_wait<STAGES - 2>();
        __syncthreads();
        read(operands[0], stages + next * STAGE_BYTES, at, 0);
      }
      multiply(sums, operands[i % 2]);
    }
    last = slot;
    slot = next;
  }

  const int g = lane / 4, c = lane % 4;
#pragma unroll
  for (int t = 0; t < TILES_T; t++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int token = first_token + warp_token + t * 16 + half * 8 + g;
      if (token >= count) continue;
#pragma unroll
      for (int n = 0; n < TILES_N; n++) {
        const float(&d)[2][4] = sums[t][n];
        const float v[4] = {d[0][half * 2], d[0][half * 2 + 1], d[1][half * 2], d[1][half * 2 + 1]};
        store(p.y, token, first_output + warp_output + n * 16 + c * 4, v);
      }
    }
  }
}
