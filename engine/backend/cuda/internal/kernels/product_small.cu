// y = x w^T for few tokens: the weights are read once, at the memory's pace.
//
// A block has 16 ROW_TILES outputs and all of K; its warps take turns along K,
// CHUNK at a time, and add up their sums in the order of the warps. w is the
// operand a of the matrix instruction, straight from global memory: of 32 inputs
// of a row thread c of the row's four loads 8 c to 8 c + 7, which are its parts
// of two instructions if both take the inputs in the order
//
//   0 1  8 9  16 17  24 25  2 3  10 11  18 19  26 27   and  4 5  12 13 ...
//
// and x in the same order is what the thread loads of its token, also as 16
// bytes. A ring of SLOTS chunks keeps loads under way. The order of a sum
// depends on K and WARPS alone: an output has the same bits for every
// TOKENS_TILE, count and place.
#include "step.cuh"

#ifndef TOKENS_TILE
#define TOKENS_TILE 8 // tokens of a block, a multiple of 8
#endif
#ifndef ROW_TILES
#define ROW_TILES 1
#endif
#ifndef WARPS
#define WARPS 8
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef BLOCKS_PER_SM
#define BLOCKS_PER_SM (TOKENS_TILE > 8 ? 2 : 3) // as the registers allow
#endif

constexpr int CHUNK = 64; // inputs: one line of 128 bytes of a row
constexpr int TOKEN_TILES = TOKENS_TILE / 8;
constexpr int ROWS = 16 * ROW_TILES;
constexpr int ROUNDS = ceil_div(PRODUCT_K, CHUNK * WARPS);
constexpr bool EVEN = PRODUCT_K % (CHUNK * WARPS) == 0;
static_assert(PRODUCT_K % 8 == 0, "a row of w is read 16 bytes at a time");
static_assert(TOKENS_TILE % 8 == 0, "the matrix instruction has 8 columns");

#if PRODUCT_F32
typedef float Output;
DEVICE Output to_output(float v) { return v; }
#else
typedef bf16 Output;
DEVICE Output to_output(float v) { return to_bf16(v); }
#endif

// What a thread has of a chunk: of each half the rows g and g + 8 of each tile of
// w, and token g of each tile of x.
struct Slot {
  uint4 w[2][ROW_TILES][2];
  uint4 x[2][TOKEN_TILES];
};

// Where a thread reads, at the first chunk of its warp.
struct Source {
  const bf16* w[ROW_TILES][2];
  const bf16* x[TOKEN_TILES];
  bool counts[TOKEN_TILES]; // the token does
  int k;                    // of the thread's first element
};

DEVICE bool inside(const Source& from, int at) { return EVEN || from.k + at < PRODUCT_K; }

DEVICE void fetch_w(Slot& slot, const Source& from, int round) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int at = round * (CHUNK * WARPS) + half * 32;
#pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
#pragma unroll
      for (int g = 0; g < 2; g++) slot.w[half][r][g] = inside(from, at) ? load_once(from.w[r][g] + at) : uint4{0, 0, 0, 0};
    }
  }
}

DEVICE void fetch_x(Slot& slot, const Source& from, int round) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int at = round * (CHUNK * WARPS) + half * 32;
#pragma unroll
    for (int t = 0; t < TOKEN_TILES; t++) {
      slot.x[half][t] = uint4{0, 0, 0, 0};
      if (inside(from, at) && from.counts[t]) slot.x[half][t] = *reinterpret_cast<const uint4*>(from.x[t] + at);
    }
  }
}

DEVICE void multiply(float (&sums)[ROW_TILES][TOKEN_TILES][4], const Slot& slot) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
#pragma unroll
    for (int r = 0; r < ROW_TILES; r++) {
      const uint4 a = slot.w[half][r][0], b = slot.w[half][r][1];
      const u32 first[4] = {a.x, b.x, a.y, b.y}, second[4] = {a.z, b.z, a.w, b.w};
#pragma unroll
      for (int t = 0; t < TOKEN_TILES; t++) {
        const uint4 x = slot.x[half][t];
        multiply_add(sums[r][t], first, x.x, x.y);
        multiply_add(sums[r][t], second, x.z, x.w);
      }
    }
  }
}

KERNEL_BOUNDS(product_small, ProductParams, WARPS * WARP, BLOCKS_PER_SM) {
  SHARED float partial[WARPS][TOKENS_TILE][ROWS + 1];
  const int first_token = blockIdx.y * TOKENS_TILE, first_row = blockIdx.x * ROWS;
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, g = lane / 4, c = lane % 4;

  Source from;
  from.k = warp * CHUNK + c * 8;
#pragma unroll
  for (int r = 0; r < ROW_TILES; r++) {
#pragma unroll
    for (int i = 0; i < 2; i++) { // rows beyond the last are read as the last, and not written
      const int row = min(first_row + r * 16 + i * 8 + g, PRODUCT_N - 1);
      from.w[r][i] = p.w + i64(row) * PRODUCT_K + from.k;
    }
  }
  // The weights are on their way before it is known how many tokens count. A block
  // of tokens none of which does reads them in vain, but a grid has hardly such a block.
  Slot ring[SLOTS];
#pragma unroll
  for (int s = 0; s < SLOTS; s++) {
    if (s < ROUNDS) fetch_w(ring[s], from, s);
  }
  const int count = *p.count;
#pragma unroll
  for (int t = 0; t < TOKEN_TILES; t++) {
    const int token = first_token + t * 8 + g;
    from.counts[t] = token < count;
    from.x[t] = p.x + i64(token) * PRODUCT_K + from.k;
  }

  float sums[ROW_TILES][TOKEN_TILES][4] = {};
#pragma unroll
  for (int s = 0; s < SLOTS; s++) {
    if (s < ROUNDS) fetch_x(ring[s], from, s);
  }
#pragma unroll 1
  for (int round = 0; round < ROUNDS; round += SLOTS) {
#pragma unroll
    for (int s = 0; s < SLOTS; s++) {
      if (ROUNDS % SLOTS == 0 || round + s < ROUNDS) multiply(sums, ring[s]);
      if (round + s + SLOTS < ROUNDS) {
        fetch_w(ring[s], from, round + s + SLOTS);
        fetch_x(ring[s], from, round + s + SLOTS);
      }
    }
  }

#pragma unroll
  for (int r = 0; r < ROW_TILES; r++) {
#pragma unroll
    for (int t = 0; t < TOKEN_TILES; t++) {
#pragma unroll
      for (int i = 0; i < 4; i++) partial[warp][t * 8 + c * 2 + i % 2][r * 16 + i / 2 * 8 + g] = sums[r][t][i];
    }
  }
  __syncthreads();
  const int tokens = min(TOKENS_TILE, count - first_token);
  for (int i = threadIdx.x; i < tokens * ROWS; i += WARPS * WARP) {
    const int token = i / ROWS, row = i % ROWS;
    if (first_row + row >= PRODUCT_N) continue;
    float sum = partial[0][token][row];
#pragma unroll
    for (int w = 1; w < WARPS; w++) sum += partial[w][token][row];
    static_cast<Output*>(p.y)[i64(first_token + token) * PRODUCT_N + first_row + row] = to_output(sum);
  }
}
