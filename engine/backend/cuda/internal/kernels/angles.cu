// RoPE's angles of all positions, once when a model is loaded. They are computed
// in f64: in f32 a position's product with a frequency, reduced by 2 pi, is off
// by up to 4e-3 at 100,000.
#include "step.cuh"

KERNEL_BOUNDS(angles, AnglesParams, THREADS, 1) {
  constexpr int HALF = HEAD_DIM / 2;
  const i64 i = i64(blockIdx.x) * THREADS + threadIdx.x;
  if (i >= i64(p.positions) * HALF) return;
  double sine, cosine;
  sincos(p.frequencies[i % HALF] * double(i / HALF), &sine, &cosine);
  p.angles[i] = float2{float(cosine), float(sine)};
}
