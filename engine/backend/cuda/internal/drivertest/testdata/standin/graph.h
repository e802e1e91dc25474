// Captures and graphs: lists of operations.

EXPORT CUresult cuStreamBeginCapture(CUstream stream, CUstreamCaptureMode mode) {
  ENTER_CONTEXT("cuStreamBeginCapture_v2");
  struct object *s = find(STREAM, stream);
  REQUIRE(s, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE(!s->capturing && (int)mode == 1, CUDA_ERROR_INVALID_VALUE); // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
  s->capturing = 1;
  s->broken = 0;
  s->capturer = pthread_self();
  s->ops = (struct ops){0};
  LEAVE;
}

EXPORT CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  ENTER_CONTEXT("cuStreamEndCapture");
  struct object *s = find(STREAM, stream);
  REQUIRE(s, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE(s->capturing, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
  REQUIRE(pthread_equal(s->capturer, pthread_self()), CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
  s->capturing = 0;
  *graph = NULL;
  REQUIRE(!s->broken, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  struct object *g = add(GRAPH);
  g->ops = s->ops;
  s->ops = (struct ops){0};
  *graph = (CUgraph)g;
  LEAVE;
}

static struct ops copy_of(struct ops from) {
  struct ops to = {0};
  for (int i = 0; i < from.n; i++) push(&to, &from.list[i]);
  return to;
}

EXPORT CUresult cuGraphInstantiate(CUgraphExec *exec, CUgraph graph, unsigned long long flags) {
  ENTER_CONTEXT("cuGraphInstantiateWithFlags");
  struct object *g = find(GRAPH, graph);
  REQUIRE(g, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE(flags == 0, CUDA_ERROR_INVALID_VALUE);
  struct object *x = add(EXEC);
  x->ops = copy_of(g->ops);
  *exec = (CUgraphExec)x;
  LEAVE;
}

EXPORT CUresult cuGraphExecUpdate(CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo *info) {
  ENTER_CONTEXT("cuGraphExecUpdate_v2");
  struct object *x = find(EXEC, exec), *g = find(GRAPH, graph);
  REQUIRE(x && g && info, CUDA_ERROR_INVALID_HANDLE);
  int same = x->ops.n == g->ops.n;
  for (int i = 0; same && i < g->ops.n; i++) same = x->ops.list[i].type == g->ops.list[i].type;
  info->result = CU_GRAPH_EXEC_UPDATE_SUCCESS;
  info->errorNode = info->errorFromNode = NULL;
  if (!same) {
    info->result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
    info->errorFromNode = (CUgraphNode)info; // writes the struct to its end
    FAIL(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
  }
  x->ops = copy_of(g->ops);
  LEAVE;
}

EXPORT CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  ENTER_CONTEXT("cuGraphLaunch");
  struct object *x = find(EXEC, exec), *s = find(STREAM, stream);
  REQUIRE(x && s && !s->capturing, CUDA_ERROR_INVALID_HANDLE);
  for (int i = 0; i < x->ops.n; i++) queue(stream, &x->ops.list[i]);
  LEAVE;
}

EXPORT CUresult cuGraphExecDestroy(CUgraphExec exec) {
  ENTER_CONTEXT("cuGraphExecDestroy");
  struct object *x = find(EXEC, exec);
  REQUIRE(x, CUDA_ERROR_INVALID_HANDLE);
  x->live = 0;
  LEAVE;
}

EXPORT CUresult cuGraphDestroy(CUgraph graph) {
  ENTER_CONTEXT("cuGraphDestroy");
  struct object *g = find(GRAPH, graph);
  REQUIRE(g, CUDA_ERROR_INVALID_HANDLE);
  g->live = 0;
  LEAVE;
}
