// Modules, functions and launches.

static const struct kernel *kernel_named(const char *image, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strchr(image, '\n'); line; line = strchr(line + 1, '\n'))
    if (strncmp(line + 1, name, length) == 0 && line[1 + length] == '\n')
      for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].name, name) == 0) return &kernels[i];
  return NULL;
}

EXPORT CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  ENTER_CONTEXT("cuModuleLoadData");
  FORBIDDEN_IN_CAPTURE;
  REQUIRE(image, CUDA_ERROR_INVALID_VALUE);
  REQUIRE(strncmp(image, "STANDIN\n", 8) == 0, CUDA_ERROR_INVALID_IMAGE);
  struct object *m = add(MODULE);
  m->image = strdup(image);
  *module = (CUmodule)m;
  LEAVE;
}

EXPORT CUresult cuModuleUnload(CUmodule module) {
  ENTER_CONTEXT("cuModuleUnload");
  FORBIDDEN_IN_CAPTURE;
  struct object *m = find(MODULE, module);
  REQUIRE(m, CUDA_ERROR_INVALID_HANDLE);
  drain_all();
  m->live = 0;
  for (struct object *o = objects; o; o = o->next)
    if (o->kind == FUNCTION && o->module == m) o->live = 0;
  LEAVE;
}

EXPORT CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  ENTER_CONTEXT("cuModuleGetFunction");
  struct object *m = find(MODULE, module);
  REQUIRE(m, CUDA_ERROR_INVALID_HANDLE);
  const struct kernel *kernel = kernel_named(m->image, name);
  REQUIRE(kernel, CUDA_ERROR_NOT_FOUND);
  struct object *f = add(FUNCTION);
  f->kernel = kernel;
  f->module = m;
  f->shared = 49152;
  *function = (CUfunction)f;
  LEAVE;
}

#ifndef OLDEST
EXPORT CUresult cuFuncLoad(CUfunction function) {
  ENTER_CONTEXT("cuFuncLoad");
  REQUIRE(find(FUNCTION, function), CUDA_ERROR_INVALID_HANDLE);
  LEAVE;
}

EXPORT CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t *offset, size_t *size) {
  ENTER_CONTEXT("cuFuncGetParamInfo");
  struct object *f = find(FUNCTION, function);
  REQUIRE(f && index == 0, CUDA_ERROR_INVALID_VALUE);
  *offset = 0;
  if (size) *size = f->kernel->params;
  LEAVE;
}
#endif

EXPORT CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
  static const int values[] = {1024, 2048, 0, 16, 40, 80, 90, 0, 49152};
  ENTER_CONTEXT("cuFuncGetAttribute");
  struct object *f = find(FUNCTION, function);
  REQUIRE(f, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE((int)attribute >= 0 && (int)attribute <= 8, CUDA_ERROR_INVALID_VALUE);
  *value = (int)attribute == 8 ? (int)f->shared : values[(int)attribute];
  LEAVE;
}

EXPORT CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  ENTER_CONTEXT("cuFuncSetAttribute");
  struct object *f = find(FUNCTION, function);
  REQUIRE(f, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE((int)attribute == 8 && value >= 0 && value <= 232448, CUDA_ERROR_INVALID_VALUE);
  f->shared = value;
  LEAVE;
}

EXPORT CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int threads, size_t shared) {
  ENTER_CONTEXT("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  REQUIRE(find(FUNCTION, function), CUDA_ERROR_INVALID_HANDLE);
  REQUIRE(threads > 0, CUDA_ERROR_INVALID_VALUE);
  *blocks = 2048 / threads;
  if (shared && 233472 / (int)shared < *blocks) *blocks = 233472 / (int)shared;
  LEAVE;
}

EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by,
                               unsigned int bz, unsigned int shared, CUstream stream, void **params, void **extra) {
  ENTER_CONTEXT("cuLaunchKernel");
  struct object *f = find(FUNCTION, function);
  REQUIRE(f, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE(gx && gy && gz && bx && by && bz && (size_t)bx * by * bz <= 1024 && bz <= 64, CUDA_ERROR_INVALID_VALUE);
  REQUIRE(shared <= f->shared && params && params[0] && !extra, CUDA_ERROR_INVALID_VALUE);
  struct op op = {.type = LAUNCH, .kernel = f->kernel, .grid = {gx, gy, gz}, .block = {bx, by, bz}, .shared = shared};
  memcpy(op.params, params[0], f->kernel->params);
  result = queue(stream, &op);
  LEAVE;
}
