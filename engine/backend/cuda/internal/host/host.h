// What the device's compiler has built in and what is assembly in prelude.cuh,
// for a C++17 compiler of the host (g++, clang++).
#pragma once
#include <math.h>
#include <stddef.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

struct alignas(8) int2 { int x, y; };
struct int3 { int x, y, z; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { u32 x, y; };
struct uint3 { u32 x, y, z; };
struct alignas(16) uint4 { u32 x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct float3 { float x, y, z; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct alignas(16) ulonglong2 { u64 x, y; };
struct dim3 { u32 x = 1, y = 1, z = 1; };

#define __align__(n) __attribute__((aligned(n)))
#define __restrict__ __restrict

#include "fibres.h"

#define DEVICE [[maybe_unused]] static inline
#define KERNEL(name, params) KERNEL_BOUNDS(name, params, host::MAX_THREADS, 1)
#define KERNEL_BOUNDS(name, params, threads, blocks)                                             \
  static void name##_thread(const params& p);                                                   \
  HOST_EXPORT const host::Kernel kernel_##name;                                                 \
  const host::Kernel kernel_##name = {#name, u32(sizeof(params)), u32(threads),                 \
                                      [](const void* p) { name##_thread(*static_cast<const params*>(p)); }}; \
  static void name##_thread([[maybe_unused]] const params& p)
#define SHARED static __attribute__((section(HOST_SHARED_SECTION)))
#define DYNAMIC_SHARED(name) u8* const name = host::dynamic_shared

#define threadIdx (host::self->index)
#define blockIdx (host::block_index)
#define blockDim (host::block_size)
#define gridDim (host::grid_size)
#define warpSize 32

// The bits of one value as another.
template <class To, class From>
DEVICE To host_bits(From v) {
  static_assert(sizeof(To) == sizeof(From), "two sizes");
  To r;
  memcpy(&r, &v, sizeof r);
  return r;
}
DEVICE float __uint_as_float(u32 v) { return host_bits<float>(v); }
DEVICE float __int_as_float(int v) { return host_bits<float>(v); }
DEVICE u32 __float_as_uint(float v) { return host_bits<u32>(v); }
DEVICE int __float_as_int(float v) { return host_bits<int>(v); }
DEVICE double __longlong_as_double(i64 v) { return host_bits<double>(v); }
DEVICE i64 __double_as_longlong(double v) { return host_bits<i64>(v); }

template <class T>
DEVICE constexpr T min(T a, T b) { return b < a ? b : a; }
template <class T>
DEVICE constexpr T max(T a, T b) { return a < b ? b : a; }
DEVICE float min(float a, float b) { return fminf(a, b); }
DEVICE float max(float a, float b) { return fmaxf(a, b); }

// Rounded once each, and never contracted: the unit is compiled with
// -ffp-contract=off.
DEVICE float __fadd_rn(float a, float b) { return a + b; }
DEVICE float __fsub_rn(float a, float b) { return a - b; }
DEVICE float __fmul_rn(float a, float b) { return a * b; }
DEVICE float __fdiv_rn(float a, float b) { return a / b; }
DEVICE float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
DEVICE float __fsqrt_rn(float v) { return sqrtf(v); }
DEVICE float __frcp_rn(float v) { return 1.f / v; }
DEVICE double __dadd_rn(double a, double b) { return a + b; }
DEVICE double __dsub_rn(double a, double b) { return a - b; }
DEVICE double __dmul_rn(double a, double b) { return a * b; }
DEVICE double __ddiv_rn(double a, double b) { return a / b; }
DEVICE double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
DEVICE double __dsqrt_rn(double v) { return sqrt(v); }
DEVICE int __float2int_rn(float v) { return int(rintf(v)); }
DEVICE int __float2int_rz(float v) { return int(v); }
DEVICE u32 __float2uint_rz(float v) { return u32(v); }
DEVICE float __int2float_rn(int v) { return float(v); }
DEVICE float __uint2float_rn(u32 v) { return float(v); }
DEVICE float __double2float_rn(double v) { return float(v); }

// Approximations on the device; here as exact as the host's library.
#define __expf expf // macros, as glibc declares functions of these names
#define __logf logf
#define __log2f log2f
DEVICE float __fdividef(float a, float b) { return a / b; }
DEVICE float rsqrtf(float v) { return 1.f / sqrtf(v); }
DEVICE float fast_exp2(float v) {
  const float r = exp2f(v);
  return r < 0x1p-126f ? 0.f : r;
}

DEVICE int __clz(u32 v) { return v ? __builtin_clz(v) : 32; }
DEVICE int __clzll(u64 v) { return v ? __builtin_clzll(v) : 64; }
DEVICE int __ffs(u32 v) { return __builtin_ffs(int(v)); }
DEVICE int __ffsll(u64 v) { return __builtin_ffsll(i64(v)); }
DEVICE int __popc(u32 v) { return __builtin_popcount(v); }
DEVICE int __popcll(u64 v) { return __builtin_popcountll(v); }
DEVICE u32 __umulhi(u32 a, u32 b) { return u32(u64(a) * b >> 32); }
DEVICE u64 __umul64hi(u64 a, u64 b) { return u64((unsigned __int128)a * b >> 64); }
DEVICE u32 __brev(u32 v) {
  u32 r = 0;
  for (int i = 0; i < 32; i++) r |= (v >> i & 1) << (31 - i);
  return r;
}

// Blocks run on several threads of the host, so atomics are atomics.
template <class T>
DEVICE T atomicAdd(T* at, T v) {
  if constexpr (T(0.5) != T(0)) {
    T old, sum;
    __atomic_load(at, &old, __ATOMIC_RELAXED);
    do sum = old + v;
    while (!__atomic_compare_exchange(at, &old, &sum, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return old;
  } else {
    return __atomic_fetch_add(at, v, __ATOMIC_SEQ_CST);
  }
}
template <class T>
DEVICE T atomicSub(T* at, T v) { return __atomic_fetch_sub(at, v, __ATOMIC_SEQ_CST); }
template <class T>
DEVICE T atomicAnd(T* at, T v) { return __atomic_fetch_and(at, v, __ATOMIC_SEQ_CST); }
template <class T>
DEVICE T atomicOr(T* at, T v) { return __atomic_fetch_or(at, v, __ATOMIC_SEQ_CST); }
template <class T>
DEVICE T atomicXor(T* at, T v) { return __atomic_fetch_xor(at, v, __ATOMIC_SEQ_CST); }
template <class T>
DEVICE T atomicExch(T* at, T v) { return __atomic_exchange_n(at, v, __ATOMIC_SEQ_CST); }
template <class T>
DEVICE T atomicCAS(T* at, T expected, T v) {
  __atomic_compare_exchange_n(at, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}
template <class T>
DEVICE T atomicMax(T* at, T v) {
  T old = __atomic_load_n(at, __ATOMIC_RELAXED);
  while (old < v && !__atomic_compare_exchange_n(at, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
  return old;
}
template <class T>
DEVICE T atomicMin(T* at, T v) {
  T old = __atomic_load_n(at, __ATOMIC_RELAXED);
  while (v < old && !__atomic_compare_exchange_n(at, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
  return old;
}
DEVICE void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
DEVICE void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

template <class T>
DEVICE T __ldg(const T* at) { return *at; }

// Collectives. `line` is the caller's: two lanes that wait in different lines
// are in divergent code.
DEVICE void __syncthreads(int line = __builtin_LINE()) { host::barrier("__syncthreads", line); }
DEVICE void __syncwarp(u32 mask = 0xffffffffu, int line = __builtin_LINE()) {
  host::meet("__syncwarp", line, mask, [] {});
}

// All lanes' v, in the slots that stay as they are until the next collective but one.
template <class T>
DEVICE const host::Slot* host_exchange(const char* op, int line, u32 mask, T v) {
  host::Slot* s = host::slots();
  memcpy(s[host::lane].word, &v, sizeof v);
  host::meet(op, line, mask, [] {});
  return s;
}
template <class T>
DEVICE T host_value(const host::Slot& s) {
  T v;
  memcpy(&v, s.word, sizeof v);
  return v;
}
template <class T>
DEVICE T __shfl_sync(u32 mask, T v, int from, int width = 32, int line = __builtin_LINE()) {
  const host::Slot* s = host_exchange("__shfl_sync", line, mask, v);
  return host_value<T>(s[(host::lane & ~u32(width - 1)) | (u32(from) & u32(width - 1))]);
}
template <class T>
DEVICE T __shfl_xor_sync(u32 mask, T v, int by, int width = 32, int line = __builtin_LINE()) {
  const host::Slot* s = host_exchange("__shfl_xor_sync", line, mask, v);
  const u32 from = host::lane ^ u32(by), segment = host::lane / u32(width);
  return from / u32(width) > segment ? v : host_value<T>(s[from]);
}
template <class T>
DEVICE T __shfl_up_sync(u32 mask, T v, u32 by, int width = 32, int line = __builtin_LINE()) {
  const host::Slot* s = host_exchange("__shfl_up_sync", line, mask, v);
  return host::lane % u32(width) < by ? v : host_value<T>(s[host::lane - by]);
}
template <class T>
DEVICE T __shfl_down_sync(u32 mask, T v, u32 by, int width = 32, int line = __builtin_LINE()) {
  const host::Slot* s = host_exchange("__shfl_down_sync", line, mask, v);
  return host::lane % u32(width) + by >= u32(width) ? v : host_value<T>(s[host::lane + by]);
}
// All lanes' v in the order of the lanes, joined by op.
template <class T, class F>
DEVICE T host_reduce(const char* name, int line, u32 mask, T v, F op) {
  const host::Slot* s = host_exchange(name, line, mask, v);
  T r = host_value<T>(s[0]);
  for (u32 i = 1; i < host::LANES && host::warp->lanes >> i & 1; i++) r = op(r, host_value<T>(s[i]));
  return r;
}
DEVICE u32 __ballot_sync(u32 mask, int v, int line = __builtin_LINE()) {
  return host_reduce("__ballot_sync", line, mask, v ? 1u << host::lane : 0, [](u32 a, u32 b) { return a | b; });
}
DEVICE int __any_sync(u32 mask, int v, int line = __builtin_LINE()) { return __ballot_sync(mask, v, line) != 0; }
DEVICE int __all_sync(u32 mask, int v, int line = __builtin_LINE()) { return __ballot_sync(mask, !v, line) == 0; }
#define HOST_REDUCE(name, type, expression)                                       \
  DEVICE type name(u32 mask, type v, int line = __builtin_LINE()) {               \
    return host_reduce(#name, line, mask, v, [](type a, type b) { return expression; }); \
  }
HOST_REDUCE(__reduce_add_sync, u32, a + b)
HOST_REDUCE(__reduce_add_sync, int, int(u32(a) + u32(b)))
HOST_REDUCE(__reduce_max_sync, u32, max(a, b))
HOST_REDUCE(__reduce_max_sync, int, max(a, b))
HOST_REDUCE(__reduce_min_sync, u32, min(a, b))
HOST_REDUCE(__reduce_min_sync, int, min(a, b))
HOST_REDUCE(__reduce_or_sync, u32, a | b)
HOST_REDUCE(__reduce_and_sync, u32, a & b)
HOST_REDUCE(__reduce_xor_sync, u32, a ^ b)

// What prelude.cuh has as assembly; its comments hold here.

DEVICE u32 host_bf16(float v) {
  const u32 b = __float_as_uint(v);
  if (v != v) return 0x7fff;
  return (b + 0x7fff + (b >> 16 & 1)) >> 16;
}
DEVICE u32 pack(float lo, float hi) { return host_bf16(lo) | host_bf16(hi) << 16; }

DEVICE uint4 load_once(const void* from) {
  if (size_t(from) % 16) host::fail("load_once: %p is not a multiple of 16", from);
  uint4 v;
  memcpy(&v, from, 16);
  return v;
}

DEVICE void copy_async(void* shared, const void* global, bool valid = true) {
  host::want_shared("copy_async", shared, 16, 16);
  if (size_t(global) % 16) host::fail("copy_async: %p is not a multiple of 16", global);
  host::start_copy(shared, valid ? global : nullptr);
}
DEVICE void copy_commit() { host::self->group++; }
template <int N>
DEVICE void copy_wait() { host::finish_copies(N); }

// One warp's load_matrices: the addresses become the registers.
template <bool TRANSPOSED>
HOST_PLAIN static void host_load_matrices(host::Slot* s) {
  u16 m[4][8][8];
  for (u32 i = 0; i < 32; i++) memcpy(m[i / 8][i % 8], host_value<const void*>(s[i]), 16);
  for (u32 i = 0; i < 32; i++)
    for (u32 k = 0, a = i / 4, b = i % 4 * 2; k < 4; k++)
      s[i].word[k] = TRANSPOSED ? m[k][b][a] | u32(m[k][b + 1][a]) << 16 : m[k][a][b] | u32(m[k][a][b + 1]) << 16;
}
template <bool TRANSPOSED>
DEVICE void host_lanes_load(u32 (&r)[4], const void* row, const char* op, int line) {
  host::want_shared(op, row, 16, 16);
  host::Slot* s = host::slots();
  memcpy(s[host::lane].word, &row, sizeof row);
  host::meet(op, line, 0xffffffffu, [s] { host_load_matrices<TRANSPOSED>(s); });
  memcpy(r, s[host::lane].word, sizeof r);
}
DEVICE void load_matrices(u32 (&r)[4], const void* row, int line = __builtin_LINE()) {
  host_lanes_load<false>(r, row, "load_matrices", line);
}
DEVICE void load_matrices_transposed(u32 (&r)[4], const void* row, int line = __builtin_LINE()) {
  host_lanes_load<true>(r, row, "load_matrices_transposed", line);
}

// One warp's multiply_add. The device's order of additions is not documented. Here
// products are added to d one by one in the order of k, in f32: what a plain loop
// over k computes.
HOST_PLAIN static void host_multiply(host::Slot* s) {
  typedef float four __attribute__((vector_size(16)));
  float a[16][16], d[16][8]; // rows first
  float b[16][8];            // a row for each k
  const auto put = [](float* at, u32 stride, u32 pair) {
    at[0] = __uint_as_float(pair << 16);
    at[stride] = __uint_as_float(pair & 0xffff0000u);
  };
  for (u32 i = 0; i < 32; i++) {
    const u32 g = i / 4, t = i % 4 * 2;
    const u32* v = s[i].word;
    put(&a[g][t], 1, v[0]);
    put(&a[g + 8][t], 1, v[1]);
    put(&a[g][t + 8], 1, v[2]);
    put(&a[g + 8][t + 8], 1, v[3]);
    put(&b[t][g], 8, v[4]);
    put(&b[t + 8][g], 8, v[5]);
    memcpy(&d[g][t], v + 6, 8);
    memcpy(&d[g + 8][t], v + 8, 8);
  }
  for (u32 i = 0; i < 16; i += 2) {
    four sum[4], row[2];
    memcpy(sum, d[i], sizeof sum);
    for (u32 k = 0; k < 16; k++) {
      memcpy(row, b[k], sizeof row);
      sum[0] += a[i][k] * row[0];
      sum[1] += a[i][k] * row[1];
      sum[2] += a[i + 1][k] * row[0];
      sum[3] += a[i + 1][k] * row[1];
    }
    memcpy(d[i], sum, sizeof sum);
  }
  for (u32 i = 0; i < 32; i++) {
    memcpy(s[i].word + 6, &d[i / 4][i % 4 * 2], 8);
    memcpy(s[i].word + 8, &d[i / 4 + 8][i % 4 * 2], 8);
  }
}

DEVICE void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, int line = __builtin_LINE()) {
  host::Slot* s = host::slots();
  u32* own = s[host::lane].word;
  memcpy(own, a, sizeof a);
  own[4] = b0;
  own[5] = b1;
  memcpy(own + 6, d, sizeof d);
  host::meet("multiply_add", line, 0xffffffffu, [s] { host_multiply(s); });
  memcpy(d, own + 6, sizeof d);
}
