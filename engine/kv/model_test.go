package kv

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// sequence is a table with the tokens that it must hold.
type sequence struct {
	table  Table
	tokens []uint64 // written, in order
	ahead  []uint64 // of the prompt, not yet written
	blocks []Block  // of the table, as of the last call
	path   []Hash   // of the sealed blocks in its table, as of the last call
	number int
}

// node is a resident sealed block, by content, in the naive model.
type node struct {
	parent Hash
	depth  int
	use    uint64
	rank   int // 0: not kept
	until  time.Duration
	tokens []uint64 // the whole context
}

// world is a cache, a memory that holds tokens as a backend's holds keys and
// values, and a naive model of what is resident: sets, full scans, no sharing.
type world struct {
	c      *Cache
	memory [][]uint64
	seqs   []*sequence
	nodes  map[Hash]*node
	clock  uint64
	now    time.Duration
	opened int
	acted  *sequence // the last call was for it
	last   Counters
}

func newWorld(cfg Config) *world {
	c, err := New(cfg)
	if err != nil {
		panic(err)
	}
	w := &world{c: c, memory: make([][]uint64, cfg.Blocks), nodes: map[Hash]*node{}}
	for i := range w.memory {
		w.memory[i] = make([]uint64, cfg.BlockTokens)
	}
	return w
}

func (w *world) tables() []*Table {
	var list []*Table
	for _, s := range w.seqs {
		list = append(list, &s.table)
	}
	return list
}

// hashes are the names of the full blocks of tokens, folded from the start.
func (w *world) hashes(tokens []uint64) []Hash {
	ch := NewChain(w.c.BlockTokens, 0)
	for _, t := range tokens {
		ch.add(t)
	}
	return ch.Hashes(0, nil)
}

// open starts a sequence with a prompt and takes up what is resident of it.
func (w *world) open(prompt []uint64) {
	s := &sequence{number: w.opened}
	w.opened++
	ch := NewChain(w.c.BlockTokens, 0)
	for _, t := range prompt {
		ch.add(t)
	}
	limit := (len(prompt) - 1) / w.c.BlockTokens
	hit, n := w.c.Match(ch, limit)
	want := 0
	for i, h := range w.hashes(prompt)[:limit] {
		if w.nodes[h] != nil {
			want = i + 1
		}
	}
	if n != want {
		panic(fmt.Sprintf("Match found %d blocks, %d are resident", n, want))
	}
	if n > 0 {
		w.take(w.hashes(prompt)[n-1])
		w.c.Take(&s.table, hit, n)
	}
	s.tokens = slices.Clone(prompt[:n*w.c.BlockTokens])
	s.ahead = slices.Clone(prompt[n*w.c.BlockTokens:])
	w.seqs = append(w.seqs, s)
}

// take ends the retention of a node that nothing refers to.
func (w *world) take(h Hash) {
	if w.isIdle(h) {
		w.nodes[h].rank = 0
	}
}

// grow writes up to n tokens, from the prompt first and then made ones.
func (w *world) grow(s *sequence, n int, made func() uint64) {
	w.acted = s
	tokens := s.ahead[:min(n, len(s.ahead))]
	known := w.hashes(append(slices.Clone(s.tokens), s.ahead...))
	known = known[min(len(known), s.table.Sealed()):]
	if len(tokens) == 0 {
		known = nil
		for range n {
			tokens = append(tokens, made())
		}
	}
	free, full := w.c.Stats().Free, len(s.tokens)/w.c.BlockTokens
	sealed := s.table.Sealed()
	got, copies := w.c.Grow(&s.table, len(tokens), known, nil)
	for _, cp := range copies {
		copy(w.memory[cp.To][:cp.Tokens], w.memory[cp.From])
	}
	w.write(s, tokens[:got])
	s.ahead = s.ahead[min(got, len(s.ahead)):]
	w.evict(func(evicted int) {
		// The copy's block is allocated before the original is let go.
		if len(copies) > 0 && (free > 0 || evicted > 0) {
			s.path = s.path[:min(len(s.path), full)]
		}
	})
	w.seal(s, min(sealed, full))
	if got < len(tokens) && w.obtainable() != 0 {
		panic(fmt.Sprintf("Grow stopped at %d of %d tokens with %d blocks obtainable", got, len(tokens), w.obtainable()))
	}
}

func (w *world) write(s *sequence, tokens []uint64) {
	blocks := w.c.AppendBlocks(&s.table, 0, nil)
	for _, t := range tokens {
		at := len(s.tokens)
		b := blocks[at/w.c.BlockTokens]
		if !w.c.meta[b].sealed && w.c.meta[b].refs != 1 {
			panic(fmt.Sprintf("KV-8: block %d is written with %d references", b, w.c.meta[b].refs))
		}
		w.memory[b][at%w.c.BlockTokens] = t
		s.tokens = append(s.tokens, t)
	}
}

// seal enters what the table has sealed beyond its first old blocks.
func (w *world) seal(s *sequence, old int) {
	hashes := w.hashes(s.tokens)
	for i := old; i < s.table.Sealed(); i++ {
		if n := w.nodes[hashes[i]]; n != nil {
			if !slices.Equal(n.tokens, s.tokens[:(i+1)*w.c.BlockTokens]) {
				panic("KV-5: one hash for two contexts")
			}
			continue
		}
		n := &node{depth: i, tokens: slices.Clone(s.tokens[:(i+1)*w.c.BlockTokens])}
		if i > 0 {
			n.parent = hashes[i-1]
		}
		w.nodes[hashes[i]] = n
	}
}

// refresh notes which sealed blocks are part of which table.
func (w *world) refresh() {
	for _, s := range w.seqs {
		s.path = s.path[:0]
		for _, b := range w.c.AppendBlocks(&s.table, 0, nil) {
			if w.c.meta[b].sealed {
				s.path = append(s.path, w.c.meta[b].hash)
			}
		}
	}
}

func (w *world) isIdle(h Hash) bool {
	for _, n := range w.nodes {
		if n.parent == h {
			return false
		}
	}
	for _, s := range w.seqs {
		if slices.Contains(s.path, h) {
			return false
		}
	}
	return true
}

// evict applies the evictions that the cache has counted to the model.
func (w *world) evict(before func(evicted int)) {
	count := w.c.Stats().Counters
	for i := range int(count.Evicted - w.last.Evicted) {
		before(i)
		var victim Hash
		var least *node
		for h, n := range w.nodes {
			if w.isIdle(h) && (least == nil || n.rank < least.rank || n.rank == least.rank && n.use < least.use) {
				victim, least = h, n
			}
		}
		if least == nil {
			panic("KV-6: an eviction where nothing can be evicted")
		}
		delete(w.nodes, victim)
		if p := w.nodes[least.parent]; p != nil && least.rank > 0 && w.isIdle(least.parent) {
			if p.rank == 0 {
				p.until = 0 // of a retention that has ended
			}
			p.rank, p.until = max(p.rank, least.rank), max(p.until, least.until)
		}
	}
	w.last = count
}

// obtainable is the number of blocks on no table's path, by marking.
func (w *world) obtainable() int {
	used := map[Block]bool{}
	for _, s := range w.seqs {
		for _, b := range w.c.AppendBlocks(&s.table, 0, nil) {
			used[b] = true
		}
	}
	return w.c.Blocks - len(used)
}

func (w *world) release(i int, hint Keep) {
	s := w.seqs[i]
	hashes := w.hashes(s.tokens)
	blocks := w.c.AppendBlocks(&s.table, 0, nil)
	held := len(blocks) > 0
	last := -1
	for j, b := range blocks {
		if w.c.meta[b].sealed {
			last = j
		}
	}
	kept := w.c.Release(&s.table, w.now, hint)
	w.seqs = slices.Delete(w.seqs, i, i+1)
	if !held {
		return
	}
	w.clock++
	for j := 0; j <= last; j++ {
		// A fork may end within a sealed block that goes on beyond its tokens.
		if j < len(hashes) {
			w.nodes[hashes[j]].use = w.clock
		} else {
			w.nodes[w.c.meta[blocks[j]].hash].use = w.clock
		}
	}
	if kept {
		n := w.nodes[w.c.meta[blocks[last]].hash]
		if n.rank == 0 {
			n.until = 0
		}
		n.rank, n.until = max(n.rank, 1+int(hint.Priority)), max(n.until, hint.Until)
	}
}

func (w *world) expire() {
	w.c.Expire(w.now)
	for _, n := range w.nodes {
		if n.until <= w.now {
			n.rank = 0
		}
	}
}

// verify compares everything that can be seen.
func (w *world) verify(t *rapid.T) {
	if err := w.c.Check(w.tables()...); err != nil {
		t.Fatal(err)
	}
	for _, s := range w.seqs {
		now := w.c.AppendBlocks(&s.table, 0, nil)
		if s != w.acted && s.blocks != nil && !slices.Equal(now, s.blocks) {
			t.Fatalf("KV-8: the table of sequence %d changed from %v to %v by a call for another", s.number, s.blocks, now)
		}
		s.blocks = now
	}
	w.refresh()
	for _, s := range w.seqs {
		blocks := w.c.AppendBlocks(&s.table, 0, nil)
		for i, want := range s.tokens {
			if got := w.memory[blocks[i/w.c.BlockTokens]][i%w.c.BlockTokens]; got != want {
				t.Fatalf("sequence %d: token %d is %d in memory, want %d", s.number, i, got, want)
			}
		}
	}
	sealed := 0
	for b := range w.c.meta {
		if w.c.meta[b].sealed {
			sealed++
		}
	}
	if sealed != len(w.nodes) {
		t.Fatalf("KV-9: %d blocks are sealed, the model has %d", sealed, len(w.nodes))
	}
	for h, n := range w.nodes {
		b, ok := w.c.Find(h)
		if !ok {
			t.Fatalf("KV-9: the context %v was evicted out of order", n.tokens)
		}
		if part := n.tokens[n.depth*w.c.BlockTokens:]; !slices.Equal(w.memory[b], part) {
			t.Fatalf("KV-5: block %d holds %v, its hash says %v", b, w.memory[b], part)
		}
		if kept := w.c.kept.has(b); kept != (n.rank > 0) {
			t.Fatalf("KV-7: context %v kept %v, the model says rank %d", n.tokens, kept, n.rank)
		}
	}
	most := w.obtainable()
	if !w.c.Available(most, none) || w.c.Available(most+1, none) {
		t.Fatalf("Available does not say that exactly %d blocks can be had", most)
	}
}
