// x = norm(h + y): the end of one product and the start of the next, in one pass
// over the residual stream. A block of threads takes a position. All that it
// reads is under way before the sum of squares is begun, and stays in registers.
// A block beyond the counts reads its row of the bucket too, and writes nothing:
// so no block waits for the counts before it reads.
#include "step.cuh"

constexpr int WARPS = THREADS / WARP;
constexpr int PIECES = HIDDEN / 4, ROUNDS = ceil_div(PIECES, THREADS);
constexpr bool WHOLE = PIECES % THREADS == 0;
static_assert(HIDDEN % 4 == 0, "a row is whole pieces of 4 elements");

// The sum of v over the block, the same in all threads.
DEVICE float block_sum(float v, float* of_warps) {
  v = warp_sum(v);
  if (WARPS == 1) return v;
  const int lane = threadIdx.x % WARP;
  if (lane == 0) of_warps[threadIdx.x / WARP] = v;
  __syncthreads();
  return warp_sum(lane < WARPS ? of_warps[lane] : 0.f);
}

DEVICE float squares(float4 v) { return v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w; }

// Row i of x, which counts if it is among the first `counted`, is of position t.
template <bool KEEP>
DEVICE void normalize(const NormParams& p, int i, int t, int counted, float* of_warps) {
  float4* h = reinterpret_cast<float4*>(p.h + i64(t) * HIDDEN);
  const float4* weight = reinterpret_cast<const float4*>(p.weight);
  float4 v[ROUNDS], w[ROUNDS];
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int at = k * THREADS + threadIdx.x;
    v[k] = w[k] = float4{0.f, 0.f, 0.f, 0.f};
    if (WHOLE || at < PIECES) v[k] = h[at], w[k] = weight[at];
  }
  if (p.y) {
    const uint2* y = reinterpret_cast<const uint2*>(p.y + i64(t) * HIDDEN);
    uint2 add[ROUNDS];
#pragma unroll
    for (int k = 0; k < ROUNDS; k++) {
      const int at = k * THREADS + threadIdx.x;
      add[k] = WHOLE || at < PIECES ? y[at] : uint2{0, 0};
    }
#pragma unroll
    for (int k = 0; k < ROUNDS; k++) {
      const int at = k * THREADS + threadIdx.x;
      v[k] = float4{v[k].x + low(add[k].x), v[k].y + high(add[k].x), v[k].z + low(add[k].y), v[k].w + high(add[k].y)};
      if (KEEP && i < counted && (WHOLE || at < PIECES)) h[at] = v[k];
    }
  }

  float sum = 0.f;
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) sum += squares(v[k]);
  const float scale = rsqrtf(block_sum(sum, of_warps) / HIDDEN + RMS_EPS);

  uint2* x = reinterpret_cast<uint2*>(p.x + i64(i) * HIDDEN);
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int at = k * THREADS + threadIdx.x;
    if (i < counted && (WHOLE || at < PIECES))
      x[at] = uint2{pack(v[k].x * scale * w[k].x, v[k].y * scale * w[k].y),
                    pack(v[k].z * scale * w[k].z, v[k].w * scale * w[k].w)};
  }
}

KERNEL_BOUNDS(rms_norm, NormParams, THREADS, 1) {
  SHARED float of_warps[WARPS];
  const int i = blockIdx.x;
  if (!p.gather) {
    normalize<true>(p, i, i, p.counts->tokens, of_warps);
  } else if (i < p.counts->samples) {
    normalize<false>(p, i, p.gather[i], p.counts->samples, of_warps);
  }
}
