package tokenizer

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

const (
	cacheSlots = 1 << 14
	cacheWord  = 32 // bytes of the longest word that is kept
)

// cache has the tokens of words seen lately, one word to a slot. A word that
// hashes to the slot of another replaces it, so the memory is bounded: at most
// cacheSlots words and cacheWord tokens each, 4 MiB.
type cache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cached]
}

type cached struct {
	word string
	ids  []int32
}

func newCache() *cache { return &cache{seed: maphash.MakeSeed()} }

// slot is a word's place, nil if it is too long to be kept.
func (c *cache) slot(word string) *atomic.Pointer[cached] {
	if len(word) > cacheWord {
		return nil
	}
	return &c.slots[maphash.String(c.seed, word)%cacheSlots]
}

// keep stores a copy of what slot does not have yet.
func keep(slot *atomic.Pointer[cached], word string, ids []int32) {
	slot.Store(&cached{word: strings.Clone(word), ids: append([]int32(nil), ids...)})
}
