// The parts of choose.cu: keys, weights, and sums over a block.
#pragma once
#include "step.cuh"

constexpr int CHOOSE_WARPS = THREADS / WARP;
constexpr int WAYS = 8; // parts into which boundary cuts its interval
constexpr int WARP_LIST = ceil_div(VOCAB, 4 * THREADS) * 4 * WARP; // candidates of a warp at most

// The candidates that a warp has found, in memory that no other warp uses.
struct List {
  Candidate* at; // [WARP_LIST]
  int n;         // the same in all lanes
};

struct Scratch {
  double powers[1 << WEIGHT_STEP_BITS]; // 2^(i / steps)
  u64 sums[CHOOSE_WARPS][2 * WAYS];
  u64 totals[2 * WAYS];
  i32 token;
};

// A key that orders tokens by logit, and equal ones by the smaller id.
DEVICE u64 rank(float logit, int token) {
  const u32 b = __float_as_uint(logit + 0.f); // -0 becomes 0
  return u64(b >> 31 ? ~b : b | 0x80000000u) << 32 | u32(~token);
}

DEVICE int token_of(u64 key) { return int(~u32(key)); }

DEVICE float logit_of(u64 key) {
  const u32 b = u32(key >> 32);
  return __uint_as_float(b >> 31 ? b & 0x7fffffffu : ~b);
}

// Calls f(token, logit, inside) with the tokens of this thread, 16 bytes at a time
// where rows are multiples of that. All lanes call it together; beyond the row,
// inside is false.
template <class F>
DEVICE void each_logit(const float* row, F f) {
  if constexpr (VOCAB % 4 == 0) {
#pragma unroll 4
    for (int first = 0; first < VOCAB / 4; first += THREADS) {
      const int i = first + threadIdx.x;
      const bool inside = i < VOCAB / 4;
      const float4 v = inside ? reinterpret_cast<const float4*>(row)[i] : float4{0.f, 0.f, 0.f, 0.f};
      f(4 * i, v.x, inside);
      f(4 * i + 1, v.y, inside);
      f(4 * i + 2, v.z, inside);
      f(4 * i + 3, v.w, inside);
    }
  } else {
    for (int first = 0; first < VOCAB; first += THREADS) {
      const int i = first + threadIdx.x;
      f(i, i < VOCAB ? row[i] : 0.f, i < VOCAB);
    }
  }
}

template <class Join>
DEVICE u64 over_warp(u64 v, Join join) {
#pragma unroll
  for (int by = WARP / 2; by > 0; by /= 2) v = join(v, __shfl_xor_sync(FULL_WARP, v, by));
  return v;
}

// Joins the threads' values; all get the result.
template <class Join>
DEVICE u64 over_block(u64 v, Scratch& s, Join join) {
  v = over_warp(v, join);
  __syncthreads(); // an earlier result has been read
  if (threadIdx.x % WARP == 0) s.sums[threadIdx.x / WARP][0] = v;
  __syncthreads();
  v = s.sums[0][0];
  for (int w = 1; w < CHOOSE_WARPS; w++) v = join(v, s.sums[w][0]);
  return v;
}

// The sum of the values of all threads up to this one, and that of the block.
DEVICE u64 prefix_over_block(u64 v, Scratch& s, u64& all) {
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
#pragma unroll
  for (int by = 1; by < WARP; by *= 2) {
    const u64 before = __shfl_up_sync(FULL_WARP, v, by);
    if (lane >= by) v += before;
  }
  __syncthreads();
  if (lane == WARP - 1) s.sums[warp][0] = v;
  __syncthreads();
  all = 0;
  for (int w = 0; w < CHOOSE_WARPS; w++) {
    if (w < warp) v += s.sums[w][0];
    all += s.sums[w][0];
  }
  return v;
}

// Leaves the sums of each of the values in s.totals.
DEVICE void sum_over_block(u64 (&v)[2 * WAYS], Scratch& s) {
  auto add = [](u64 a, u64 b) { return a + b; };
#pragma unroll
  for (int j = 0; j < 2 * WAYS; j++) v[j] = over_warp(v[j], add);
  __syncthreads();
  if (threadIdx.x % WARP == 0) {
#pragma unroll
    for (int j = 0; j < 2 * WAYS; j++) s.sums[threadIdx.x / WARP][j] = v[j];
  }
  __syncthreads();
  if (threadIdx.x < 2 * WAYS) {
    u64 total = 0;
    for (int w = 0; w < CHOOSE_WARPS; w++) total += s.sums[w][threadIdx.x];
    s.totals[threadIdx.x] = total;
  }
  __syncthreads();
}

// Adds up, for each part of the keys from low on, the weights and the number of
// the candidates from that part up to high.
DEVICE_CALL void weigh_parts(const List& list, u64 low, u64 high, u64 width, Scratch& s) {
  u64 v[2 * WAYS] = {};
#pragma unroll 1
  for (int i = threadIdx.x % WARP; i < list.n; i += WARP) {
    const Candidate c = list.at[i];
    if (c.weight == 0 || c.key < low || c.key > high) continue;
#pragma unroll
    for (int j = 0; j < WAYS; j++) {
      if (c.key - low >= j * width) {
        v[j] += c.weight;
        v[WAYS + j]++;
      }
    }
  }
  sum_over_block(v, s);
}

// The first key, from the largest down, with which the sum of weights reaches
// target, which is at least 1 and at most the sum of all. The interval of keys in
// which it lies is cut into WAYS parts until it holds one candidate.
DEVICE_CALL u64 boundary(const List& list, u64 target, Scratch& s) {
  auto largest = [](u64 a, u64 b) { return max(a, b); };
  u64 most = 0, rest = 0; // rest is the complement of the least key
  for (int i = threadIdx.x % WARP; i < list.n; i += WARP) {
    if (list.at[i].weight == 0) continue;
    most = max(most, list.at[i].key);
    rest = max(rest, ~list.at[i].key);
  }
  u64 high = over_block(most, s, largest), low = ~over_block(rest, s, largest);
  u64 above = 0; // the weights of the keys beyond high
  for (u64 count = 0; count != 1 && low < high;) {
    const u64 width = (high - low) / WAYS + 1;
    weigh_parts(list, low, high, width, s);
    int part = WAYS - 1;
    while (above + s.totals[part] < target) part--;
    count = s.totals[WAYS + part];
    if (part + 1 < WAYS) {
      above += s.totals[part + 1];
      count -= s.totals[WAYS + part + 1];
      high = low + (part + 1) * width - 1;
    }
    low += part * width;
    __syncthreads(); // the totals have been read
  }
  u64 key = 0;
  for (int i = threadIdx.x % WARP; i < list.n; i += WARP)
    if (list.at[i].weight != 0 && list.at[i].key >= low && list.at[i].key <= high) key = list.at[i].key;
  return over_block(key, s, largest);
}

// What turns a row's logits into weights.
struct Dice {
  double max, inverse; // the most likely token's logit; of the temperature
  const double* powers;
};

// The table is made by square roots and products, which are rounded the same
// everywhere: see powersOf2 of package sample.
DEVICE Dice make_dice(float most, float temperature, Scratch& s) {
  __syncthreads();
  for (int i = threadIdx.x; i < 1 << WEIGHT_STEP_BITS; i += THREADS) {
    double root = 2, power = 1;
    for (int k = WEIGHT_STEP_BITS - 1; k >= 0; k--) {
      root = __dsqrt_rn(root);
      if (i >> k & 1) power = __dmul_rn(power, root);
    }
    s.powers[i] = power;
  }
  __syncthreads();
  return Dice{double(most), __ddiv_rn(1., double(temperature)), s.powers};
}

// The whole number nearest to 2^WEIGHT_BITS exp((logit - max) / temperature):
// weight of package sample, operation by operation.
DEVICE u64 weight(const Dice& d, float logit) {
  constexpr double MAGIC = 6755399441055744.; // 3 x 2^51
  constexpr i64 STEPS = i64(1) << WEIGHT_STEP_BITS;
  const double x = __dmul_rn(__dadd_rn(double(logit), -d.max), d.inverse);
  if (x < WEIGHT_LEAST) return 0;
  const double y = __dmul_rn(x, WEIGHT_SCALE), t = __dadd_rn(y, MAGIC);
  const i64 n = i64(u64(__double_as_longlong(t)) << 13) >> 13; // the mantissa, with its sign
  const double r = __dadd_rn(y, -__dadd_rn(t, -MAGIC)), q = __dmul_rn(r, r);
  const double upper = __dmul_rn(__dadd_rn(__dadd_rn(__dmul_rn(q, WEIGHT_C4), __dmul_rn(r, WEIGHT_C3)), WEIGHT_C2), q);
  const double sum = __dadd_rn(__dadd_rn(upper, __dmul_rn(r, WEIGHT_C1)), 1.);
  const u64 power = u64(__double_as_longlong(d.powers[n & (STEPS - 1)])) + (u64((n >> WEIGHT_STEP_BITS) + WEIGHT_BITS) << 52);
  return u64(i64(__dadd_rn(__dmul_rn(sum, __longlong_as_double(i64(power))), 0.5)));
}

// The least whole number that is at least part x n, for part in 0..1.
DEVICE u64 share(float part, u64 n) {
  const u64 fraction = u64(double(part) * 9223372036854775808.); // 2^63
  const u64 high = __umul64hi(fraction, n), low = fraction * n;
  return (high << 1 | low >> 63) + u64((low << 1) != 0);
}
