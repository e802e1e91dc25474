// A libcublasLt of its own: the same signatures, matrices in the host's memory,
// products in the plainest way. What it is told wrongly it answers with
// CUBLAS_STATUS_INVALID_VALUE. With NO_HANDLE it takes no device, with NO_PRODUCT
// it proposes what it then refuses.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, NOT_INITIALIZED = 1, INVALID = 7, NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_16BF = 14, COMPUTE_32F = 68 };

typedef struct { int alive; } handle_t;
typedef struct { int32_t compute, scale, trans_a, trans_b; } desc_t;
typedef struct { int32_t type; uint64_t rows, cols; int64_t ld; } layout_t;
typedef struct { uint64_t workspace; uint32_t align[4]; } preference_t;
typedef struct { uint64_t data[8]; } algo_t;
typedef struct { algo_t algo; size_t workspace; int32_t state; float waves; int reserved[4]; } result_t;

static int handles, descs, layouts, preferences;
// What is alive, for the test.
int plain_alive(void) { return handles * 1000 + descs * 100 + layouts * 10 + preferences; }

size_t cublasLtGetVersion(void) { return 130002; }
const char* cublasLtGetStatusName(int32_t s) { return s == INVALID ? "CUBLAS_STATUS_INVALID_VALUE" : "CUBLAS_STATUS_OTHER"; }
const char* cublasLtGetStatusString(int32_t s) { return s == INVALID ? "an invalid value" : "other"; }

#ifdef NO_HANDLE
int32_t cublasLtCreate(handle_t** h) { *h = NULL; return NOT_INITIALIZED; }
#else
int32_t cublasLtCreate(handle_t** h) { *h = calloc(1, sizeof **h); (*h)->alive = 1; handles++; return OK; }
#endif
int32_t cublasLtDestroy(handle_t* h) { if (!h) return INVALID; free(h); handles--; return OK; }

int32_t cublasLtMatmulDescCreate(desc_t** d, int32_t compute, int32_t scale) {
  *d = calloc(1, sizeof **d); (*d)->compute = compute; (*d)->scale = scale; descs++; return OK;
}
int32_t cublasLtMatmulDescDestroy(desc_t* d) { if (!d) return INVALID; free(d); descs--; return OK; }
int32_t cublasLtMatmulDescSetAttribute(desc_t* d, int32_t attribute, const void* value, size_t size) {
  if (size != 4) return INVALID;
  if (attribute == 3) memcpy(&d->trans_a, value, 4);
  else if (attribute == 4) memcpy(&d->trans_b, value, 4);
  else return INVALID;
  return OK;
}

int32_t cublasLtMatrixLayoutCreate(layout_t** l, int32_t type, uint64_t rows, uint64_t cols, int64_t ld) {
  if (ld < (int64_t)rows) return INVALID;
  *l = calloc(1, sizeof **l); **l = (layout_t){type, rows, cols, ld}; layouts++; return OK;
}
int32_t cublasLtMatrixLayoutDestroy(layout_t* l) { if (!l) return INVALID; free(l); layouts--; return OK; }

int32_t cublasLtMatmulPreferenceCreate(preference_t** p) { *p = calloc(1, sizeof **p); preferences++; return OK; }
int32_t cublasLtMatmulPreferenceDestroy(preference_t* p) { if (!p) return INVALID; free(p); preferences--; return OK; }
int32_t cublasLtMatmulPreferenceSetAttribute(preference_t* p, int32_t attribute, const void* value, size_t size) {
  if (attribute == 1 && size == 8) memcpy(&p->workspace, value, 8);
  else if (attribute >= 5 && attribute <= 8 && size == 4) memcpy(&p->align[attribute - 5], value, 4);
  else return INVALID;
  return OK;
}

static uint64_t op_rows(const layout_t* l, int t) { return t ? l->cols : l->rows; }
static uint64_t op_cols(const layout_t* l, int t) { return t ? l->rows : l->cols; }

static int shapes_fit(const desc_t* o, const layout_t* a, const layout_t* b, const layout_t* c, const layout_t* d) {
  return o->compute == COMPUTE_32F && o->scale == R_32F && a->type == R_16BF && b->type == R_16BF && c->type == d->type &&
         (d->type == R_16BF || d->type == R_32F) && op_rows(a, o->trans_a) == d->rows && op_cols(b, o->trans_b) == d->cols &&
         op_cols(a, o->trans_a) == op_rows(b, o->trans_b) && c->rows == d->rows && c->cols == d->cols;
}

// Three algorithms, the second of which does not work. A K of 13 is not supported.
int32_t cublasLtMatmulAlgoGetHeuristic(handle_t* h, desc_t* o, layout_t* a, layout_t* b, layout_t* c, layout_t* d, preference_t* p,
                                       int asked, result_t* results, int* found) {
  if (!h || !h->alive || asked < 1 || !shapes_fit(o, a, b, c, d)) return INVALID;
  for (int i = 0; i < 4; i++) if (p->align[i] != 16) return INVALID;
  if (op_rows(b, o->trans_b) == 13) return NOT_SUPPORTED;
  *found = asked < 3 ? asked : 3;
  memset(results, 0xff, sizeof(result_t) * (size_t)asked);
  for (int i = 0; i < *found; i++) {
    for (int j = 0; j < 7; j++) results[i].algo.data[j] = 1000u * (unsigned)(i + 1) + (unsigned)j;
    results[i].algo.data[7] = results[i].workspace = p->workspace / (size_t)(i + 1);
    results[i].state = i == 1 ? NOT_SUPPORTED : OK;
    results[i].waves = 0.5f * (float)(i + 1);
  }
  return OK;
}

int32_t cublasLtMatmulAlgoConfigGetAttribute(const algo_t* algo, int32_t attribute, void* value, size_t size, size_t* written) {
  if (size != 4) return INVALID;
  const int32_t v = (int32_t)algo->data[0] + attribute;
  memcpy(value, &v, 4);
  *written = 4;
  return OK;
}

static float from_bf16(uint16_t v) { uint32_t b = (uint32_t)v << 16; float f; memcpy(&f, &b, 4); return f; }
static float at(const void* m, const layout_t* l, uint64_t r, uint64_t c) { return from_bf16(((const uint16_t*)m)[r + c * (uint64_t)l->ld]); }

int32_t cublasLtMatmul(handle_t* h, desc_t* o, const float* alpha, const void* a, layout_t* al, const void* b, layout_t* bl,
                       const float* beta, const void* c, layout_t* cl, void* d, layout_t* dl, const algo_t* algo, void* workspace,
                       size_t workspace_bytes, void* stream) {
#ifdef NO_PRODUCT
  h = NULL;
#endif
  if (!h || !h->alive || !shapes_fit(o, al, bl, cl, dl) || c != d || *beta != 0.f) return INVALID;
  for (int j = 0; j < 7; j++) if (algo->data[j] != algo->data[0] + (unsigned)j) return INVALID;
  if (!algo->data[0] || !stream || !workspace || workspace_bytes != algo->data[7]) return INVALID;
  for (uint64_t i = 0; i < dl->rows; i++) {
    for (uint64_t j = 0; j < dl->cols; j++) {
      float sum = 0;
      for (uint64_t k = 0; k < op_cols(al, o->trans_a); k++)
        sum += (o->trans_a ? at(a, al, k, i) : at(a, al, i, k)) * (o->trans_b ? at(b, bl, j, k) : at(b, bl, k, j));
      sum *= *alpha;
      if (dl->type == R_32F) {
        ((float*)d)[i + j * (uint64_t)dl->ld] = sum;
      } else {
        uint32_t bits;
        memcpy(&bits, &sum, 4);
        bits += 0x7fff + (bits >> 16 & 1); // to the nearest
        ((uint16_t*)d)[i + j * (uint64_t)dl->ld] = (uint16_t)(bits >> 16);
      }
    }
  }
  return OK;
}
