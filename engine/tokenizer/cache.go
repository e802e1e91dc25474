package tokenizer

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
)

const (
	cacheSlots = 1 << 14
	cacheWord  = 32 // bytes of the longest word that is kept
)

// cache has the tokens of words seen lately, one word to a slot. A word takes a
// slot over when it comes twice without another one for the slot in between:
// words that never come again cost no memory and displace none that do. At most
// cacheSlots words and cacheWord tokens each are kept, 4 MiB.
type cache struct {
	seed  maphash.Seed
	slots [cacheSlots]cacheSlot
}

type cacheSlot struct {
	entry atomic.Pointer[cached]
	tag   atomic.Uint32 // of the word that was missed last
}

type cached struct {
	word string
	ids  []int32
}

func newCache() *cache { return &cache{seed: maphash.MakeSeed()} }

// slot is a word's place, nil if it is too long to be kept, and its tag.
func (c *cache) slot(word string) (*cacheSlot, uint32) {
	if len(word) > cacheWord {
		return nil, 0
	}
	hash := maphash.String(c.seed, word)
	return &c.slots[hash%cacheSlots], uint32(hash >> 32)
}

// miss takes note of a word that the slot does not have, and keeps a copy of it
// if it comes for the second time.
func (s *cacheSlot) miss(tag uint32, word string, ids []int32) {
	if s.tag.Swap(tag) == tag {
		s.entry.Store(&cached{word: strings.Clone(word), ids: slices.Clone(ids)})
	}
}
