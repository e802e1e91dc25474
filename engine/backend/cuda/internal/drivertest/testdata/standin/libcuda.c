// A CUDA driver without a device, to test bindings with: device memory is the
// host's, kernels are those of kernels.h, streams run when something waits for
// them. It checks what a driver checks and more: ranges, handles after their end,
// the current context.
// Compiled against CUDA's own cuda.h it also shows that the prototypes here are
// CUDA's. An image is "STANDIN\n" and the names of kernels, a line each.
//
// With -DOLDEST the library is as old as can be served: CUDA 12.0.
#include "kernels.h"

#ifdef OLDEST
#define FIRST_VERSION 12000
#else
#define FIRST_VERSION 13000
#endif

#define EXPORT __attribute__((visibility("default")))

// Starts a call: LEAVE ends it.
#define ENTER(name)                                            \
  pthread_mutex_lock(&lock);                                   \
  CUresult result = (CUresult)planned_result(name);            \
  if (result) goto leave;                                      \
  if (!initialised) FAIL(CUDA_ERROR_NOT_INITIALIZED)
#define ENTER_CONTEXT(name) \
  ENTER(name);              \
  if (!current || !current->live) FAIL(CUDA_ERROR_INVALID_CONTEXT)
#define FAIL(code)   \
  do {               \
    result = (code); \
    goto leave;      \
  } while (0)
#define REQUIRE(condition, code) \
  if (!(condition)) FAIL(code)
#define FORBIDDEN_IN_CAPTURE \
  if (breaks_capture()) FAIL(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
#define LEAVE                    \
  leave:                         \
  pthread_mutex_unlock(&lock);   \
  return result

// For tests.
EXPORT void standin_reset(void) {
  pthread_mutex_lock(&lock);
  for (struct object *o = objects; o; o = o->next) o->live = 0;
  initialised = retained = spins = planned.nth = 0;
  primary = NULL;
  version = FIRST_VERSION;
  pthread_mutex_unlock(&lock);
}

EXPORT void standin_set_version(int v) { version = v; }

EXPORT void standin_fail(const char *name, int nth, int code) {
  pthread_mutex_lock(&lock);
  snprintf(planned.name, sizeof planned.name, "%s", name);
  planned.nth = nth;
  planned.code = code;
  pthread_mutex_unlock(&lock);
}

// How many objects live that a program has to free.
EXPORT int standin_live(void) {
  int n = 0;
  pthread_mutex_lock(&lock);
  for (struct object *o = objects; o; o = o->next) n += o->live && o->kind != FUNCTION;
  pthread_mutex_unlock(&lock);
  return n;
}

// How many contexts, streams and events were made whose waits spin.
EXPORT int standin_spins(void) { return spins; }

EXPORT CUresult cuInit(unsigned int flags) {
  pthread_mutex_lock(&lock);
  CUresult result = (CUresult)planned_result("cuInit");
  if (result) goto leave;
  REQUIRE(flags == 0, CUDA_ERROR_INVALID_VALUE);
  initialised = 1;
  LEAVE;
}

EXPORT CUresult cuDriverGetVersion(int *v) {
  *v = version;
  return CUDA_SUCCESS;
}

static const struct {
  int code;
  const char *name, *text;
} errors[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not ended in the same stream as it began"},
    {908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "attempt to terminate a thread-local capture sequence from another thread"},
    {910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", "the graph update was not performed because it included changes which violated constraints specific to instantiated graph update"},
};

static const char *lookup(int code, int text) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].code == code) return text ? errors[i].text : errors[i].name;
  return NULL;
}

EXPORT CUresult cuGetErrorName(CUresult code, const char **name) {
  return (*name = lookup((int)code, 0)) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

EXPORT CUresult cuGetErrorString(CUresult code, const char **text) {
  return (*text = lookup((int)code, 1)) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

#include "device.h"
#include "memory.h"
#include "stream.h"
#include "module.h"
#include "graph.h"
