// y = silu(gate) * up, in f32, rounded once. A thread takes 8 elements.
#include "step.cuh"

// The quick division is off by 2 units in the last place and gives 0 for a
// divisor above 2^126, where the true quotient is as good as 0; the exact one
// takes a call.
DEVICE float silu_times(float gate, float up) { return __fdividef(gate, 1.f + __expf(-gate)) * up; }

DEVICE u32 silu_pair(u32 gate, u32 up) {
  return pack(silu_times(low(gate), low(up)), silu_times(high(gate), high(up)));
}

KERNEL_BOUNDS(silu, SiluParams, THREADS, 1) {
  constexpr int PIECES = FFN / 8;
  const int t = blockIdx.y;
  if (t >= p.counts->tokens) return;
  const int piece = blockIdx.x * THREADS + threadIdx.x;
  if (piece >= PIECES) return;
  const uint4* row = reinterpret_cast<const uint4*>(p.gu + i64(t) * 2 * FFN);
  const uint4 gate = row[piece], up = row[PIECES + piece];
  reinterpret_cast<uint4*>(p.y + i64(t) * FFN)[piece] = uint4{
      silu_pair(gate.x, up.x), silu_pair(gate.y, up.y), silu_pair(gate.z, up.z), silu_pair(gate.w, up.w)};
}
