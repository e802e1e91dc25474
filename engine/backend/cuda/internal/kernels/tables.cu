// Brings the slots' block tables up to date before a step reads them. No two
// updates of a step are for one entry.
#include "step.cuh"

KERNEL_BOUNDS(tables, TablesParams, THREADS, 1) {
  const int updates = p.counts->updates;
  for (int i = blockIdx.x * THREADS + threadIdx.x; i < updates; i += gridDim.x * THREADS) {
    const Update u = p.updates[i];
    p.tables[i64(u.slot) * MAX_BLOCKS + u.index] = u.block;
  }
}
