// Finishes a position's queries, keys and values: a block of threads takes the
// position. LANES threads share a head; each has 8 elements of its lower half and
// their partners in the upper one, so that a pair that turns is in one thread,
// and all heads of a thread turn by the same angles. All heads are read before
// the chain of reads that says whether the position counts, and where it is: row,
// slot, table, block.
#include "step.cuh"

constexpr int HALF = HEAD_DIM / 2, LANES = HALF / 8;
constexpr int ALL = HEADS + 2 * KV_HEADS; // heads of q, k and v
constexpr int AT_ONCE = THREADS / LANES, ROUNDS = ceil_div(ALL, AT_ONCE);
static_assert(HEAD_DIM % 16 == 0 && (LANES & (LANES - 1)) == 0 && LANES <= WARP, "a head is shared by lanes of one warp");

// Eight elements of each half of a head.
struct Halves {
  float lo[8], hi[8];
};

DEVICE void unpack(float (&to)[8], uint4 v) {
  to[0] = low(v.x), to[1] = high(v.x), to[2] = low(v.y), to[3] = high(v.y);
  to[4] = low(v.z), to[5] = high(v.z), to[6] = low(v.w), to[7] = high(v.w);
}

DEVICE uint4 pack8(const float (&v)[8]) {
  return uint4{pack(v[0], v[1]), pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7])};
}

// to[i] = from[i], for eight elements at a multiple of 16 bytes.
DEVICE void load8(float (&to)[8], const float* from) {
  const float4 a = reinterpret_cast<const float4*>(from)[0], b = reinterpret_cast<const float4*>(from)[1];
  to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w, to[4] = b.x, to[5] = b.y, to[6] = b.z, to[7] = b.w;
}

DEVICE void add_bias(Halves& v, const float* bias) {
  float lo[8], hi[8];
  load8(lo, bias);
  load8(hi, bias + HALF);
#pragma unroll
  for (int i = 0; i < 8; i++) v.lo[i] += lo[i], v.hi[i] += hi[i];
}

// Normalizes a head; the lanes that share it call it together.
DEVICE void normalize(Halves& v, const float* weight) {
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < 8; i++) sum += v.lo[i] * v.lo[i] + v.hi[i] * v.hi[i];
#pragma unroll
  for (int by = LANES / 2; by > 0; by /= 2) sum += __shfl_xor_sync(FULL_WARP, sum, by);
  const float scale = rsqrtf(sum / HEAD_DIM + RMS_EPS);
  float lo[8], hi[8];
  load8(lo, weight);
  load8(hi, weight + HALF);
#pragma unroll
  for (int i = 0; i < 8; i++) v.lo[i] *= scale * lo[i], v.hi[i] *= scale * hi[i];
}

DEVICE void turn(Halves& v, const float (&cosine)[8], const float (&sine)[8]) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const float a = v.lo[i], b = v.hi[i];
    v.lo[i] = a * cosine[i] - b * sine[i];
    v.hi[i] = b * cosine[i] + a * sine[i];
  }
}

// Whether the head of a round is one of the first n. For most rounds the answer
// is known when this is compiled.
DEVICE bool among(int n, int round, int head) { return (round + 1) * AT_ONCE <= n || (round * AT_ONCE < n && head < n); }

KERNEL_BOUNDS(keys, KeysParams, THREADS, 1) {
  const int t = blockIdx.x;
  const int lane = threadIdx.x % LANES, first = threadIdx.x / LANES;
  bf16* qkv = p.qkv + i64(t) * QKV + lane * 8;
  uint4 lo[ROUNDS], hi[ROUNDS];
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int head = first + k * AT_ONCE;
    lo[k] = hi[k] = uint4{0, 0, 0, 0};
    if (among(ALL, k, head)) {
      lo[k] = load_early(qkv + head * HEAD_DIM);
      hi[k] = load_early(qkv + head * HEAD_DIM + HALF);
    }
  }

  if (t >= p.counts->tokens) return;
  const Row row = p.rows[p.token_row[t]];
  const int at = row.start + (t - row.first);
  const int block = p.tables[i64(row.slot) * MAX_BLOCKS + at / BLOCK_TOKENS];
  const i64 cell = (i64(block) * KV_HEADS * BLOCK_TOKENS + at % BLOCK_TOKENS) * HEAD_DIM + lane * 8;
  float cosine[8], sine[8];
#pragma unroll
  for (int i = 0; i < 8; i += 2) {
    const float4 two = *reinterpret_cast<const float4*>(p.angles + i64(at) * HALF + lane * 8 + i);
    cosine[i] = two.x, sine[i] = two.y, cosine[i + 1] = two.z, sine[i + 1] = two.w;
  }

#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    const int head = first + k * AT_ONCE;
    Halves v;
    unpack(v.lo, lo[k]);
    unpack(v.hi, hi[k]);
    const bool exists = among(ALL, k, head), query = among(HEADS, k, head), turns = among(HEADS + KV_HEADS, k, head);
    if (QKV_BIAS && exists) add_bias(v, p.bias + head * HEAD_DIM + lane * 8);
    if (QK_NORM) {
      Halves normal = v; // all lanes of a warp come here, so that they can exchange sums
      normalize(normal, (query ? p.q_norm : p.k_norm) + lane * 8);
      if (turns) v = normal;
    }
    if (turns) turn(v, cosine, sine);
    bf16* to = qkv + head * HEAD_DIM;
    if (!turns) {
      to = p.values + cell + i64(head - HEADS - KV_HEADS) * BLOCK_TOKENS * HEAD_DIM;
    } else if (!query) {
      to = p.keys + cell + i64(head - HEADS) * BLOCK_TOKENS * HEAD_DIM;
    }
    if (exists) {
      *reinterpret_cast<uint4*>(to) = pack8(v.lo);
      *reinterpret_cast<uint4*>(to + HALF) = pack8(v.hi);
    }
  }
}
