// rms_norm with pieces of 8 elements: y and x are accessed 16 bytes at once, h
// and the weight as two such pieces side by side.
#include "step.cuh"

constexpr int WARPS = THREADS / WARP;
constexpr int PIECES = HIDDEN / 8, ROUNDS = ceil_div(PIECES, THREADS);
static_assert(HIDDEN % 8 == 0, "a row is whole pieces of 8 elements");

struct Piece {
  float4 a, b;
};

DEVICE float block_sum(float v, float* of_warps) {
  v = warp_sum(v);
  if (WARPS == 1) return v;
  const int lane = threadIdx.x % WARP;
  if (lane == 0) of_warps[threadIdx.x / WARP] = v;
  __syncthreads();
  return warp_sum(lane < WARPS ? of_warps[lane] : 0.f);
}

DEVICE void add(Piece& v, uint4 y) {
  v.a = float4{v.a.x + low(y.x), v.a.y + high(y.x), v.a.z + low(y.y), v.a.w + high(y.y)};
  v.b = float4{v.b.x + low(y.z), v.b.y + high(y.z), v.b.z + low(y.w), v.b.w + high(y.w)};
}

DEVICE float squares(float4 v) { return v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w; }

DEVICE u32 scaled(float a, float b, float scale, float wa, float wb) { return pack(a * scale * wa, b * scale * wb); }

KERNEL_BOUNDS(rms_norm, NormParams, THREADS, 1) {
  SHARED float of_warps[WARPS];
  const int i = blockIdx.x;
  if (i >= (p.gather ? p.counts->samples : p.counts->tokens)) return;
  const int t = p.gather ? p.gather[i] : i;
  Piece* h = reinterpret_cast<Piece*>(p.h + i64(t) * HIDDEN);
  const Piece* weight = reinterpret_cast<const Piece*>(p.weight);
  const uint4* y = reinterpret_cast<const uint4*>(p.y + i64(t) * HIDDEN);
  Piece v[ROUNDS] = {}, w[ROUNDS] = {};
  uint4 more[ROUNDS] = {};
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int at = k * THREADS + threadIdx.x;
    if (at >= PIECES) continue;
    v[k] = h[at];
    if (p.y) more[k] = y[at];
    w[k] = weight[at];
  }
  float sum = 0.f;
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int at = k * THREADS + threadIdx.x;
    add(v[k], more[k]);
    if (p.y && !p.gather && at < PIECES) h[at] = v[k];
    sum += squares(v[k].a) + squares(v[k].b);
  }
  const float scale = rsqrtf(block_sum(sum, of_warps) / HIDDEN + RMS_EPS);
  uint4* x = reinterpret_cast<uint4*>(p.x + i64(i) * HIDDEN);
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int at = k * THREADS + threadIdx.x;
    const Piece u = v[k], by = w[k];
    if (at < PIECES)
      x[at] = uint4{scaled(u.a.x, u.a.y, scale, by.a.x, by.a.y), scaled(u.a.z, u.a.w, scale, by.a.z, by.a.w),
                    scaled(u.b.x, u.b.y, scale, by.b.x, by.b.y), scaled(u.b.z, u.b.w, scale, by.b.z, by.b.w)};
  }
}
