// The next token of each sample. A block takes one row of logits at a time; all
// its branches are the same for all its threads. Weights are whole numbers and
// computed as package sample computes them, by operations that are rounded one
// by one and never fused, so the device draws the token that the host would.
//
// Macros beside the model's: THREADS, and sample's constants WEIGHT_BITS,
// WEIGHT_STEP_BITS, WEIGHT_LEAST, WEIGHT_SCALE, WEIGHT_C1 to WEIGHT_C4.
#include "choose.cuh"

// A row of logits with what may be drawn from it.
struct Allowed {
  const float* logits;
  const u64* mask; // 0: all tokens
};

DEVICE bool has(const Allowed& row, int token) { return !row.mask || row.mask[token / 64] >> (token % 64) & 1; }

struct Scan {
  u64 mine;   // key of the thread's most likely token, 0 if it has none
  u64 best;   // of the block's
  u64 broken; // the first token whose logit is not finite; VOCAB if there is none
};

DEVICE Scan scan(const Allowed& row, Scratch& s) {
  u64 mine = 0, broken = VOCAB;
  each_logit(row.logits, [&](int token, float logit, bool inside) {
    if ((__float_as_uint(logit) & 0x7f800000u) == 0x7f800000u) broken = min(broken, u64(token));
    if (inside && has(row, token)) mine = max(mine, rank(logit, token));
  });
  auto largest = [](u64 a, u64 b) { return max(a, b); };
  const u64 best = over_block(mine, s, largest);
  return Scan{mine, best, VOCAB - over_block(VOCAB - broken, s, largest)};
}

// Collects the allowed tokens whose weight by `weigh` is not 0: each warp its own.
template <class Weigh>
DEVICE void collect(const Allowed& row, List& list, Weigh weigh) {
  const u32 before = (1u << threadIdx.x % WARP) - 1; // the lanes before this one
  int n = 0;
  each_logit(row.logits, [&](int token, float logit, bool inside) {
    const u64 w = inside && has(row, token) ? weigh(logit, rank(logit, token)) : 0;
    const u32 lanes = __ballot_sync(FULL_WARP, w != 0);
    if (w != 0) list.at[n + __popc(lanes & before)] = Candidate{rank(logit, token), w};
    n += __popc(lanes);
  });
  list.n = n;
  __syncwarp();
}

DEVICE u64 add(u64 a, u64 b) { return a + b; }

// The key from which on the k most likely allowed tokens lie, or all if there are
// fewer. No more than k threads can have a token above the k-th largest of the
// threads' own best ones: that bounds what has to be looked at.
DEVICE u64 cut_top_k(const Allowed& row, int k, u64 mine, List& list, Scratch& s) {
  u64 bound = 1;
  if (k <= THREADS) {
    list.n = WARP;
    list.at[threadIdx.x % WARP] = Candidate{mine, u64(mine != 0)};
    if (over_block(u64(mine != 0), s, add) >= u64(k)) bound = boundary(list, k, s);
  }
  collect(row, list, [&](float, u64 key) { return u64(key >= bound); });
  const u64 found = over_block(threadIdx.x % WARP == 0 ? list.n : 0, s, add);
  return found > u64(k) ? boundary(list, k, s) : bound;
}

// The key of the last token that top-p keeps of those from `cut` on in the list.
DEVICE u64 cut_list(const List& list, u64 cut, float top_p, const Dice& d, Scratch& s) {
  u64 sum = 0;
  for (int i = threadIdx.x % WARP; i < list.n; i += WARP) {
    list.at[i].weight = list.at[i].key >= cut ? weight(d, logit_of(list.at[i].key)) : 0;
    sum += list.at[i].weight;
  }
  return boundary(list, max(u64(1), share(top_p, over_block(sum, s, add))), s);
}

// The same of the whole vocabulary. Tokens below a VOCAB-th of the share that may
// be dropped sum up to less than it, so none of them is kept.
DEVICE u64 cut_top_p(const Allowed& row, float top_p, List& list, const Dice& d, Scratch& s) {
  u64 sum = 0;
  each_logit(row.logits, [&](int token, float logit, bool inside) {
    sum += inside && has(row, token) ? weight(d, logit) : 0;
  });
  const u64 total = over_block(sum, s, add);
  const u64 target = max(u64(1), share(top_p, total));
  const u64 floor = max(u64(1), (total - target) / VOCAB);
  collect(row, list, [&](float logit, u64) {
    const u64 w = weight(d, logit);
    return w >= floor ? w : 0;
  });
  return boundary(list, target, s);
}

// Draws among the allowed tokens from `cut` on whose weight is at least `least`,
// in the order of their ids: first the warp's segment, then the token in it.
DEVICE int draw(const Allowed& row, u64 cut, u64 least, u64 random, const Dice& d, Scratch& s) {
  constexpr int SEGMENT = ceil_div(VOCAB, CHOOSE_WARPS);
  auto weigh = [&](int token) -> u64 {
    if (token >= VOCAB || !has(row, token) || rank(row.logits[token], token) < cut) return 0;
    const u64 w = weight(d, row.logits[token]);
    return w >= least ? w : 0;
  };
  const int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  u64 sum = 0;
  for (int i = lane; i < SEGMENT; i += WARP) sum += weigh(warp * SEGMENT + i);
  sum = over_warp(sum, add);
  __syncthreads();
  if (lane == 0) s.sums[warp][0] = sum;
  __syncthreads();
  u64 total = 0;
  for (int w = 0; w < CHOOSE_WARPS; w++) total += s.sums[w][0];
  u64 left = __umul64hi(random, total);
  int segment = 0;
  while (left >= s.sums[segment][0]) left -= s.sums[segment++][0];
  for (int first = 0;; first += THREADS) {
    const int i = first + threadIdx.x;
    const u64 w = i < SEGMENT ? weigh(segment * SEGMENT + i) : 0;
    u64 tile;
    const u64 until = prefix_over_block(w, s, tile);
    if (until > left && until - w <= left) s.token = segment * SEGMENT + i;
    if (tile > left) break;
    left -= tile;
  }
  __syncthreads();
  return s.token;
}

DEVICE Chosen choose_one(const Allowed& row, const Choose& pick, List list, Scratch& s) {
  const Scan found = scan(row, s);
  if (found.broken < VOCAB) return Chosen{-1, i32(found.broken)};
  if (pick.forced >= 0) return Chosen{pick.forced, 0};
  if (found.best == 0) return Chosen{-2, 0};
  if (pick.temperature == 0.f) return Chosen{token_of(found.best), 0};
  const Dice d = make_dice(logit_of(found.best), pick.temperature, s);
  const bool nucleus = pick.top_p > 0.f && pick.top_p < 1.f;
  u64 cut = 0;
  if (pick.top_k > 0 && pick.top_k < VOCAB) {
    cut = cut_top_k(row, pick.top_k, found.mine, list, s);
    if (nucleus) cut = cut_list(list, cut, pick.top_p, d, s);
  } else if (nucleus) {
    cut = cut_top_p(row, pick.top_p, list, d, s);
  }
  const u64 least = max(u64(1), share(pick.min_p, u64(1) << WEIGHT_BITS));
  return Chosen{draw(row, cut, least, pick.random, d, s), 0};
}

KERNEL_BOUNDS(choose, ChooseParams, THREADS, 1) {
  SHARED Scratch s;
  const List list{p.workspace + (i64(blockIdx.x) * CHOOSE_WARPS + threadIdx.x / WARP) * WARP_LIST, 0};
  for (int i = blockIdx.x; i < p.counts->samples; i += gridDim.x) {
    const Choose pick = p.picks[i];
    const u64* mask = pick.mask < 0 ? nullptr : p.masks + i64(pick.mask) * ceil_div(VOCAB, 64);
    const Allowed row{p.logits + i64(i) * VOCAB, mask};
    const Chosen c = choose_one(row, pick, list, s);
    if (threadIdx.x == 0) {
      p.chosen[i] = c;
      if (c.token >= 0) p.last[pick.slot] = c.token;
    }
  }
}
