// Elements of a tensor of seeded weights. A thread makes 8 of them, which are two
// words of the hash; where they do not begin at a word, or what they are written
// to is not aligned, one by one.
#include "step.cuh"

DEVICE u32 hash_word(u32 w, u32 a, u32 b) {
  u32 x = w + a;
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= b;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

// The weight that byte i of a word stands for.
DEVICE float weight(u32 word, int i, float scale) {
  const int byte = i32(word << (24 - 8 * i)) >> 24;
  return scale == 0.f ? 1.f + float(byte >> 3) / 128.f : float(byte) * scale;
}

KERNEL_BOUNDS(seeded, SeededParams, THREADS, 1) {
  const i64 at = (i64(blockIdx.x) * THREADS + threadIdx.x) * 8;
  if (at >= p.elements) return;
  bf16* halves = reinterpret_cast<bf16*>(p.to) + at;
  float* floats = reinterpret_cast<float*>(p.to) + at;
  const i64 i = p.first + at;
  if (p.first % 4 != 0 || u64(p.to) % 16 != 0 || at + 8 > p.elements) {
    for (int k = 0; k < 8 && at + k < p.elements; k++) {
      const float v = weight(hash_word(u32((i + k) / 4), p.a, p.b), int((i + k) % 4), p.scale);
      if (p.is_float) {
        floats[k] = v;
      } else {
        halves[k] = to_bf16(v);
      }
    }
    return;
  }
  float v[8];
#pragma unroll
  for (int word = 0; word < 2; word++) {
    const u32 hash = hash_word(u32(i / 4) + word, p.a, p.b);
#pragma unroll
    for (int k = 0; k < 4; k++) v[4 * word + k] = weight(hash, k, p.scale);
  }
  if (p.is_float) {
    reinterpret_cast<float4*>(floats)[0] = float4{v[0], v[1], v[2], v[3]};
    reinterpret_cast<float4*>(floats)[1] = float4{v[4], v[5], v[6], v[7]};
  } else {
    *reinterpret_cast<uint4*>(halves) = uint4{pack(v[0], v[1]), pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7])};
  }
}
