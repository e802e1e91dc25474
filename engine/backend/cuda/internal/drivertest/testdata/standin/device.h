// Devices and the primary context.

EXPORT CUresult cuDeviceGetCount(int *count) {
  ENTER("cuDeviceGetCount");
  *count = 1;
  LEAVE;
}

EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  ENTER("cuDeviceGet");
  REQUIRE(ordinal == 0, CUDA_ERROR_INVALID_DEVICE);
  *device = 7; // a handle is no ordinal
  LEAVE;
}

EXPORT CUresult cuDeviceGetName(char *name, int len, CUdevice device) {
  ENTER("cuDeviceGetName");
  REQUIRE(device == 7, CUDA_ERROR_INVALID_DEVICE);
  snprintf(name, len, "Stand-in of a GPU");
  LEAVE;
}

EXPORT CUresult cuDeviceTotalMem(size_t *bytes, CUdevice device) {
  ENTER("cuDeviceTotalMem_v2");
  REQUIRE(device == 7, CUDA_ERROR_INVALID_DEVICE);
  *bytes = BUDGET;
  LEAVE;
}

static CUresult uuid(CUuuid *id, CUdevice device) {
  ENTER("cuDeviceGetUuid");
  REQUIRE(device == 7, CUDA_ERROR_INVALID_DEVICE);
  for (int i = 0; i < 16; i++) ((unsigned char *)id)[i] = (unsigned char)(i * 17);
  LEAVE;
}

#undef cuDeviceGetUuid
EXPORT CUresult cuDeviceGetUuid(CUuuid *id, CUdevice device) { return uuid(id, device); }
#ifndef OLDEST
#undef cuDeviceGetUuid_v2
EXPORT CUresult cuDeviceGetUuid_v2(CUuuid *id, CUdevice device) { return uuid(id, device); }
#endif

EXPORT CUresult cuDeviceGetPCIBusId(char *id, int len, CUdevice device) {
  ENTER("cuDeviceGetPCIBusId");
  REQUIRE(device == 7 && len >= 13, CUDA_ERROR_INVALID_VALUE);
  snprintf(id, len, "0000:1B:00.0");
  LEAVE;
}

// Those of an H200.
static const int attributes[][2] = {
    {8, 49152},     {10, 32},   {13, 1980000}, {16, 132},     {33, 27},    {34, 0},        {36, 3201000}, {37, 6144}, {38, 62914560},
    {39, 2048},     {50, 0},    {75, 9},       {76, 0},       {81, 233472}, {82, 65536},   {97, 232448},
};

EXPORT CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  ENTER("cuDeviceGetAttribute");
  REQUIRE(device == 7, CUDA_ERROR_INVALID_DEVICE);
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
    if (attributes[i][0] == (int)attribute) {
      *value = attributes[i][1];
      goto leave;
    }
  result = CUDA_ERROR_INVALID_VALUE;
  LEAVE;
}

static unsigned context_flags;

EXPORT CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned int flags) {
  ENTER("cuDevicePrimaryCtxSetFlags_v2");
  REQUIRE(device == 7 && flags <= 0x1f, CUDA_ERROR_INVALID_VALUE);
  context_flags = flags;
  LEAVE;
}

EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  ENTER("cuDevicePrimaryCtxRetain");
  REQUIRE(device == 7, CUDA_ERROR_INVALID_DEVICE);
  if (retained++ == 0) primary = add(CONTEXT);
  spins += (context_flags & 7) != 4; // CU_CTX_SCHED_BLOCKING_SYNC
  *context = (CUcontext)primary;
  LEAVE;
}

EXPORT CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  ENTER("cuDevicePrimaryCtxRelease_v2");
  REQUIRE(device == 7, CUDA_ERROR_INVALID_DEVICE);
  REQUIRE(retained > 0, CUDA_ERROR_INVALID_CONTEXT);
  if (--retained == 0) primary->live = 0;
  LEAVE;
}

EXPORT CUresult cuCtxSetCurrent(CUcontext context) {
  ENTER("cuCtxSetCurrent");
  REQUIRE(!context || find(CONTEXT, context), CUDA_ERROR_INVALID_CONTEXT);
  current = (struct object *)context;
  LEAVE;
}

EXPORT CUresult cuCtxGetCurrent(CUcontext *context) {
  ENTER("cuCtxGetCurrent");
  *context = (CUcontext)current;
  LEAVE;
}

EXPORT CUresult cuCtxSynchronize(void) {
  ENTER_CONTEXT("cuCtxSynchronize");
  FORBIDDEN_IN_CAPTURE;
  drain_all();
  LEAVE;
}
