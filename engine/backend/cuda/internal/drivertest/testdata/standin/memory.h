// Memory, and copies as operations of streams.

EXPORT CUresult cuMemGetInfo(size_t *free, size_t *total) {
  ENTER_CONTEXT("cuMemGetInfo_v2");
  *free = BUDGET - taken();
  *total = BUDGET;
  LEAVE;
}

static CUresult allocate(enum kind kind, size_t bytes, size_t align, uintptr_t *at) {
  void *p;
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  if (kind == DEVICE_MEMORY && bytes > BUDGET - taken()) return CUDA_ERROR_OUT_OF_MEMORY;
  if (posix_memalign(&p, align, bytes)) return CUDA_ERROR_OUT_OF_MEMORY;
  memset(p, 0xA5, bytes < 1 << 20 ? bytes : 1 << 20);
  struct object *o = add(kind);
  o->base = *at = (uintptr_t)p;
  o->bytes = bytes;
  return CUDA_SUCCESS;
}

static CUresult release(enum kind kind, uintptr_t at) {
  for (struct object *o = objects; o; o = o->next)
    if (o->live && o->kind == kind && o->base == at) {
      o->live = 0;
      free((void *)at);
      return CUDA_SUCCESS;
    }
  return CUDA_ERROR_INVALID_VALUE;
}

EXPORT CUresult cuMemAlloc(CUdeviceptr *at, size_t bytes) {
  ENTER_CONTEXT("cuMemAlloc_v2");
  FORBIDDEN_IN_CAPTURE;
  uintptr_t p = 0;
  result = allocate(DEVICE_MEMORY, bytes, 256, &p);
  if (!result) *at = p;
  LEAVE;
}

EXPORT CUresult cuMemFree(CUdeviceptr at) {
  ENTER_CONTEXT("cuMemFree_v2");
  FORBIDDEN_IN_CAPTURE;
  drain_all();
  result = release(DEVICE_MEMORY, (uintptr_t)at);
  LEAVE;
}

EXPORT CUresult cuMemHostAlloc(void **at, size_t bytes, unsigned int flags) {
  ENTER_CONTEXT("cuMemHostAlloc");
  FORBIDDEN_IN_CAPTURE;
  REQUIRE(flags <= 7, CUDA_ERROR_INVALID_VALUE);
  uintptr_t p = 0;
  result = allocate(HOST_MEMORY, bytes, 4096, &p);
  if (!result) *at = (void *)p;
  LEAVE;
}

EXPORT CUresult cuMemFreeHost(void *at) {
  ENTER_CONTEXT("cuMemFreeHost");
  FORBIDDEN_IN_CAPTURE;
  drain_all();
  result = release(HOST_MEMORY, (uintptr_t)at);
  LEAVE;
}

// Keeps an operation for whoever waits for the stream, or for the graph.
static CUresult queue(CUstream stream, const struct op *op) {
  struct object *s = find(STREAM, stream);
  if (!s) return CUDA_ERROR_INVALID_HANDLE;
  if (!s->capturing) {
    push(&s->queued, op);
    if (s->queued.n == 1000) drain(s, -1);
  } else if (s->broken) {
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  } else {
    push(&s->ops, op);
  }
  return CUDA_SUCCESS;
}

EXPORT CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  ENTER_CONTEXT("cuMemcpyHtoDAsync_v2");
  REQUIRE(from && holding(DEVICE_MEMORY, (uintptr_t)to, bytes), CUDA_ERROR_INVALID_VALUE);
  struct op op = {.type = COPY, .to = (void *)(uintptr_t)to, .from = from, .bytes = bytes};
  result = queue(stream, &op);
  LEAVE;
}

EXPORT CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER_CONTEXT("cuMemcpyDtoHAsync_v2");
  REQUIRE(to && holding(DEVICE_MEMORY, (uintptr_t)from, bytes), CUDA_ERROR_INVALID_VALUE);
  struct op op = {.type = COPY, .to = to, .from = (void *)(uintptr_t)from, .bytes = bytes};
  result = queue(stream, &op);
  LEAVE;
}

EXPORT CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  ENTER_CONTEXT("cuMemcpyDtoDAsync_v2");
  REQUIRE(holding(DEVICE_MEMORY, (uintptr_t)to, bytes) && holding(DEVICE_MEMORY, (uintptr_t)from, bytes), CUDA_ERROR_INVALID_VALUE);
  struct op op = {.type = COPY, .to = (void *)(uintptr_t)to, .from = (void *)(uintptr_t)from, .bytes = bytes};
  result = queue(stream, &op);
  LEAVE;
}

EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
  ENTER_CONTEXT("cuMemsetD8Async");
  REQUIRE(holding(DEVICE_MEMORY, (uintptr_t)to, bytes), CUDA_ERROR_INVALID_VALUE);
  struct op op = {.type = FILL, .to = (void *)(uintptr_t)to, .value = value, .bytes = bytes};
  result = queue(stream, &op);
  LEAVE;
}
