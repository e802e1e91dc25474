// Joins what attend_decode has left of each row: a warp takes a head of a row and
// adds up its items in the order of their positions.
#include "attend.cuh"

#ifndef THREADS
#define THREADS 128
#endif

constexpr int HEADS_AT_ONCE = THREADS / WARP;
constexpr int LANES = HEAD_DIM / 4; // of a warp, that hold four columns each
constexpr int AHEAD = 8;            // items whose sums are read at once
static_assert(LANES <= WARP, "a warp holds a head");

// Sums of items from first on, of those that there are.
DEVICE void fetch(float4 (&v)[AHEAD], const float* partial, int first, int items) {
#pragma unroll
  for (int i = 0; i < AHEAD; i++) {
    v[i] = float4{0.f, 0.f, 0.f, 0.f};
    if (first + i < items) v[i] = *reinterpret_cast<const float4*>(partial + i64(first + i) * (HEADS * HEAD_DIM));
  }
}

KERNEL(attend_combine, AttendParams) {
  if (int(blockIdx.y) >= p.counts->rows) return;
  const Row row = p.rows[blockIdx.y];
  const u32 head = blockIdx.x * HEADS_AT_ONCE + threadIdx.x / WARP, lane = threadIdx.x % WARP;
  if (row.item < 0 || head >= HEADS) return;
  const float2* scale = p.scale + i64(row.item) * HEADS + head;
  const float* partial = p.partial + (i64(row.item) * HEADS + head) * HEAD_DIM + lane % LANES * 4;
  float4 v[AHEAD];
  fetch(v, partial, 0, row.items);

  float top = minus_infinity();
  for (int i = lane; i < row.items; i += WARP) top = fmaxf(top, scale[i64(i) * HEADS].x);
  top = warp_max(top);

  float4 sum = {0.f, 0.f, 0.f, 0.f};
  float weight = 0.f, by = 0.f, own = 0.f;
  for (int first = 0; first < row.items; first += AHEAD) {
    if (first % WARP == 0) { // lane i reads the scale of item first + i, for all
      by = own = 0.f;
      if (first + int(lane) < row.items) {
        const float2 of = scale[i64(first + lane) * HEADS];
        by = fast_exp2(of.x - top);
        own = by * of.y;
      }
    }
#pragma unroll
    for (int i = 0; i < AHEAD; i++) {
      const float times = __shfl_sync(FULL_WARP, by, first % WARP + i);
      weight += __shfl_sync(FULL_WARP, own, first % WARP + i);
      sum.x += times * v[i].x;
      sum.y += times * v[i].y;
      sum.z += times * v[i].z;
      sum.w += times * v[i].w;
    }
    fetch(v, partial, first + AHEAD, row.items);
  }
  if (lane >= LANES) return;
  const float share = __fdividef(1.f, weight);
  bf16* out = p.out + (i64(row.first) * HEADS + head) * HEAD_DIM + lane * 4;
  *reinterpret_cast<uint2*>(out) = uint2{pack(sum.x * share, sum.y * share), pack(sum.z * share, sum.w * share)};
}
