// The threads of a block as fibres of one thread of the host: each has its own
// stack and runs until it waits in a barrier or a warp's collective, or returns.
// Doc.go says what is checked. All state is plain static: each worker of the
// driver has its own copy of the image.
#pragma once
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

namespace host {

constexpr u32 MAX_THREADS = 1024, LANES = 32;
constexpr u64 PAGES = 4096; // without access, at least
#ifdef __x86_64__
constexpr u64 LANDING_OFFSET = 8; // as after a call
#else
constexpr u64 LANDING_OFFSET = 16;
#endif
constexpr int POISON = 0xff; // a NaN in every float format, -1 in every integer

// What a worker of the driver owns; worker.go mirrors it.
struct Worker {
  u8 *low, *high;     // of the fibres' stacks: a fault with its stack pointer between them is a kernel's
  u64 stride, stack;  // stack i is the `stack` bytes from low + i stride on; pages without access lie between them
  u8* shared_end;     // of dynamic shared memory; a page without access follows
  u8* landing_stack;  // the end of the stack that a fault is reported from
  void (*landing)();
  u64 fault_signal, fault_address, fault_pc;
  u64 fault_outside;  // 1: the address is of no block's memory
  u32 grid[3], block[3];
  u32 shared;         // bytes of dynamic shared memory
  u32 reverse;        // 1: the last thread runs first
  u64 failed_block;
  char error[512];
  alignas(64) u8 params[4096];
};

// The machinery itself does without the checks that kernels are compiled with.
#define HOST_PLAIN __attribute__((no_sanitize("undefined")))

struct Kernel {
  const char* name;
  u32 params, threads; // bytes; bound of a block's threads
  void (*thread)(const void* params);
};

// A copy from global to shared memory that is under way.
struct Copy {
  void* to;
  const void* from; // 0: zeros
  u32 group;
};

struct Thread {
  void* stack_pointer; // 0: not started
  uint3 index;
  const char* waits; // in which collective; 0: none
  int line;
  bool done;
  Copy* copies;
  u32 first, last, room; // copies [first, last) are under way
  u32 group;             // of the next copy; groups before it are committed
};

// What a lane brings to a collective, or takes from it.
struct Slot {
  u32 word[12];
};

struct Warp {
  u32 lanes;        // that exist
  u32 fresh, ready; // not started; may go on
  u32 arrived;      // in the collective at hand
  const char* op;
  int line;
  u32 phase; // the next collective's slots: those of the one before are still read
  Slot slots[2][LANES];
};

static Thread threads[MAX_THREADS];
static Warp warps[MAX_THREADS / LANES];
static Thread* self;
static Warp* warp;
static u32 lane;

static Worker* worker;
static const Kernel* kernel;
static u32 thread_count, done_count, runnable; // warps with a thread that can run
static u32 barrier_count;
static int barrier_line;
static const char* barrier_op;
static void* main_stack_pointer;
static bool failed;
static u16 free_stacks[MAX_THREADS];
static u32 free_count, new_stack;

static u8* dynamic_shared;
static uint3 block_index;
static dim3 block_size, grid_size;

// SHARED variables lie together, so that they can be poisoned.
#ifdef __APPLE__
#define HOST_SHARED_SECTION "__DATA,tl_shared"
extern u8 shared_start[] __asm("section$start$__DATA$tl_shared");
extern u8 shared_stop[] __asm("section$end$__DATA$tl_shared");
#else
#define HOST_SHARED_SECTION "tl_shared"
extern u8 shared_start[] __asm("__start_tl_shared") __attribute__((visibility("hidden")));
extern u8 shared_stop[] __asm("__stop_tl_shared") __attribute__((visibility("hidden")));
#endif
// The section exists in every image; this much of it is no kernel's.
static u8 shared_anchor[128] __attribute__((section(HOST_SHARED_SECTION), used, aligned(128)));

extern "C" __attribute__((visibility("hidden"))) void host_switch(void** save, void* to) __asm("host_switch");

// host_switch saves what a called function must keep, and the stack pointer to
// *save; then it goes on where `to` was saved.
#if defined(__x86_64__)
asm(R"(
.text
.p2align 4
host_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
// A stack that host_switch enters `entry` on, as if it had been called.
static void* new_frame(u8* end, void (*entry)()) {
  void** sp = reinterpret_cast<void**>(end);
  *--sp = nullptr; // where entry would return to; it does not
  *--sp = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; i++) *--sp = nullptr;
  return sp;
}
#elif defined(__aarch64__)
asm(R"(
.text
.p2align 4
host_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
)");
static void* new_frame(u8* end, void (*entry)()) {
  void** sp = reinterpret_cast<void**>(end) - 20;
  memset(sp, 0, 160);
  sp[11] = reinterpret_cast<void*>(entry); // x30
  return sp;
}
#else
#error "kernels run on hosts with x86-64 or arm64"
#endif

static u32 thread_id(const Thread* t) { return u32(t - threads); }

// Ends the launch with an error. The fibres are abandoned where they are.
[[noreturn]] __attribute__((format(printf, 1, 2))) static void fail(const char* format, ...) {
  char text[384];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(worker->error, sizeof worker->error, "kernel %s, block (%u,%u,%u), thread (%u,%u,%u): %s", kernel->name,
           block_index.x, block_index.y, block_index.z, self->index.x, self->index.y, self->index.z, text);
  failed = true;
  void* gone;
  host_switch(&gone, main_stack_pointer);
  abort();
}

static void fault_landed() {
  const u64 at = worker->fault_address;
  const u64 shared = reinterpret_cast<u64>(worker->shared_end), low = reinterpret_cast<u64>(worker->low);
  if (worker->fault_signal != SIGSEGV && worker->fault_signal != SIGBUS)
    fail("undefined: an array's bound, an unaligned address, a division by 0, an overflow, a shift or a trap");
  if (at >= shared && at - shared < PAGES)
    fail("byte %llu of %u bytes of dynamic shared memory is accessed", at - u64(dynamic_shared), worker->shared);
  if (at >= low - PAGES && at < u64(worker->high)) fail("the stack of %llu bytes is too small", worker->stack);
  worker->fault_outside = 1;
  fail("memory fault at 0x%llx", at);
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
  self = &threads[w * LANES + lane];
  return self;
}

static void fibre();

// Goes on with thread t; what runs now can be gone on with from *save.
HOST_PLAIN static void resume(void** save, Thread* t) {
  if (!t->stack_pointer) {
    new_stack = free_stacks[--free_count];
    // The offset keeps the stacks' ends out of the same few lines of a cache.
    u8* end = worker->low + new_stack * worker->stride + worker->stack - new_stack % 16 * 192;
    t->stack_pointer = new_frame(end, fibre);
  }
  host_switch(save, t->stack_pointer);
}

// Nothing can run: says who waits for whom.
[[noreturn]] static void stuck() {
  const Thread *a = nullptr, *b = nullptr;
  for (u32 i = 0; i < thread_count; i++) {
    const Thread* t = &threads[i];
    if (t->waits && !a) a = t;
    if (t->waits && (t->waits != a->waits || t->line != a->line)) b = t;
  }
  fail("collectives in divergent code: thread %u waits in %s (line %d), thread %u in %s (line %d)", thread_id(a), a->waits,
       a->line, thread_id(b ? b : a), (b ? b : a)->waits, (b ? b : a)->line);
}

// Gives the turn away until the collective is complete.
HOST_PLAIN static void wait(const char* op, int line) {
  Thread* from = self;
  from->waits = op;
  from->line = line;
  Thread* to = pick();
  if (!to) stuck();
  resume(&from->stack_pointer, to);
  from->waits = nullptr;
}

// A thread has returned.
HOST_PLAIN static void finish() {
  self->done = true;
  done_count++;
  if (self->first != self->last)
    fail("the kernel ends with %u asynchronous copies that no copy_wait waited for", self->last - self->first);
  for (u32 i = 0; i < thread_count && (warp->arrived || barrier_count); i++)
    if (threads[i].waits && (barrier_count || &warps[i / LANES] == warp))
      fail("the thread returns while thread %u waits in %s (line %d)", i, threads[i].waits, threads[i].line);
}

// What a fibre does: runs threads, one after another while they do not wait.
HOST_PLAIN static void fibre() {
  const u32 stack = new_stack;
  for (;;) {
    kernel->thread(worker->params);
    finish();
    Thread* to = pick();
    if (to && !to->stack_pointer) continue;
    free_stacks[free_count++] = u16(stack);
    void* gone;
    if (to) host_switch(&gone, to->stack_pointer);
    if (done_count != thread_count) stuck();
    host_switch(&gone, main_stack_pointer);
  }
}

HOST_PLAIN static void barrier(const char* op, int line) {
  if (done_count) fail("%s (line %d) after %u threads of the block have returned", op, line, done_count);
  if (barrier_count && (barrier_line != line || barrier_op != op))
    fail("%s in divergent code: line %d here, line %d (%s) in a thread that waits", op, line, barrier_line, barrier_op);
  barrier_line = line;
  barrier_op = op;
  if (++barrier_count < thread_count) return wait(op, line);
  barrier_count = 0;
  for (u32 i = 0; i < thread_count; i += LANES) {
    Warp& w = warps[i / LANES];
    w.ready = w.lanes & ~(&w == warp ? 1u << lane : 0);
    if (w.ready) runnable |= 1u << i / LANES;
  }
}

// The slots of the collective that the caller is about to enter: it puts its
// part into [lane], and finds the others' after meet.
HOST_PLAIN static Slot* slots() { return warp->slots[warp->phase]; }

// Waits for all lanes of the warp. The last one to arrive calls all().
template <class F>
HOST_PLAIN static inline void meet(const char* op, int line, u32 mask, F all) {
  Warp* w = warp;
  if (mask != 0xffffffffu) fail("%s with the mask 0x%08x: collectives want all lanes", op, mask);
  if (w->arrived && (w->line != line || w->op != op))
    fail("%s (line %d) in divergent code: another lane waits in %s (line %d)", op, line, w->op, w->line);
  w->op = op;
  w->line = line;
  w->arrived |= 1u << lane;
  if (w->arrived != w->lanes) return wait(op, line);
  all();
  w->arrived = 0;
  w->phase ^= 1;
  w->ready = w->lanes & ~(1u << lane);
  if (w->ready) runnable |= 1u << (w - warps);
}

static inline bool in_shared(const void* p, u64 bytes) {
  const u8* at = static_cast<const u8*>(p);
  return (at >= dynamic_shared && at + bytes <= dynamic_shared + worker->shared) ||
         (at >= shared_start && at + bytes <= shared_stop);
}

static inline void want_shared(const char* what, const void* p, u64 bytes, u64 align) {
  if (reinterpret_cast<u64>(p) % align) fail("%s: %p is not a multiple of %llu", what, p, align);
  if (!in_shared(p, bytes)) fail("%s: %p is not in the block's shared memory of %u bytes", what, p, worker->shared);
}

HOST_PLAIN static void start_copy(void* to, const void* from) {
  Thread* t = self;
  if (t->first == t->last) t->first = t->last = 0;
  if (t->last == t->room) {
    t->room = t->room ? 2 * t->room : 32;
    t->copies = static_cast<Copy*>(realloc(t->copies, t->room * sizeof(Copy)));
    if (!t->copies) fail("no memory for %u asynchronous copies", t->room);
  }
  t->copies[t->last++] = Copy{to, from, t->group};
  memset(to, POISON, 16); // what is there until the wait is anything
}

HOST_PLAIN static void finish_copies(u32 left) {
  Thread* t = self;
  for (; t->first != t->last; t->first++) {
    const Copy& c = t->copies[t->first];
    if (c.group + left >= t->group) break;
    if (c.from)
      memcpy(c.to, c.from, 16);
    else
      memset(c.to, 0, 16);
  }
}

// Runs one block. Shared memory has a margin on both sides that must be as it
// was afterwards.
HOST_PLAIN static void run_block() {
  u8* const end = worker->shared_end;
  const u64 room = (worker->shared + 127ull) / 128 * 128;
  dynamic_shared = end - room;
  memset(dynamic_shared - 128, POISON, room + 128);
  memset(shared_start, POISON, size_t(shared_stop - shared_start));
  done_count = barrier_count = runnable = free_count = 0;
  for (u32 i = MAX_THREADS; i-- > 0;) free_stacks[free_count++] = u16(i);
  for (u32 i = 0; i < thread_count; i++) {
    Thread& t = threads[i];
    Copy* copies = t.copies;
    const u32 copy_room = t.room;
    t = Thread{};
    t.copies = copies;
    t.room = copy_room;
    t.index = uint3{i % block_size.x, i / block_size.x % block_size.y, i / block_size.x / block_size.y};
  }
  for (u32 i = 0; i < thread_count; i += LANES) {
    Warp& w = warps[i / LANES];
    const u32 n = thread_count - i;
    w.lanes = w.fresh = n < LANES ? (1u << n) - 1 : 0xffffffffu;
    w.ready = w.arrived = w.phase = 0;
    if (n < LANES) memset(w.slots, POISON, sizeof w.slots);
    runnable |= 1u << i / LANES;
  }
  warp = &warps[worker->reverse ? (thread_count - 1) / LANES : 0];
  resume(&main_stack_pointer, pick());
  if (failed) return;
  const u8* const margins[][2] = {{dynamic_shared - 128, dynamic_shared}, {dynamic_shared + worker->shared, end}};
  for (const auto& m : margins)
    for (const u8* at = m[0]; at < m[1]; at++)
      if (*at != POISON) {
        snprintf(worker->error, sizeof worker->error,
                 "kernel %s, block (%u,%u,%u): byte %lld of %u bytes of dynamic shared memory is written", kernel->name,
                 block_index.x, block_index.y, block_index.z, i64(at - dynamic_shared), worker->shared);
        failed = true;
        return;
      }
}

#define HOST_EXPORT extern "C" __attribute__((visibility("default")))

// Runs the blocks [first, last) of a launch, x fastest. 1: worker->error says
// why not.
HOST_EXPORT i64 host_run(Worker* by, const Kernel* k, u64 first, u64 last) {
  worker = by;
  kernel = k;
  failed = false;
  worker->landing = fault_landed;
  block_size = dim3{by->block[0], by->block[1], by->block[2]};
  grid_size = dim3{by->grid[0], by->grid[1], by->grid[2]};
  thread_count = block_size.x * block_size.y * block_size.z;
  for (u64 i = first; i < last && !failed; i++) {
    block_index = uint3{u32(i % grid_size.x), u32(i / grid_size.x % grid_size.y), u32(i / grid_size.x / grid_size.y)};
    run_block();
    if (failed) worker->failed_block = i;
  }
  return failed;
}

// What the driver wants to know of a kernel, or of the image.
HOST_EXPORT u64 host_describe(const Kernel* k, u64 what) {
  switch (what) {
    case 0: return k->params;
    case 1: return k->threads;
    case 2: return u64(shared_stop - shared_start) - sizeof shared_anchor;
    case 3: return sizeof(Worker);
    default: return reinterpret_cast<u64>(host_run) & ~0xfffull;
  }
}

// The workers whose faults are kernels' faults. One image of a process holds
// the handler; it stays loaded.
static Worker** workers;
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
    if (!w || u64(sp) < u64(w->low) - PAGES || u64(sp) >= u64(w->high)) continue;
    w->fault_signal = u64(sig);
    w->fault_address = reinterpret_cast<u64>(info->si_addr);
    w->fault_pc = u64(pc);
    sp = decltype(+sp)(u64(w->landing_stack) - LANDING_OFFSET);
    pc = decltype(+pc)(u64(w->landing));
    return;
  }
  const struct sigaction& old = before[sig];
  if (old.sa_flags & SA_SIGINFO)
    old.sa_sigaction(sig, info, context);
  else
    signal(sig, SIG_DFL); // the instruction faults again
}

HOST_EXPORT void host_catch_faults(Worker** list, u64 count) {
  workers = list;
  worker_count = count;
  struct sigaction act = {};
  act.sa_sigaction = on_fault;
  act.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&act.sa_mask);
  const int all[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
  for (int sig : all) sigaction(sig, &act, &before[sig]);
}

} // namespace host
