package kv

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// cacheProperty runs random calls against the naive model.
func cacheProperty(t *rapid.T) { randomCalls(t) }

func randomCalls(t *rapid.T) Counters {
	size := rapid.IntRange(1, 4).Draw(t, "block")
	blocks := rapid.IntRange(2, 14).Draw(t, "blocks")
	w := newWorld(Config{Blocks: blocks, BlockTokens: size, KeepBlocks: rapid.IntRange(0, blocks).Draw(t, "keep")})
	// Two token ids make contexts that share and repeat.
	token := rapid.Uint64Range(0, 1)
	pick := func() int { return rapid.IntRange(0, len(w.seqs)-1).Draw(t, "which") }
	// A call that has nothing to act on does nothing: a fuzz input may ask for
	// such calls only, and rapid fails when every action skips.
	t.Repeat(map[string]func(*rapid.T){
		"open": func(t *rapid.T) {
			if len(w.seqs) == 6 {
				return
			}
			w.open(rapid.SliceOfN(token, 1, 3*size+1).Draw(t, "prompt"))
		},
		"grow": func(t *rapid.T) {
			if len(w.seqs) == 0 {
				return
			}
			w.grow(w.seqs[pick()], rapid.IntRange(1, 2*size+1).Draw(t, "n"), func() uint64 { return token.Draw(t, "token") })
		},
		"seal": func(t *rapid.T) {
			if len(w.seqs) == 0 {
				return
			}
			w.commit(w.seqs[pick()])
		},
		"adopt": func(t *rapid.T) {
			if len(w.seqs) == 0 {
				return
			}
			w.adopt(w.seqs[pick()])
		},
		"fork": func(t *rapid.T) {
			if len(w.seqs) == 0 {
				return
			}
			s := w.seqs[pick()]
			if len(s.tokens) == 0 || len(w.seqs) == 6 {
				return
			}
			w.fork(s, rapid.IntRange(1, len(s.tokens)).Draw(t, "tokens"))
		},
		"release": func(t *rapid.T) {
			if len(w.seqs) == 0 {
				return
			}
			hint := Keep{Until: w.now + time.Duration(rapid.IntRange(0, 5).Draw(t, "ttl")), Priority: uint8(rapid.IntRange(0, 2).Draw(t, "priority"))}
			w.release(pick(), hint)
		},
		"expire": func(t *rapid.T) {
			w.now += time.Duration(rapid.IntRange(0, 3).Draw(t, "later"))
			w.expire()
		},
		"": func(t *rapid.T) { w.verify(t); w.acted = nil },
	})
	return w.c.Stats().Counters
}

// commit seals the next full block of s, if it has one.
func (w *world) commit(s *sequence) {
	w.acted = s
	i := s.table.Sealed()
	if len(s.tokens) < (i+1)*w.c.BlockTokens || s.table.Private() {
		return
	}
	h := w.hashes(s.tokens)[i]
	// The table takes up a double that was idle: its retention ends.
	idle := w.nodes[h] != nil && w.isIdle(h)
	if w.c.Seal(&s.table, h) && idle {
		w.nodes[h].rank = 0
	}
	w.seal(s, i)
}

// adopt goes on with a resident block for the next block of the prompt.
func (w *world) adopt(s *sequence) {
	w.acted = s
	if len(s.ahead) < w.c.BlockTokens {
		return
	}
	all := append(slices.Clone(s.tokens), s.ahead...)
	hashes := w.hashes(all)
	i := len(s.tokens) / w.c.BlockTokens
	h := hashes[i]
	idle := w.nodes[h] != nil && w.isIdle(h)
	if !w.c.Adopt(&s.table, h) {
		if w.nodes[h] != nil && len(s.tokens)%w.c.BlockTokens == 0 && s.table.Sealed() == i && s.table.Len() == i {
			panic("Adopt missed a resident block")
		}
		return
	}
	if idle {
		w.nodes[h].rank = 0
	}
	s.tokens = append(s.tokens, s.ahead[:w.c.BlockTokens]...)
	s.ahead = s.ahead[w.c.BlockTokens:]
}

func (w *world) fork(s *sequence, n int) {
	child := &sequence{number: w.opened, tokens: slices.Clone(s.tokens[:n])}
	w.opened++
	w.c.Fork(&s.table, &child.table, n)
	w.seqs = append(w.seqs, child)
}

// TestCacheAgainstModel also sees to it that the random calls are not tame.
func TestCacheAgainstModel(t *testing.T) {
	var sum Counters
	rapid.Check(t, func(t *rapid.T) {
		n := randomCalls(t)
		sum.Evicted += n.Evicted
		sum.Copied += n.Copied
		sum.Merged += n.Merged
		sum.Kept += n.Kept
		sum.KeepRefused += n.KeepRefused
		sum.KeepExpired += n.KeepExpired
	})
	if sum.Evicted == 0 || sum.Copied == 0 || sum.Merged == 0 || sum.Kept == 0 || sum.KeepRefused == 0 || sum.KeepExpired == 0 {
		t.Errorf("something never happened: %+v", sum)
	}
}

func FuzzCache(f *testing.F) { f.Fuzz(rapid.MakeFuzz(cacheProperty)) }
