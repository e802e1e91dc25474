package tokenizer

import (
	"math/bits"
	"sync"
)

// merges are the pairs of tokens that become one, with their ranks: an open
// hash table with linear probing.
type merges struct {
	slots []mergeSlot // a power of two of them, at most half of them full
	shift uint
	pool  sync.Pool // of *merging
}

type mergeSlot struct {
	left, right int32 // left is -1 in an empty slot
	rank, id    int32
}

func newMerges(n int) *merges {
	log := max(bits.Len(uint(2*n)), 1)
	m := &merges{slots: make([]mergeSlot, 1<<log), shift: uint(64 - log)}
	for i := range m.slots {
		m.slots[i].left = -1
	}
	m.pool.New = func() any { return new(merging) }
	return m
}

// slot is where a pair is, or would be.
func (m *merges) slot(left, right int32) *mergeSlot {
	hash := (uint64(uint32(left))<<32 | uint64(uint32(right))) * 0x9E3779B97F4A7C15 // Fibonacci hashing
	for i := hash >> m.shift; ; i = (i + 1) & uint64(len(m.slots)-1) {
		s := &m.slots[i]
		if s.left == left && s.right == right || s.left < 0 {
			return s
		}
	}
}

func (m *merges) put(left, right, rank, id int32) {
	*m.slot(left, right) = mergeSlot{left, right, rank, id}
}

// merging is the state of one word's merging: its tokens as a linked list, and
// a heap of the pairs that may merge, by rank and then by place.
type merging struct {
	ids  []int32 // -1: merged into one before it
	next []int32 // len(ids): none
	prev []int32 // -1: none
	heap []uint64
}

// encode appends the tokens of a word to dst: the pair of the smallest rank
// merges, the leftmost where there are several, until no pair is left. It takes
// O(n log n) for n bytes.
func (m *merges) encode(dst []int32, word string, bytes *[256]int32) []int32 {
	w := m.pool.Get().(*merging)
	n := len(word)
	w.ids, w.next, w.prev, w.heap = w.ids[:0], w.next[:0], w.prev[:0], w.heap[:0]
	for i := range n {
		w.ids = append(w.ids, bytes[word[i]])
		w.next = append(w.next, int32(i+1))
		w.prev = append(w.prev, int32(i-1))
	}
	for i := range n - 1 {
		w.offer(m, int32(i))
	}
	for len(w.heap) > 0 {
		top := w.pop()
		at := int32(uint32(top))
		if w.ids[at] < 0 || int(w.next[at]) == n {
			continue
		}
		right := w.next[at]
		s := m.slot(w.ids[at], w.ids[right])
		if s.left < 0 || uint64(s.rank) != top>>32 {
			continue // another pair stands there by now
		}
		w.ids[at], w.ids[right] = s.id, -1
		after := w.next[right]
		w.next[at] = after
		if int(after) < n {
			w.prev[after] = at
			w.offer(m, at)
		}
		if before := w.prev[at]; before >= 0 {
			w.offer(m, before)
		}
	}
	for i := 0; i < n; i = int(w.next[i]) {
		dst = append(dst, w.ids[i])
	}
	if cap(w.ids) <= maxPooled {
		m.pool.Put(w)
	}
	return dst
}

// maxPooled bounds the length of a word, in bytes, whose state is kept.
const maxPooled = 1 << 16

// offer puts the pair at a place into the heap, if it may merge.
func (w *merging) offer(m *merges, at int32) {
	s := m.slot(w.ids[at], w.ids[w.next[at]])
	if s.left < 0 {
		return
	}
	w.heap = append(w.heap, uint64(s.rank)<<32|uint64(uint32(at)))
	for i := len(w.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if w.heap[up] <= w.heap[i] {
			break
		}
		w.heap[up], w.heap[i] = w.heap[i], w.heap[up]
		i = up
	}
}

func (w *merging) pop() uint64 {
	h := w.heap
	top := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	w.heap = h
	for i := 0; ; {
		least := 2*i + 1
		if least >= last {
			break
		}
		if right := least + 1; right < last && h[right] < h[least] {
			least = right
		}
		if h[i] <= h[least] {
			break
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
	return top
}
