// What every kernel starts with: fixed-width types, bf16, and the few
// instructions that CUDA C++ has no name for. No CUDA header is included, so
// that NVRTC alone compiles the kernels. With TIERLAB_HOST the same kernels are
// compiled for the host by a C++ compiler; host.h then gives what the device's
// compiler has built in, and the bodies below that are assembly here.
#pragma once

#ifdef TIERLAB_HOST
#include "host.h"
#define DEVICE_CALL static
#else
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;
#define DEVICE static __device__ __forceinline__
// A function that is called from several places and too long to be repeated.
#define DEVICE_CALL static __device__ __noinline__
// A kernel: one struct by value is its parameter.
#define KERNEL(name, params) extern "C" __global__ void name(const __grid_constant__ params p)
#define KERNEL_BOUNDS(name, params, threads, blocks) \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ params p)
#define SHARED __shared__
// Declares name as a pointer to the launch's dynamic shared memory.
#define DYNAMIC_SHARED(name) extern __shared__ __align__(128) u8 name[]
#endif

constexpr u32 FULL_WARP = 0xffffffffu;
constexpr int WARP = 32;

struct alignas(2) bf16 {
  u16 bits;
};

// The low and the high half of a pair of bf16.
DEVICE float low(u32 pair) { return __uint_as_float(pair << 16); }
DEVICE float high(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }

DEVICE constexpr int ceil_div(int n, int unit) { return (n + unit - 1) / unit; }

#ifndef TIERLAB_HOST

// Rounds to nearest, ties to even, as Go's and torch's conversions do.
DEVICE u32 pack(float lo, float hi) {
  u32 r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
  return r;
}

// 2^x, to about 2 units in the last place; denormal results are 0.
DEVICE float fast_exp2(float x) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

// 16 bytes that are read once: they pass by the first cache.
DEVICE uint4 load_once(const void* from) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from));
  return v;
}

DEVICE u32 shared_address(const void* p) { return u32(__cvta_generic_to_shared(p)); }

// Starts a copy of 16 bytes from global to shared memory; both addresses are
// multiples of 16. Without valid, zeros are written and nothing is read.
DEVICE void copy_async(void* shared, const void* global, bool valid = true) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
}

// Ends the group of the copies that this thread has started.
DEVICE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most N of this thread's groups are under way. Other threads see
// the data after a barrier.
template <int N>
DEVICE void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// Four 8 x 8 matrices of bf16 from shared memory: thread i's address is row
// i % 8 of matrix i / 8, and it gets elements 2 (i % 4) and one on of row i / 4
// of each.
DEVICE void load_matrices(u32 (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

// The same with each matrix transposed.
DEVICE void load_matrices_transposed(u32 (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

// d += a b for a of 16 x 16 (rows first), b of 16 x 8 (columns first), d of
// 16 x 8: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32, whose fragments
// the PTX manual draws.
DEVICE void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#endif

DEVICE bf16 to_bf16(float v) { return bf16{u16(pack(v, 0.f))}; }

// 16 bytes, fetched where this stands: the compiler may put off a plain load until
// after the branches and the chains of loads that follow, this one it does not.
DEVICE uint4 load_early(const void* from) {
#ifdef TIERLAB_HOST
  return *static_cast<const uint4*>(from);
#else
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(from));
  return v;
#endif
}

DEVICE float warp_sum(float v) {
#pragma unroll
  for (int by = WARP / 2; by > 0; by /= 2) v += __shfl_xor_sync(FULL_WARP, v, by);
  return v;
}

DEVICE float warp_max(float v) {
#pragma unroll
  for (int by = WARP / 2; by > 0; by /= 2) v = fmaxf(v, __shfl_xor_sync(FULL_WARP, v, by));
  return v;
}
