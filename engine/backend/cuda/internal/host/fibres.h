// The threads of a block as fibres of one thread of the host: each has its own
// stack and runs until it waits in a collective, or returns. doc.go says what is
// checked. All state is plain static: each worker has its own copy of the image.
#pragma once
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ucontext.h>

// The machinery itself does without the checks that kernels are compiled with.
#define HOST_PLAIN __attribute__((no_sanitize("undefined")))
#define HOST_EXPORT extern "C" __attribute__((visibility("default")))

namespace host {

constexpr u32 MAX_THREADS = 1024, LANES = 32, MAX_COPIES = 128;
constexpr u64 MARGIN = 128, PAGE = 4096; // a page has at least so many bytes
constexpr int POISON = 0xff;             // a NaN in every float format, -1 in every integer

// What a worker of the driver owns; worker.go mirrors it.
struct Worker {
  u8 *low, *high;    // of the fibres' stacks: a fault with its stack pointer there is a kernel's
  u64 stride, stack; // stack i is the `stack` bytes from low + i stride on; between two there is no access
  u8* shared_end;    // of dynamic shared memory; a page without access follows
  u8* landing_stack; // the end of the stack that a fault is reported from
  void (*landing)();
  u64 fault_signal, fault_address, fault_pc;
  u64 fault_outside; // 1: the address is not of the block's memory
  uint3 grid, block;
  u32 shared;        // bytes of dynamic shared memory
  u32 reverse;       // 1: the last block and the last thread run first
  char error[512];
  alignas(64) u8 params[4096];
};

struct Kernel {
  const char* name;
  u32 params, threads; // bytes; bound of a block's threads
  void (*thread)(const void* params);
};

// A copy to shared memory that is under way.
struct Copy {
  void* to;
  const void* from; // 0: zeros
  u32 group;
};

struct Thread {
  void* stack_pointer; // 0: not started
  uint3 index;
  u32 first, last, group; // copies [first, last) are under way; group is the next copy's
  Copy copies[MAX_COPIES];
};

// What a lane brings to a collective, or takes from it; 8 bytes at most are
// brought, 16 taken.
struct Slot {
  u32 word[4];
};

// What all lanes bring to a product: rows of a, for each k a row of b, rows of d.
struct Tiles {
  float a[16][16], b[16][8], d[16][8];
};

struct Warp {
  u32 lanes;        // that exist
  u32 fresh, ready; // not started; may go on
  u32 arrived;      // in the collective at hand
  const char* op;
  int line;
  u32 phase; // which slots the next collective uses: those of the one before are still read
  Slot slots[2][LANES];
  Tiles tiles[2];
};

static Thread threads[MAX_THREADS];
static Warp warps[MAX_THREADS / LANES];
static Thread* self; // the thread that runs, its warp and its lane
static Warp* warp;
static u32 lane;
static Worker* worker;
static const Kernel* kernel;
static u32 thread_count, done_count, barrier_count, runnable; // runnable: warps with a thread that can run
static int barrier_line;
static void* main_stack_pointer;
static bool failed;
static u32 free_stacks[MAX_THREADS], free_count, new_stack;
static u8* dynamic_shared;
static uint3 block_index, block_size, grid_size;

// SHARED variables lie together, so that they can be poisoned. The anchor makes
// the section exist in every image.
#ifdef __APPLE__
#define HOST_SHARED_SECTION "__DATA,tl_shared"
extern u8 shared_start[] __asm("section$start$__DATA$tl_shared");
extern u8 shared_stop[] __asm("section$end$__DATA$tl_shared");
#else
#define HOST_SHARED_SECTION "tl_shared"
extern u8 shared_start[] __asm("__start_tl_shared") __attribute__((visibility("hidden")));
extern u8 shared_stop[] __asm("__stop_tl_shared") __attribute__((visibility("hidden")));
#endif
static u8 shared_anchor[MARGIN] __attribute__((section(HOST_SHARED_SECTION), used, aligned(128)));

// host_switch saves what a called function must keep, and the stack pointer to
// *save; then it goes on where `to` was saved.
extern "C" __attribute__((visibility("hidden"))) void host_switch(void** save, void* to) __asm("host_switch");

#if defined(__x86_64__)
asm(".text\n.p2align 4\nhost_switch:\n"
    "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
    "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
constexpr u64 SAVED = 8, ENTRY = 6, CALLED = 8; // words; the word that is gone to; a called function's stack is off by this
#elif defined(__aarch64__)
asm(".text\n.p2align 4\nhost_switch:\n"
    "stp x29, x30, [sp, #-160]!\n stp x19, x20, [sp, #16]\n stp x21, x22, [sp, #32]\n stp x23, x24, [sp, #48]\n"
    "stp x25, x26, [sp, #64]\n stp x27, x28, [sp, #80]\n stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n"
    "stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n"
    "mov x9, sp\n str x9, [x0]\n mov sp, x1\n"
    "ldp x19, x20, [sp, #16]\n ldp x21, x22, [sp, #32]\n ldp x23, x24, [sp, #48]\n ldp x25, x26, [sp, #64]\n"
    "ldp x27, x28, [sp, #80]\n ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n ldp d12, d13, [sp, #128]\n"
    "ldp d14, d15, [sp, #144]\n ldp x29, x30, [sp], #160\n ret\n");
constexpr u64 SAVED = 20, ENTRY = 1, CALLED = 0;
#endif

static void report(const char* who, const char* text) {
  snprintf(worker->error, sizeof worker->error, "kernel %s, block (%u,%u,%u)%s: %s", kernel->name, block_index.x,
           block_index.y, block_index.z, who, text);
  failed = true;
}

// Ends the launch with an error. The fibres are abandoned where they are.
[[noreturn]] __attribute__((format(printf, 1, 2))) static void fail(const char* format, ...) {
  char text[384], who[64];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(who, sizeof who, ", thread (%u,%u,%u)", self->index.x, self->index.y, self->index.z);
  report(who, text);
  host_switch(&self->stack_pointer, main_stack_pointer);
  __builtin_unreachable();
}

// The next thread to run, which becomes self; 0 if none can.
HOST_PLAIN static Thread* pick() {
  if (!runnable) return nullptr;
  u32 w = u32(warp - warps);
  if (!(runnable >> w & 1)) w = worker->reverse ? 31 - __builtin_clz(runnable) : __builtin_ctz(runnable);
  warp = &warps[w];
  const u32 can = warp->fresh | warp->ready;
  lane = worker->reverse ? 31 - __builtin_clz(can) : __builtin_ctz(can);
  warp->fresh &= ~(1u << lane);
  warp->ready &= ~(1u << lane);
  if (can == 1u << lane) runnable &= ~(1u << w);
  return self = &threads[w * LANES + lane];
}

static void fibre();

// Goes on with thread t; what runs now can be gone on with from *save. The ends
// of the stacks differ so that they do not compete for a cache's same few lines.
HOST_PLAIN static void resume(void** save, Thread* t) {
  if (!t->stack_pointer) {
    new_stack = free_stacks[--free_count];
    u8* end = worker->low + new_stack * worker->stride + worker->stack - new_stack % 16 * 192;
    void** frame = reinterpret_cast<void**>(end) - SAVED;
    memset(frame, 0, SAVED * sizeof *frame);
    frame[ENTRY] = reinterpret_cast<void*>(fibre);
    t->stack_pointer = frame;
  }
  host_switch(save, t->stack_pointer);
}

// Gives the turn away until the collective is complete. If nobody can take it,
// a part of a warp waits in the barrier and a part in a collective of its own.
HOST_PLAIN static void wait() {
  Thread* from = self;
  if (Thread* to = pick()) return resume(&from->stack_pointer, to);
  const Warp* w = warps;
  while (!w->arrived) w++;
  fail("collectives in divergent code: %u threads wait in __syncthreads (line %d), other lanes of warp %d in %s (line %d)",
       barrier_count, barrier_line, int(w - warps), w->op, w->line);
}

// What a fibre does: runs threads, one after another while they do not wait.
HOST_PLAIN static void fibre() {
  const u32 stack = new_stack;
  for (;;) {
    kernel->thread(worker->params);
    done_count++;
    if (self->first != self->last)
      fail("the kernel ends with %u asynchronous copies that no copy_wait waited for", self->last - self->first);
    if (barrier_count) fail("the thread returns while %u others wait in __syncthreads (line %d)", barrier_count, barrier_line);
    if (warp->arrived) fail("the thread returns while other lanes wait in %s (line %d)", warp->op, warp->line);
    Thread* to = pick();
    if (to && !to->stack_pointer) continue;
    free_stacks[free_count++] = stack;
    void* gone;
    host_switch(&gone, to ? to->stack_pointer : main_stack_pointer);
  }
}

HOST_PLAIN static void barrier(int line) {
  if (done_count) fail("__syncthreads (line %d) after %u threads of the block have returned", line, done_count);
  if (barrier_count && barrier_line != line)
    fail("__syncthreads in divergent code: line %d here, line %d in a thread that waits", line, barrier_line);
  barrier_line = line;
  if (++barrier_count < thread_count) return wait();
  barrier_count = 0;
  for (u32 i = 0; i < thread_count; i += LANES) {
    Warp& w = warps[i / LANES];
    w.ready = w.lanes & ~(&w == warp ? 1u << lane : 0);
    if (w.ready) runnable |= 1u << i / LANES;
  }
}

// The slots of the collective that the caller is about to enter: it puts its
// part into [lane], and finds the others' after meet.
static Slot* slots() { return warp->slots[warp->phase]; }

// Waits for all lanes of the warp. The last one to arrive calls all().
template <class F>
HOST_PLAIN static void meet(const char* op, int line, u32 mask, F all) {
  Warp* w = warp;
  if (mask != 0xffffffffu) fail("%s (line %d) with the mask 0x%08x: collectives want all lanes", op, line, mask);
  if (w->arrived && (w->line != line || w->op != op))
    fail("%s (line %d) in divergent code: another lane waits in %s (line %d)", op, line, w->op, w->line);
  w->op = op, w->line = line, w->arrived |= 1u << lane;
  if (w->arrived != w->lanes) return wait();
  all();
  w->arrived = 0, w->phase ^= 1;
  w->ready = w->lanes & ~(1u << lane);
  if (w->ready) runnable |= 1u << (w - warps);
}

static void want_aligned(const char* what, int line, const void* p) {
  if (reinterpret_cast<u64>(p) % 16) fail("%s (line %d): %p is not a multiple of 16", what, line, p);
}
// Wants 16 bytes of the block's shared memory.
static void want_shared(const char* what, int line, const void* p) {
  const u8* at = static_cast<const u8*>(p);
  want_aligned(what, line, p);
  if (at >= dynamic_shared && at + 16 <= dynamic_shared + worker->shared) return;
  if (at < shared_start || at + 16 > shared_stop)
    fail("%s (line %d): %p is not in the block's shared memory of %u dynamic bytes", what, line, p, worker->shared);
}

static void start_copy(void* to, const void* from) {
  Thread* t = self;
  if (t->last == MAX_COPIES) // those that have landed make room
    memmove(t->copies, t->copies + t->first, sizeof(Copy) * (t->last -= t->first)), t->first = 0;
  if (t->last == MAX_COPIES) fail("more than %u asynchronous copies are under way", MAX_COPIES);
  t->copies[t->last++] = Copy{to, from, t->group};
  memset(to, POISON, 16); // what is there until the wait is anything
}

static void finish_copies(u32 groups_left) {
  Thread* t = self;
  for (; t->first != t->last && t->copies[t->first].group + groups_left < t->group; t->first++) {
    const Copy& c = t->copies[t->first];
    c.from ? memcpy(c.to, c.from, 16) : memset(c.to, 0, 16);
  }
}

// Runs one block. Dynamic shared memory has margins that must be as they were
// afterwards.
HOST_PLAIN static void run_block() {
  const u64 room = (worker->shared + MARGIN - 1) / MARGIN * MARGIN;
  dynamic_shared = worker->shared_end - room;
  memset(dynamic_shared - MARGIN, POISON, room + MARGIN);
  memset(shared_start, POISON, size_t(shared_stop - shared_start));
  done_count = barrier_count = runnable = 0;
  for (free_count = 0; free_count < MAX_THREADS; free_count++) free_stacks[free_count] = MAX_THREADS - 1 - free_count;
  for (u32 i = 0; i < thread_count; i++) {
    Thread& t = threads[i];
    t.stack_pointer = nullptr;
    t.index = uint3{i % block_size.x, i / block_size.x % block_size.y, i / block_size.x / block_size.y};
    t.first = t.last = t.group = 0;
  }
  for (u32 i = 0; i < thread_count; i += LANES) {
    Warp& w = warps[i / LANES];
    w.lanes = w.fresh = thread_count - i < LANES ? (1u << (thread_count - i)) - 1 : 0xffffffffu;
    w.ready = w.arrived = w.phase = 0;
    memset(w.slots, POISON, w.lanes == 0xffffffffu ? 0 : sizeof w.slots);
    runnable |= 1u << i / LANES;
  }
  warp = &warps[worker->reverse ? (thread_count - 1) / LANES : 0];
  resume(&main_stack_pointer, pick());
  char text[96];
  for (i64 at = -i64(MARGIN); at < i64(room) && !failed; at++) {
    if (at >= 0 && at < worker->shared) at = worker->shared;
    if (at == i64(room) || dynamic_shared[at] == POISON) continue;
    snprintf(text, sizeof text, "byte %lld of %u bytes of dynamic shared memory is written", at, worker->shared);
    report("", text);
  }
}

// Where a fault continues: says what was wrong. The address of an undefined
// operation is its own.
static void land() {
  const u64 at = worker->fault_address, shared = u64(worker->shared_end);
  if (worker->fault_signal != SIGSEGV && worker->fault_signal != SIGBUS)
    fail("undefined: an array's bound, an unaligned address, a division by 0, an overflow, a shift or a trap");
  if (at >= shared && at < shared + PAGE)
    fail("byte %llu of %u bytes of dynamic shared memory is accessed", at - u64(dynamic_shared), worker->shared);
  if (at >= u64(worker->low) - worker->stride && at < u64(worker->high)) fail("the stack of %llu bytes is too small", worker->stack);
  worker->fault_outside = 1;
  fail("memory fault at 0x%llx", at);
}

// Runs the blocks [first, last) of a launch, x fastest. 1: worker->error says
// what has failed.
HOST_EXPORT i64 host_run(Worker* by, const Kernel* k, u64 first, u64 last) {
  worker = by, kernel = k, failed = false;
  worker->landing = land;
  block_size = by->block, grid_size = by->grid;
  thread_count = block_size.x * block_size.y * block_size.z;
  const u64 row = grid_size.x, plane = row * grid_size.y, all = plane * grid_size.z;
  for (u64 n = first; n < last && !failed; n++) {
    const u64 i = worker->reverse ? all - 1 - n : n;
    block_index = uint3{u32(i % row), u32(i / row % grid_size.y), u32(i / plane)};
    run_block();
  }
  return failed;
}

// What the driver wants to know: of a kernel, or without one how large a Worker is.
HOST_EXPORT u64 host_describe(const Kernel* k, u64 what) {
  if (!k) return sizeof(Worker);
  return what == 0 ? k->params : what == 1 ? k->threads : u64(shared_stop - shared_start) - sizeof shared_anchor;
}

// The workers whose faults are kernels' faults, or 0. One image of a process has
// the handler; it stays loaded.
static Worker* volatile* workers;
static u64 worker_count;
static struct sigaction before[32];
static void on_fault(int sig, siginfo_t* info, void* context) {
  ucontext_t* c = static_cast<ucontext_t*>(context);
#if defined(__APPLE__) && defined(__x86_64__)
  auto &sp = c->uc_mcontext->__ss.__rsp, &pc = c->uc_mcontext->__ss.__rip;
#elif defined(__APPLE__)
  auto &sp = c->uc_mcontext->__ss.__sp, &pc = c->uc_mcontext->__ss.__pc;
#elif defined(__x86_64__)
  auto &sp = c->uc_mcontext.gregs[REG_RSP], &pc = c->uc_mcontext.gregs[REG_RIP];
#else
  auto &sp = c->uc_mcontext.sp, &pc = c->uc_mcontext.pc;
#endif
  for (u64 i = 0; i < worker_count; i++) {
    Worker* w = workers[i];
    if (!w || u64(sp) < u64(w->low) - w->stride || u64(sp) >= u64(w->high)) continue;
    w->fault_signal = u64(sig), w->fault_address = u64(info->si_addr), w->fault_pc = u64(pc);
    sp = decltype(+sp)(u64(w->landing_stack) - CALLED);
    pc = decltype(+pc)(u64(w->landing));
    return;
  }
  if (before[sig].sa_flags & SA_SIGINFO) return before[sig].sa_sigaction(sig, info, context);
  signal(sig, SIG_DFL); // and the instruction faults again
}

HOST_EXPORT void host_catch_faults(Worker* volatile* list, u64 count) {
  workers = list;
  worker_count = count;
  struct sigaction act = {};
  act.sa_sigaction = on_fault;
  act.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&act.sa_mask);
  for (int sig : (const int[]){SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) sigaction(sig, &act, &before[sig]);
}

} // namespace host
