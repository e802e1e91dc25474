package des

import (
	"fmt"
	"math/bits"
	"time"
)

// The low bits of a key's tag number a payload slot, the high bits the
// schedule call. No two keys have the same call, so tags order as calls do.
const (
	slotBits = 24
	slotMask = 1<<slotBits - 1
	maxCalls = 1 << (64 - slotBits)
)

// root is the heap's first index: the children of i are 4i-8 .. 4i-5, which
// begins at a multiple of four. The three keys before it are padding.
const root = 3

// key orders an event: by time, then by schedule call.
type key struct {
	at  uint64 // nanoseconds; never negative, so unsigned order is time order
	tag uint64 // call<<slotBits | slot
}

// less is 1 when a comes before b, else 0, without a branch.
func less(a, b key) uint64 {
	_, borrow := bits.Sub64(a.tag, b.tag, 0)
	_, borrow = bits.Sub64(a.at, b.at, borrow)
	return borrow
}

// Kernel is a clock and the events pending on it. E is the event's payload, a
// small value without pointers: a delivered payload stays in its slot until
// the slot is used again. The zero Kernel is ready to use, at time zero.
type Kernel[E any] struct {
	keys  []key    // root .. are the heap
	slots []E      // payloads
	free  []uint32 // slots not in use
	calls uint64
	now   time.Duration
}

// New returns a kernel at time zero with room for pending events, so that it
// does not allocate before that many are pending.
func New[E any](pending int) *Kernel[E] {
	return &Kernel[E]{
		keys:  make([]key, root, root+pending),
		slots: make([]E, 0, pending),
		free:  make([]uint32, 0, pending),
	}
}

// Now is the time of the event last delivered.
func (k *Kernel[E]) Now() time.Duration { return k.now }

// Len is the number of pending events.
func (k *Kernel[E]) Len() int { return max(0, len(k.keys)-root) }

// Peek is the time of the next event; ok is false when none is pending.
func (k *Kernel[E]) Peek() (at time.Duration, ok bool) {
	if len(k.keys) <= root {
		return 0, false
	}
	return time.Duration(k.keys[root].at), true
}

// Schedule adds an event, to be delivered at the given time, which may be
// Now. It panics when that time has passed.
func (k *Kernel[E]) Schedule(at time.Duration, e E) {
	if at < k.now {
		panic(fmt.Sprintf("des: event scheduled for %v, but it is already %v", at, k.now))
	}
	if k.calls++; k.calls == maxCalls {
		panic("des: more events scheduled than a run can number")
	}
	k.up(key{uint64(at), k.calls<<slotBits | uint64(k.store(e))})
}

// Next removes the next event, moves the clock to it and returns it. When no
// event is pending ok is false and the clock stays.
func (k *Kernel[E]) Next() (at time.Duration, e E, ok bool) {
	if len(k.keys) <= root {
		return k.now, e, false
	}
	last := len(k.keys) - 1
	first, moved := k.keys[root], k.keys[last]
	k.keys = k.keys[:last]
	if last > root {
		k.down(moved)
	}
	slot := uint32(first.tag & slotMask)
	k.free = append(k.free, slot)
	k.now = time.Duration(first.at)
	return k.now, k.slots[slot], true
}

// Reset drops all events and turns the clock back to zero; room is kept.
func (k *Kernel[E]) Reset() {
	k.keys = k.keys[:min(root, len(k.keys))]
	k.slots, k.free = k.slots[:0], k.free[:0]
	k.calls, k.now = 0, 0
}

// store puts a payload into a slot.
func (k *Kernel[E]) store(e E) uint32 {
	if n := len(k.free); n > 0 {
		slot := k.free[n-1]
		k.free = k.free[:n-1]
		k.slots[slot] = e
		return slot
	}
	if len(k.slots) > slotMask {
		panic("des: more events pending than there are slots")
	}
	k.slots = append(k.slots, e)
	return uint32(len(k.slots) - 1)
}

// up appends x to the heap and moves the hole it stands in towards the root.
func (k *Kernel[E]) up(x key) {
	if k.keys == nil {
		k.keys = make([]key, root, 64)
	}
	k.keys = append(k.keys, x)
	h := k.keys
	i := len(h) - 1
	for i > root {
		parent := i>>2 + 2
		if less(x, h[parent]) == 0 {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = x
}

// down fills the hole at the root: it moves the hole towards the leaves until
// x may stand in it.
func (k *Kernel[E]) down(x key) {
	h := k.keys
	i := root
	for {
		c := 4*i - 8
		if c+4 > len(h) {
			break
		}
		g := (*[4]key)(h[c : c+4])
		a := less(g[1], g[0])
		b := 2 + less(g[3], g[2])
		m := (a + (b-a)*less(g[b&3], g[a&3])) & 3
		if less(g[m], x) == 0 {
			h[i] = x
			return
		}
		h[i] = g[m]
		i = c + int(m)
	}
	if c := 4*i - 8; c < len(h) { // a last group of fewer than four
		m := c
		for j := c + 1; j < len(h); j++ {
			if less(h[j], h[m]) != 0 {
				m = j
			}
		}
		if less(h[m], x) != 0 {
			h[i] = h[m]
			i = m
		}
	}
	h[i] = x
}
