// What the host must catch, one fault for each mode. n is the number of elements
// of out; a launch is of 64 threads and n words of dynamic shared memory.
#include "prelude.cuh"

struct Params {
  const u32* in;
  u32* out;
  i32 n, mode;
};

// So deep that the stack ends, and not a loop.
template <int DEPTH>
__attribute__((noinline)) DEVICE_CALL u32 deep(const u32* in, int i) {
  u32 frame[512];
  for (int k = 0; k < 512; k++) frame[k] = in[k & 63] + u32(i + k);
  if constexpr (DEPTH > 0) frame[i & 511] += deep<DEPTH - 1>(frame, i + 1);
  return frame[frame[1] & 511];
}

KERNEL_BOUNDS(faults, Params, 64, 1) {
  SHARED u32 table[64];
  DYNAMIC_SHARED(memory);
  u32* dynamic = reinterpret_cast<u32*>(memory);
  const int t = threadIdx.x;
  table[t] = 0;
  switch (p.mode) {
    case 0: // nothing is wrong
      __syncthreads();
      p.out[t] = table[63 - t] + u32(t);
      break;
    case 1:
      if (t < 32) __syncthreads();
      break;
    case 2:
      if (t < 32)
        __syncthreads();
      else
        __syncthreads();
      break;
    case 3:
      if (t != 7) p.out[t] = __shfl_xor_sync(FULL_WARP, t, 1);
      break;
    case 4:
      p.out[t] = t & 1 ? __shfl_xor_sync(FULL_WARP, t, 1) : u32(__any_sync(FULL_WARP, 1));
      break;
    case 5:
      if (t < 32)
        __syncwarp(0xffff);
      break;
    case 6:
      if (t == 3 || t == 40)
        __syncthreads();
      else
        __syncwarp();
      break;
    case 7: p.out[p.n + 100000] = 1; break;
    case 8: p.out[p.n] = 1; break;
    case 9: p.out[t] = *(p.in + (i64(1) << 40)); break;
    case 10: p.out[t] = *reinterpret_cast<const u32*>(i64(t) * 4); break;
    case 11: table[t + p.n] = 1; break;
    case 12: dynamic[p.n] = 1; break;
    case 13: dynamic[-1] = 1; break;
    case 14: p.out[t] = reinterpret_cast<const uint4*>(p.in + 1)->x; break;
    case 15: p.out[t] = u32(t / (p.n - 64)); break;
    case 16: p.out[t] = u32(1 << p.n); break;
    case 17: copy_async(&dynamic[t / 4 * 4], p.in); break;
    case 18:
      copy_async(&dynamic[t / 4 * 4 + 1], p.in);
      copy_wait<0>();
      break;
    case 19:
      copy_async(&p.out[t / 4 * 4], p.in);
      copy_wait<0>();
      break;
    case 20: {
      u32 r[4];
      load_matrices(r, p.out);
      p.out[t] = r[0];
      break;
    }
    case 21: p.out[t] = load_once(p.in + 1).x; break;
    case 22: p.out[t] = deep<80>(p.in, t); break;
    case 23: p.out[0] = u32(t); break; // the last thread wins
    case 24:
      dynamic[t] = u32(t);
      p.out[t] = dynamic[(t + 1) % 64];
      break;
    case 25: {
      u32 v[4];
      v[t & 3] = 7;
      p.out[t] = v[(t + 1) & 3];
      break;
    }
  }
}
