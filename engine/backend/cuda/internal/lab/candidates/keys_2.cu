// keys with a block of threads for THREADS / LANES heads of a position (x): small
// steps have more blocks, and each thread one head.
#include "step.cuh"

constexpr int HALF = HEAD_DIM / 2, LANES = HALF / 8;
constexpr int ALL = HEADS + 2 * KV_HEADS, TURNED = HEADS + KV_HEADS;

DEVICE void unpack(float (&to)[8], uint4 v) {
  to[0] = low(v.x), to[1] = high(v.x), to[2] = low(v.y), to[3] = high(v.y);
  to[4] = low(v.z), to[5] = high(v.z), to[6] = low(v.w), to[7] = high(v.w);
}

DEVICE uint4 pack8(const float (&v)[8]) {
  return uint4{pack(v[0], v[1]), pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7])};
}

KERNEL_BOUNDS(keys, KeysParams, THREADS, 1) {
  const int t = blockIdx.y;
  if (t >= p.counts->tokens) return;
  const int thread = blockIdx.x * THREADS + threadIdx.x;
  const int lane = thread % LANES, head = thread / LANES;
  const bool exists = head < ALL;
  bf16* from = p.qkv + i64(t) * QKV + head * HEAD_DIM + lane * 8;
  uint4 first = {}, second = {};
  if (exists) {
    first = *reinterpret_cast<const uint4*>(from);
    second = *reinterpret_cast<const uint4*>(from + HALF);
  }
  const Row row = p.rows[p.token_row[t]];
  const int at = row.start + (t - row.first);
  const int block = p.tables[i64(row.slot) * MAX_BLOCKS + at / BLOCK_TOKENS];
  float lo[8], hi[8];
  unpack(lo, first);
  unpack(hi, second);
  if (QKV_BIAS && exists) {
    const float* bias = p.bias + head * HEAD_DIM + lane * 8;
#pragma unroll
    for (int i = 0; i < 8; i++) lo[i] += bias[i], hi[i] += bias[HALF + i];
  }
  if (QK_NORM) {
    float sum = 0.f;
#pragma unroll
    for (int i = 0; i < 8; i++) sum += lo[i] * lo[i] + hi[i] * hi[i];
#pragma unroll
    for (int by = LANES / 2; by > 0; by /= 2) sum += __shfl_xor_sync(FULL_WARP, sum, by);
    const float scale = rsqrtf(sum / HEAD_DIM + RMS_EPS);
    const float* weight = (head < HEADS ? p.q_norm : p.k_norm) + lane * 8;
#pragma unroll
    for (int i = 0; i < 8; i++) {
      lo[i] *= head < TURNED ? scale * weight[i] : 1.f;
      hi[i] *= head < TURNED ? scale * weight[HALF + i] : 1.f;
    }
  }
  if (head < TURNED) {
    const float4* angles = reinterpret_cast<const float4*>(p.angles + i64(at) * HALF + lane * 8);
#pragma unroll
    for (int i = 0; i < 8; i += 2) {
      const float4 two = angles[i / 2];
      const float a = lo[i], b = hi[i], c = lo[i + 1], d = hi[i + 1];
      lo[i] = a * two.x - b * two.y, hi[i] = b * two.x + a * two.y;
      lo[i + 1] = c * two.z - d * two.w, hi[i + 1] = d * two.z + c * two.w;
    }
  }
  if (!exists) return;
  const i64 cell = (i64(block) * KV_HEADS * BLOCK_TOKENS + at % BLOCK_TOKENS) * HEAD_DIM + lane * 8;
  bf16* to = from;
  if (head >= TURNED) {
    to = p.values + cell + i64(head - TURNED) * BLOCK_TOKENS * HEAD_DIM;
  } else if (head >= HEADS) {
    to = p.keys + cell + i64(head - HEADS) * BLOCK_TOKENS * HEAD_DIM;
  }
  *reinterpret_cast<uint4*>(to) = pack8(lo);
  *reinterpret_cast<uint4*>(to + HALF) = pack8(hi);
}
