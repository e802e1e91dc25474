// silu with two pieces of 8 elements for a thread, a block's width apart.
#include "step.cuh"

constexpr int PIECES = FFN / 8;

DEVICE float silu_times(float gate, float up) { return __fdividef(gate, 1.f + __expf(-gate)) * up; }

DEVICE u32 silu_pair(u32 gate, u32 up) {
  return pack(silu_times(low(gate), low(up)), silu_times(high(gate), high(up)));
}

DEVICE uint4 silu_piece(uint4 gate, uint4 up) {
  return uint4{silu_pair(gate.x, up.x), silu_pair(gate.y, up.y), silu_pair(gate.z, up.z), silu_pair(gate.w, up.w)};
}

KERNEL_BOUNDS(silu, SiluParams, THREADS, 1) {
  const int t = blockIdx.y;
  if (t >= p.counts->tokens) return;
  const int first = blockIdx.x * 2 * THREADS + threadIdx.x, second = first + THREADS;
  const uint4* row = reinterpret_cast<const uint4*>(p.gu + i64(t) * 2 * FFN);
  uint4* y = reinterpret_cast<uint4*>(p.y + i64(t) * FFN);
  uint4 gate[2] = {}, up[2] = {};
  if (first < PIECES) gate[0] = row[first], up[0] = row[PIECES + first];
  if (second < PIECES) gate[1] = row[second], up[1] = row[PIECES + second];
  if (first < PIECES) y[first] = silu_piece(gate[0], up[0]);
  if (second < PIECES) y[second] = silu_piece(gate[1], up[1]);
}
