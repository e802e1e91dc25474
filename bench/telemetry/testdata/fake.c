// A libnvidia-ml with one device, of an older driver: it has no
// nvmlDeviceGetTotalEnergyConsumption, and reads no utilization.
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3 };

static int device;

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char* nvmlErrorString(int result) { return result == NOT_SUPPORTED ? "Not Supported" : "Unknown Error"; }

int nvmlSystemGetDriverVersion(char* version, unsigned bytes) {
  strncpy(version, "450.1", bytes);
  return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned* n) { return *n = 1, SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** d) { return *d = &device, (int)index; }

int nvmlDeviceGetName(void* d, char* name, unsigned bytes) {
  strncpy(name, "Fake V100", bytes);
  return d != &device;
}

int nvmlDeviceGetUUID(void* d, char* uuid, unsigned bytes) {
  strncpy(uuid, "GPU-0123", bytes);
  return d != &device;
}

int nvmlDeviceGetPowerUsage(void* d, unsigned* mW) { return *mW = 250500, d != &device; }
int nvmlDeviceGetTemperature(void* d, int sensor, unsigned* c) { return *c = 60 + sensor, d != &device; }
int nvmlDeviceGetUtilizationRates(void* d, unsigned* gpu_memory) { return (void)d, (void)gpu_memory, NOT_SUPPORTED; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void* d, unsigned long long* set) { return *set = 4, d != &device; }

// nvmlClockType_t: 1 is the multiprocessors', 2 the memory's.
int nvmlDeviceGetClockInfo(void* d, int type, unsigned* mhz) { return *mhz = 1000 * type, d != &device; }

int nvmlDeviceGetMemoryInfo(void* d, unsigned long long* total_free_used) {
  total_free_used[0] = 16ull << 30, total_free_used[1] = 10ull << 30, total_free_used[2] = 6ull << 30;
  return d != &device;
}

struct process {
  unsigned pid;
  unsigned long long bytes;
};

int nvmlDeviceGetComputeRunningProcesses(void* d, unsigned* n, struct process* p) {
  if (*n > 0) p[0] = (struct process){42, ~0ull};
  *n = 1;
  return d != &device;
}
