// What the stand-in keeps: objects that are never reused, so that a handle
// which is used after its end is known; memory with its bounds; and the calls.
#pragma once
#include <cuda.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum kind { CONTEXT = 1, MODULE, FUNCTION, STREAM, EVENT, GRAPH, EXEC, DEVICE_MEMORY, HOST_MEMORY, KINDS };

struct kernel {
  const char *name;
  size_t params;
  void (*body)(const void *params, const unsigned grid[3], const unsigned block[3], unsigned char *shared);
};

// One operation of a stream.
struct op {
  enum { LAUNCH, COPY, FILL, RECORD, WAIT } type;
  const struct kernel *kernel;
  unsigned grid[3], block[3], shared;
  unsigned char params[256];
  void *to;
  const void *from;
  size_t bytes;
  unsigned char value;
  struct object *other; // RECORD: the event; WAIT: the stream that is waited for
  long after;           // WAIT: until so many of its operations are done
};

struct ops {
  struct op *list;
  int n, room;
};

struct object {
  struct object *next;
  enum kind kind;
  int live;
  struct ops ops;              // GRAPH, EXEC, and STREAM while it captures
  int capturing, broken;       // STREAM
  pthread_t capturer;          // STREAM
  struct ops queued;           // STREAM: what nobody has waited for
  long first, done;            // STREAM: number of queued.list[0], operations done
  int timed, pending;          // EVENT
  struct object *stream;       // EVENT: where it was recorded last
  long after;                  // EVENT: it has passed when so many operations are done
  struct timespec at;          // EVENT
  const struct kernel *kernel; // FUNCTION
  size_t shared;               // FUNCTION: its bound of dynamic shared memory
  struct object *module;       // FUNCTION
  char *image;                 // MODULE
  uintptr_t base;              // memory
  size_t bytes;                // memory
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct object *objects;
static _Thread_local struct object *current;
static const size_t BUDGET = (size_t)1 << 30;
static int initialised, retained, spins, version = 13000;
static struct object *primary;

static struct {
  char name[64];
  int nth, code;
} planned;

// Counts a call, and answers what a test has planned for it.
static int planned_result(const char *name) {
  if (planned.nth == 0 || strcmp(planned.name, name) != 0 || --planned.nth > 0) return 0;
  return planned.code;
}

static struct object *add(enum kind kind) {
  struct object *o = calloc(1, sizeof *o);
  o->kind = kind;
  o->live = 1;
  o->next = objects;
  return objects = o;
}

static struct object *find(enum kind kind, const void *handle) {
  for (struct object *o = objects; o; o = o->next)
    if (o == handle) return o->live && o->kind == kind ? o : NULL;
  return NULL;
}

// The memory of a kind that holds all these bytes.
static struct object *holding(enum kind kind, uintptr_t at, size_t bytes) {
  for (struct object *o = objects; o; o = o->next)
    if (o->live && o->kind == kind && o->base <= at && at - o->base <= o->bytes && bytes <= o->bytes - (at - o->base)) return o;
  return NULL;
}

static size_t taken(void) {
  size_t sum = 0;
  for (struct object *o = objects; o; o = o->next)
    if (o->live && o->kind == DEVICE_MEMORY) sum += o->bytes;
  return sum;
}

static void push(struct ops *ops, const struct op *op) {
  if (ops->n == ops->room) {
    ops->room = 2 * ops->room + 4;
    ops->list = realloc(ops->list, ops->room * sizeof *op);
  }
  ops->list[ops->n++] = *op;
}

static void drain(struct object *stream, long upto);

static void run(const struct op *op) {
  switch (op->type) {
  case COPY: memmove(op->to, op->from, op->bytes); break;
  case FILL: memset(op->to, op->value, op->bytes); break;
  case WAIT: drain(op->other, op->after); break;
  case RECORD:
    op->other->pending = 0;
    clock_gettime(CLOCK_MONOTONIC, &op->other->at);
    break;
  case LAUNCH: {
    unsigned char *shared = malloc(op->shared + 1);
    memset(shared, 0xA5, op->shared + 1);
    op->kernel->body(op->params, op->grid, op->block, shared);
    free(shared);
  }
  }
}

// Runs a stream's operations up to a number of them, -1 for all.
static void drain(struct object *stream, long upto) {
  while (stream->done - stream->first < stream->queued.n && (upto < 0 || stream->done < upto)) {
    struct op op = stream->queued.list[stream->done - stream->first];
    stream->done++;
    run(&op);
  }
  if (stream->done - stream->first == stream->queued.n) {
    stream->queued.n = 0;
    stream->first = stream->done;
  }
}

// A driver waits for the device before it frees memory.
static void drain_all(void) {
  for (struct object *o = objects; o; o = o->next)
    if (o->live && o->kind == STREAM) drain(o, -1);
}

// Breaks what the calling thread captures: it has made a call that a capture
// in thread-local mode forbids.
static int breaks_capture(void) {
  int broke = 0;
  for (struct object *o = objects; o; o = o->next)
    if (o->live && o->kind == STREAM && o->capturing && pthread_equal(o->capturer, pthread_self())) o->broken = broke = 1;
  return broke;
}
