// One kernel for each primitive. The launches are of one block, where nothing
// else is said; each thread writes its own part of out.
#include "prelude.cuh"

struct Params {
  const u32* in;
  u32* out;
  i32 n, mode;
};

// 16 words of out for each thread: shuffles of in[thread].
KERNEL(shuffles, Params) {
  const u32 t = threadIdx.x, v = p.in[t];
  const u64 wide = u64(v) << 32 | t;
  u32* out = p.out + 16 * t;
  out[0] = __shfl_sync(FULL_WARP, v, int(t * 7 % 32));
  out[1] = __shfl_sync(FULL_WARP, v, 3, 8);
  out[2] = __shfl_xor_sync(FULL_WARP, v, 5);
  out[3] = __shfl_xor_sync(FULL_WARP, v, 9, 8);
  out[4] = __shfl_up_sync(FULL_WARP, v, 3);
  out[5] = __shfl_up_sync(FULL_WARP, v, 2, 16);
  out[6] = __shfl_down_sync(FULL_WARP, v, 3);
  out[7] = __shfl_down_sync(FULL_WARP, v, 2, 16);
  out[8] = u32(__shfl_xor_sync(FULL_WARP, wide, 1) >> 32) ^ u32(__shfl_xor_sync(FULL_WARP, wide, 1));
  out[9] = __ballot_sync(FULL_WARP, v & 1);
  out[10] = u32(__any_sync(FULL_WARP, v == p.in[t / 32 * 32 + 5])) | u32(__all_sync(FULL_WARP, v & 1)) << 1;
  out[11] = __reduce_add_sync(FULL_WARP, v);
  out[12] = __reduce_max_sync(FULL_WARP, v);
  out[13] = u32(__reduce_min_sync(FULL_WARP, int(v)));
  out[14] = __float_as_uint(warp_sum(float(v % 1000)));
  out[15] = __float_as_uint(warp_max(float(v % 1000)));
}

// A 16 x 16 tile of 16-bit numbers goes through shared memory; out has the four
// registers of each lane, of load_matrices or, with mode 1, its transposing twin.
// Matrix m is the quarter at row m % 2, column m / 2.
KERNEL(matrices, Params) {
  SHARED uint4 tile[16][2];
  const u32 t = threadIdx.x;
  tile[t / 2][t % 2] = reinterpret_cast<const uint4*>(p.in)[t];
  __syncthreads();
  const u32 m = t / 8;
  u32 r[4];
  if (p.mode)
    load_matrices_transposed(r, &tile[t % 8 + m % 2 * 8][m / 2]);
  else
    load_matrices(r, &tile[t % 8 + m % 2 * 8][m / 2]);
  for (int i = 0; i < 4; i++) p.out[4 * t + i] = r[i];
}

// d = a b + d by one multiply_add, of fragments as the PTX manual gives them for
// m16n8k16: element i of thread t. in is a [16][16], then b [16][8], as bf16;
// out is d [16][8], as f32.
KERNEL(product, Params) {
  const int t = threadIdx.x, group = t / 4, in_group = t % 4;
  const u16* a = reinterpret_cast<const u16*>(p.in);
  const u16* b = a + 16 * 16;
  float* d = reinterpret_cast<float*>(p.out);
  u16 af[8], bf[4];
  float df[4];
  for (int i = 0; i < 8; i++) {
    const int row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
    const int col = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
    af[i] = a[row * 16 + col];
  }
  for (int i = 0; i < 4; i++) bf[i] = b[(in_group * 2 + (i & 1) + (i < 2 ? 0 : 8)) * 8 + group];
  for (int i = 0; i < 4; i++) df[i] = d[(i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1)];
  const auto pair = [](const u16* v) { return v[0] | u32(v[1]) << 16; };
  multiply_add(df, {pair(af), pair(af + 2), pair(af + 4), pair(af + 6)}, pair(bf), pair(bf + 2));
  for (int i = 0; i < 4; i++) d[(i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1)] = df[i];
}

// Each thread copies three pieces of 16 bytes in two groups, the last one with
// valid false. out has 16 words for each thread: what was there before the first
// wait, after the wait for the first group, and after that for both.
KERNEL(copies, Params) {
  SHARED uint4 at[64][3];
  const u32 t = threadIdx.x;
  const uint4* from = reinterpret_cast<const uint4*>(p.in) + 3 * t;
  copy_async(&at[t][0], &from[0]);
  copy_commit();
  copy_async(&at[t][1], &from[1]);
  copy_async(&at[t][2], &from[2], false);
  copy_commit();
  uint4* out = reinterpret_cast<uint4*>(p.out) + 6 * t;
  out[0] = at[t][0];
  copy_wait<1>();
  out[1] = at[t][0];
  out[2] = at[t][1];
  copy_wait<0>();
  out[3] = at[t][0];
  out[4] = at[t][1];
  out[5] = at[t][2];
}

// out[i] = the rounding of a pair of floats, their powers of two.
KERNEL(arithmetic, Params) {
  const u32 t = threadIdx.x;
  const float v = __uint_as_float(p.in[t]);
  p.out[4 * t] = pack(v, -v);
  p.out[4 * t + 1] = __float_as_uint(fast_exp2(v));
  p.out[4 * t + 2] = u32(__umul64hi(u64(p.in[t]) << 32 | t, 0x9e3779b97f4a7c15ull) >> 32);
  p.out[4 * t + 3] = u32(__clz(p.in[t])) | u32(__popc(p.in[t])) << 8 | u32(__ffs(p.in[t])) << 16;
}

// Any number of blocks: out[0] counts threads, out[1] is the largest in, out[2]
// a sum of floats, out[3] the number of blocks whose last thread saw all others
// of its block pass two barriers.
KERNEL(atomics, Params) {
  SHARED u32 passed;
  if (threadIdx.x == 0) passed = 0;
  __syncthreads();
  atomicAdd(&passed, 1u);
  __syncthreads();
  if (threadIdx.x == blockDim.x - 1 && passed == blockDim.x) atomicAdd(&p.out[3], 1u);
  atomicAdd(&p.out[0], 1u);
  atomicMax(&p.out[1], p.in[blockIdx.x]);
  atomicAdd(reinterpret_cast<float*>(&p.out[2]), 1.f);
}

// Dynamic shared memory: the block turns in around.
KERNEL(reverse, Params) {
  DYNAMIC_SHARED(memory);
  u32* all = reinterpret_cast<u32*>(memory);
  all[threadIdx.x] = p.in[threadIdx.x];
  __syncthreads();
  p.out[threadIdx.x] = all[blockDim.x - 1 - threadIdx.x];
}

// Which thread of which block ran.
KERNEL(places, Params) {
  const u32 block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const u32 thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  p.out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block << 16 | thread;
}
