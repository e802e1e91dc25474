// What the device's compiler has built in and what is assembly in prelude.cuh,
// for a C++17 compiler of the host (g++, clang++).
#pragma once
#define _GLIBCXX_INCLUDE_NEXT_C_HEADERS // C's math.h alone: libstdc++'s takes longer than a kernel
#include <math.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

struct alignas(8) uint2 { u32 x, y; };
struct uint3 { u32 x, y, z; };
struct alignas(16) uint4 { u32 x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };

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
#define __align__(n) __attribute__((aligned(n)))
#define threadIdx (host::self->index)
#define blockIdx (host::block_index)
#define blockDim (host::block_size)
#define gridDim (host::grid_size)

template <class To, class From>
DEVICE To host_bits(From v) {
  static_assert(sizeof(To) == sizeof(From), "the bits of one value as another");
  To r;
  memcpy(&r, &v, sizeof r);
  return r;
}
DEVICE float __uint_as_float(u32 v) { return host_bits<float>(v); }
DEVICE u32 __float_as_uint(float v) { return host_bits<u32>(v); }
DEVICE double __longlong_as_double(i64 v) { return host_bits<double>(v); }
DEVICE i64 __double_as_longlong(double v) { return host_bits<i64>(v); }
template <class T>
DEVICE constexpr T min(T a, T b) { return b < a ? b : a; }
template <class T>
DEVICE constexpr T max(T a, T b) { return a < b ? b : a; }
DEVICE float abs(float v) { return fabsf(v); }
DEVICE float min(float a, float b) { return fminf(a, b); }
DEVICE float max(float a, float b) { return fmaxf(a, b); }

// Rounded once each; units are compiled with -ffp-contract=off.
DEVICE float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
DEVICE double __dadd_rn(double a, double b) { return a + b; }
DEVICE double __dmul_rn(double a, double b) { return a * b; }
DEVICE double __ddiv_rn(double a, double b) { return a / b; }
DEVICE double __dsqrt_rn(double v) { return sqrt(v); }

// Approximations on the device; here as exact as the host's library.
#define __expf expf // glibc declares a function of this name
DEVICE float __fdividef(float a, float b) { return a / b; }
DEVICE float rsqrtf(float v) { return 1.f / sqrtf(v); }
DEVICE int __clz(u32 v) { return v ? __builtin_clz(v) : 32; }
DEVICE int __ffs(u32 v) { return __builtin_ffs(int(v)); }
DEVICE int __popc(u32 v) { return __builtin_popcount(v); }
DEVICE u64 __umul64hi(u64 a, u64 b) { return u64((unsigned __int128)a * b >> 64); }
// Blocks run on several threads of the host, so atomics are atomics. The
// expression says what follows old.
#define HOST_ATOMIC(name, expression)                                                                          \
  template <class T>                                                                                          \
  DEVICE T name(T* at, T v) {                                                                                 \
    T old, next;                                                                                              \
    __atomic_load(at, &old, __ATOMIC_RELAXED);                                                                \
    do next = T(expression);                                                                                  \
    while (!__atomic_compare_exchange(at, &old, &next, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));           \
    return old;                                                                                               \
  }
HOST_ATOMIC(atomicAdd, old + v)
HOST_ATOMIC(atomicMax, max(old, v))

// Collectives. `line` is the caller's: threads that wait in different lines are
// in divergent code.
#define HOST_LINE int line = __builtin_LINE()
DEVICE void __syncthreads(HOST_LINE) { host::barrier(line); }
DEVICE void __syncwarp(u32 mask = 0xffffffffu, HOST_LINE) { host::meet("__syncwarp", line, mask, [] {}); }

// All lanes' v, in slots that stay as they are until the next collective but one.
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
// The index of the lane that is read from follows from one's own, the argument n
// and the width of segments; where it is none, v stays.
#define HOST_SHUFFLE(name, index, is_none)                                             \
  template <class T>                                                                   \
  DEVICE T name(u32 mask, T v, int n, int width = 32, HOST_LINE) {                     \
    const host::Slot* s = host_exchange(#name, line, mask, v);                         \
    const int own = int(host::lane), first = own & ~(width - 1), from = index;         \
    return (is_none) ? v : host_value<T>(s[from]);                                     \
  }
HOST_SHUFFLE(__shfl_sync, first | (n & (width - 1)), false)
HOST_SHUFFLE(__shfl_xor_sync, own ^ n, from >= first + width)
HOST_SHUFFLE(__shfl_up_sync, own - n, from < first)
HOST_SHUFFLE(__shfl_down_sync, own + n, from >= first + width)

// All lanes' v joined, in the order of the lanes.
#define HOST_REDUCE(name, type, expression)                                                       \
  DEVICE type name(u32 mask, type v, HOST_LINE) {                                                 \
    const host::Slot* s = host_exchange(#name, line, mask, v);                                    \
    type a = host_value<type>(s[0]);                                                              \
    for (u32 i = 1; i < host::LANES && host::warp->lanes >> i & 1; i++) {                         \
      const type b = host_value<type>(s[i]);                                                      \
      a = expression;                                                                             \
    }                                                                                             \
    return a;                                                                                     \
  }
HOST_REDUCE(__reduce_add_sync, u32, a + b)
HOST_REDUCE(__reduce_add_sync, int, int(u32(a) + u32(b)))
HOST_REDUCE(__reduce_max_sync, u32, max(a, b))
HOST_REDUCE(__reduce_max_sync, int, max(a, b))
HOST_REDUCE(__reduce_min_sync, u32, min(a, b))
HOST_REDUCE(__reduce_min_sync, int, min(a, b))
HOST_REDUCE(__reduce_or_sync, u32, a | b)
DEVICE u32 __ballot_sync(u32 mask, int v, HOST_LINE) { return __reduce_or_sync(mask, u32(v != 0) << host::lane, line); }
DEVICE int __any_sync(u32 mask, int v, HOST_LINE) { return __ballot_sync(mask, v, line) != 0; }
DEVICE int __all_sync(u32 mask, int v, HOST_LINE) { return __ballot_sync(mask, !v, line) == 0; }

// What prelude.cuh has as assembly; its comments hold here.

DEVICE u32 host_bf16(float v) {
  const u32 b = __float_as_uint(v);
  return v != v ? 0x7fff : (b + 0x7fff + (b >> 16 & 1)) >> 16;
}
DEVICE u32 pack(float lo, float hi) { return host_bf16(lo) | host_bf16(hi) << 16; }
DEVICE float fast_exp2(float v) { return v < -126.f ? 0.f : exp2f(v); }
DEVICE uint4 load_once(const void* from, HOST_LINE) {
  host::want_aligned("load_once", line, from);
  return *static_cast<const uint4*>(from);
}
DEVICE void copy_async(void* shared, const void* global, bool valid = true, HOST_LINE) {
  host::want_shared("copy_async", line, shared);
  host::want_aligned("copy_async", line, global);
  host::start_copy(shared, valid ? global : nullptr);
}
DEVICE void copy_commit() { host::self->group++; }
template <int N>
DEVICE void copy_wait() { host::finish_copies(N); }
template <bool TRANSPOSED>
DEVICE void host_load_matrices(const char* op, u32 (&r)[4], const void* row, HOST_LINE) {
  host::want_shared(op, line, row);
  host::Slot* s = host::slots();
  memcpy(s[host::lane].word, &row, sizeof row);
  host::meet(op, line, 0xffffffffu, [s]() HOST_PLAIN {
    u16 m[4][8][8];
    for (u32 i = 0; i < 32; i++) memcpy(m[i / 8][i % 8], host_value<const void*>(s[i]), 16);
    for (u32 i = 0; i < 32; i++)
      for (u32 k = 0, a = i / 4, b = i % 4 * 2; k < 4; k++)
        s[i].word[k] = TRANSPOSED ? m[k][b][a] | u32(m[k][b + 1][a]) << 16 : m[k][a][b] | u32(m[k][a][b + 1]) << 16;
  });
  memcpy(r, s[host::lane].word, sizeof r);
}
#define load_matrices(...) host_load_matrices<false>("load_matrices", __VA_ARGS__)
#define load_matrices_transposed(...) host_load_matrices<true>("load_matrices_transposed", __VA_ARGS__)

// The device's order of additions is not documented. Here products are added to
// d one by one in the order of k, in f32: what a plain loop over k computes.
DEVICE HOST_PLAIN void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, HOST_LINE) {
  host::Tiles* w = &host::warp->tiles[host::warp->phase];
  const u32 g = host::lane / 4, t = host::lane % 4 * 2, b[2] = {b0, b1};
#pragma GCC unroll 4
  for (u32 i = 0; i < 4; i++) {
    float* x = &w->a[g + i % 2 * 8][t + i / 2 * 8];
    x[0] = __uint_as_float(a[i] << 16);
    x[1] = __uint_as_float(a[i] & 0xffff0000u);
    w->b[t + i / 2 * 8 + i % 2][g] = __uint_as_float(i % 2 ? b[i / 2] & 0xffff0000u : b[i / 2] << 16);
    w->d[g + i / 2 * 8][t + i % 2] = d[i];
  }
  host::meet("multiply_add", line, 0xffffffffu, [w]() HOST_PLAIN {
    typedef float four __attribute__((vector_size(16)));
    for (u32 i = 0; i < 16; i += 2) {
      four sum[4], row[2];
      memcpy(sum, w->d[i], sizeof sum);
      for (u32 k = 0; k < 16; k++) {
        memcpy(row, w->b[k], sizeof row);
        sum[0] += w->a[i][k] * row[0], sum[1] += w->a[i][k] * row[1];
        sum[2] += w->a[i + 1][k] * row[0], sum[3] += w->a[i + 1][k] * row[1];
      }
      memcpy(w->d[i], sum, sizeof sum);
    }
  });
  for (u32 i = 0; i < 4; i++) d[i] = w->d[g + i / 2 * 8][t + i % 2];
}
