// Joins what attend_decode has left of each row: a warp takes a head of a row and
// adds up its items in the order of their positions.
#include "attend.cuh"

#ifndef THREADS
#define THREADS 128
#endif

constexpr int HEADS_AT_ONCE = THREADS / WARP;
constexpr int LANES = HEAD_DIM / 4; // of a warp, that hold four columns each
static_assert(LANES <= WARP, "a warp holds a head");

KERNEL(attend_combine, AttendParams) {
  if (int(blockIdx.y) >= p.counts->rows) return;
  const Row row = p.rows[blockIdx.y];
  const u32 head = blockIdx.x * HEADS_AT_ONCE + threadIdx.x / WARP, lane = threadIdx.x % WARP;
  if (row.item < 0 || head >= HEADS) return;
  const float2* scale = p.scale + i64(row.item) * HEADS + head;
  const float* partial = p.partial + (i64(row.item) * HEADS + head) * HEAD_DIM + lane % LANES * 4;

  float top = minus_infinity();
  for (int i = lane; i < row.items; i += WARP) top = fmaxf(top, scale[i64(i) * HEADS].x);
  top = warp_max(top);

  float4 sum = {0.f, 0.f, 0.f, 0.f};
  float weight = 0.f;
  for (int first = 0; first < row.items; first += WARP) {
    // Lane i reads the scale of item first + i, for all.
    const int count = lesser(WARP, row.items - first);
    float2 own = {minus_infinity(), 0.f};
    if (int(lane) < count) own = scale[i64(first + lane) * HEADS];
    const float own_by = fast_exp2(own.x - top);
#pragma unroll 8
    for (int i = 0; i < count; i++) {
      const float by = __shfl_sync(FULL_WARP, own_by, i);
      const float4 v = *reinterpret_cast<const float4*>(partial + i64(first + i) * HEADS * HEAD_DIM);
      weight += by * __shfl_sync(FULL_WARP, own.y, i);
      sum.x += by * v.x;
      sum.y += by * v.y;
      sum.z += by * v.z;
      sum.w += by * v.w;
    }
  }
  if (lane >= LANES) return;
  const float by = __fdividef(1.f, weight);
  bf16* out = p.out + (i64(row.first) * HEADS + head) * HEAD_DIM + lane * 4;
  *reinterpret_cast<uint2*>(out) = uint2{pack(sum.x * by, sum.y * by), pack(sum.z * by, sum.w * by)};
}
