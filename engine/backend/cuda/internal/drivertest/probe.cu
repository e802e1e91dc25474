// What the suite launches. No step of a model does.
#include "prelude.cuh"

// Fields of every width, with the gaps that alignment leaves.
struct MixParams {
  u32* to; // [n]
  i32 n;
  u8 first;
  u16 second;
  float third;
  i64 fourth;
  u32 last[40];
};

// Launches do not commute: the order of a stream shows.
KERNEL(probe_mix, MixParams) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < p.n) p.to[i] = p.to[i] * 3 + p.first + p.second + u32(p.third) + u32(p.fourth) + p.last[i % 40];
}

struct WhereParams {
  u32* to; // [blocks][threads]
};

// Each thread writes where it is.
KERNEL(probe_where, WhereParams) {
  const u32 block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const u32 thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  p.to[block * (blockDim.x * blockDim.y * blockDim.z) + thread] =
      blockIdx.x | blockIdx.y << 4 | blockIdx.z << 8 | threadIdx.x << 12 | threadIdx.y << 20 | threadIdx.z << 24;
}

struct ReverseParams {
  const u32* from; // [blocks][words]
  u32* to;
  i32 words;
};

// Each block turns its words around by way of dynamic shared memory.
KERNEL(probe_reverse, ReverseParams) {
  DYNAMIC_SHARED(bytes);
  u32* words = reinterpret_cast<u32*>(bytes);
  const u32 from = blockIdx.x * p.words;
  for (int i = threadIdx.x; i < p.words; i += blockDim.x) words[i] = p.from[from + i];
  __syncthreads();
  for (int i = threadIdx.x; i < p.words; i += blockDim.x) p.to[from + i] = words[p.words - 1 - i];
}
