// Streams, which run what they are given when something waits for it, and
// events.

EXPORT CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
  ENTER_CONTEXT("cuStreamCreate");
  REQUIRE(flags <= 1, CUDA_ERROR_INVALID_VALUE);
  *stream = (CUstream)add(STREAM);
  LEAVE;
}

EXPORT CUresult cuStreamDestroy(CUstream stream) {
  ENTER_CONTEXT("cuStreamDestroy_v2");
  struct object *s = find(STREAM, stream);
  REQUIRE(s, CUDA_ERROR_INVALID_HANDLE);
  drain(s, -1);
  s->live = 0;
  LEAVE;
}

EXPORT CUresult cuStreamSynchronize(CUstream stream) {
  ENTER_CONTEXT("cuStreamSynchronize");
  struct object *s = find(STREAM, stream);
  REQUIRE(s, CUDA_ERROR_INVALID_HANDLE);
  if (s->capturing) {
    s->broken = 1;
    FAIL(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  }
  drain(s, -1);
  LEAVE;
}

EXPORT CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned int flags) {
  ENTER_CONTEXT("cuStreamWaitEvent");
  struct object *e = find(EVENT, event);
  REQUIRE(find(STREAM, stream) && e, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE(flags == 0, CUDA_ERROR_INVALID_VALUE);
  struct op op = {.type = WAIT, .other = e->stream, .after = e->after};
  if (e->stream) result = queue(stream, &op);
  LEAVE;
}

EXPORT CUresult cuEventCreate(CUevent *event, unsigned int flags) {
  ENTER_CONTEXT("cuEventCreate");
  REQUIRE(flags <= 3, CUDA_ERROR_INVALID_VALUE);
  struct object *e = add(EVENT);
  e->timed = !(flags & 2);  // CU_EVENT_DISABLE_TIMING
  spins += !(flags & 1);    // CU_EVENT_BLOCKING_SYNC
  *event = (CUevent)e;
  LEAVE;
}

EXPORT CUresult cuEventDestroy(CUevent event) {
  ENTER_CONTEXT("cuEventDestroy_v2");
  struct object *e = find(EVENT, event);
  REQUIRE(e, CUDA_ERROR_INVALID_HANDLE);
  e->live = 0;
  LEAVE;
}

EXPORT CUresult cuEventRecord(CUevent event, CUstream stream) {
  ENTER_CONTEXT("cuEventRecord");
  struct object *e = find(EVENT, event);
  struct object *s = find(STREAM, stream);
  REQUIRE(e && s, CUDA_ERROR_INVALID_HANDLE);
  e->pending = 1;
  struct op op = {.type = RECORD, .other = e};
  result = queue(stream, &op);
  e->stream = s;
  e->after = s->first + s->queued.n;
  LEAVE;
}

EXPORT CUresult cuEventSynchronize(CUevent event) {
  ENTER_CONTEXT("cuEventSynchronize");
  struct object *e = find(EVENT, event);
  REQUIRE(e, CUDA_ERROR_INVALID_HANDLE);
  if (e->stream) drain(e->stream, e->after);
  LEAVE;
}

static CUresult elapsed(float *ms, CUevent from, CUevent to) {
  ENTER_CONTEXT("cuEventElapsedTime");
  struct object *f = find(EVENT, from), *t = find(EVENT, to);
  REQUIRE(f && t && f->timed && t->timed && f->stream && t->stream, CUDA_ERROR_INVALID_HANDLE);
  REQUIRE(!f->pending && !t->pending, CUDA_ERROR_NOT_READY);
  *ms = (float)((t->at.tv_sec - f->at.tv_sec) * 1e3 + (t->at.tv_nsec - f->at.tv_nsec) * 1e-6);
  LEAVE;
}

#undef cuEventElapsedTime
EXPORT CUresult cuEventElapsedTime(float *ms, CUevent from, CUevent to) { return elapsed(ms, from, to); }
#ifndef OLDEST
EXPORT CUresult cuEventElapsedTime_v2(float *ms, CUevent from, CUevent to) { return elapsed(ms, from, to); }
#endif
