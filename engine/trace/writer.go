package trace

import (
	"errors"
	"io"
	"sync"
	"time"

	"tierlab/engine/sched"
)

// Bounds of what a Writer holds in memory.
const (
	maxPending = 64 << 20 // bytes that are not yet written
	maxKnown   = 4 << 20  // tokens of ended contexts that prompts may refer to
)

var errBehind = errors.New("trace: records come faster than they can be written; the trace ends early")

// Writer writes a trace. Its calls put lines into memory and return; a
// goroutine of its own writes them, so an engine never waits for a disk. All
// methods of a nil Writer do nothing.
type Writer struct {
	mu      sync.Mutex
	wake    sync.Cond
	pending []byte
	closing bool
	err     error
	done    chan struct{}

	prompts sync.Mutex
	tenants map[uint64]int     // salts to numbers
	last    map[uint64]context // by session
	known   int                // tokens in last
}

// context is what a session's next prompt may begin with.
type context struct {
	id  uint64
	ids []int32
}

// NewWriter starts a trace of the engine e. Close ends it; w stays open.
func NewWriter(w io.Writer, e Engine) *Writer {
	t := &Writer{done: make(chan struct{}), tenants: map[uint64]int{}, last: map[uint64]context{}}
	t.wake.L = &t.mu
	t.pending = appendEngine(nil, e)
	go t.write(w)
	return t
}

func (t *Writer) write(w io.Writer) {
	defer close(t.done)
	var writing []byte
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		for len(t.pending) == 0 && !t.closing {
			t.wake.Wait()
		}
		if len(t.pending) == 0 {
			return
		}
		writing, t.pending = t.pending, writing[:0]
		t.mu.Unlock()
		_, err := w.Write(writing)
		t.mu.Lock()
		if t.err == nil {
			t.err = err
		}
	}
}

// Close writes what is left. It returns why the trace is not complete.
func (t *Writer) Close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	t.closing = true
	t.wake.Signal()
	t.mu.Unlock()
	<-t.done
	return t.err
}

// line adds one record.
func (t *Writer) line(add func([]byte) []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil || t.closing {
		return
	}
	if len(t.pending) > maxPending {
		t.err = errBehind
		return
	}
	t.pending = add(t.pending)
	t.wake.Signal()
}

// Prompt encodes a prompt, in the goroutine of the caller who has it. Tenant is
// the salt of its chain.
func (t *Writer) Prompt(session, tenant uint64, ids []int32) []byte {
	if t == nil {
		return nil
	}
	t.prompts.Lock()
	number, ok := t.tenants[tenant]
	if !ok {
		number = len(t.tenants) + 1
		t.tenants[tenant] = number
	}
	from := t.last[session]
	t.prompts.Unlock()
	keep := 0
	for keep < min(len(ids), len(from.ids)) && ids[keep] == from.ids[keep] {
		keep++
	}
	return appendPrompt(nil, number, from.id, keep, ids[keep:])
}

// Ended lets later prompts of the session refer to a context that is complete.
func (t *Writer) Ended(session, id uint64, ids []int32) {
	if t == nil {
		return
	}
	t.prompts.Lock()
	defer t.prompts.Unlock()
	t.known += len(ids) - len(t.last[session].ids)
	t.last[session] = context{id, ids}
	if t.known > maxKnown {
		clear(t.last)
		t.known = 0
	}
}

// Add records a request, with its encoded prompt and what Add returned.
func (t *Writer) Add(now time.Duration, r *sched.Request, prompt []byte, refused error) {
	if t == nil {
		return
	}
	t.line(func(b []byte) []byte { return appendAdd(b, now, r, prompt, refused) })
}

// Cancel records a cancellation.
func (t *Writer) Cancel(now time.Duration, id uint64) {
	if t == nil {
		return
	}
	t.line(func(b []byte) []byte { return appendCancel(b, now, id) })
}

// Plan records what Next planned; with ok false, that it did not.
func (t *Writer) Plan(now time.Duration, p *sched.Plan, ok bool) {
	if t == nil {
		return
	}
	t.line(func(b []byte) []byte {
		if !ok {
			return appendIdle(b, now)
		}
		return appendPlan(b, now, p)
	})
}

// Commit records what came of a plan.
func (t *Writer) Commit(now time.Duration, o *sched.Outcome) {
	if t == nil {
		return
	}
	t.line(func(b []byte) []byte { return appendCommit(b, now, o) })
}
