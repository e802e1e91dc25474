package site

import (
	"fmt"
	"time"
)

// Prefix names a context and how many of its first tokens are wanted.
type Prefix struct {
	Key    uint64
	Tokens int
}

// PrefixConfig sizes a Prefixes.
type PrefixConfig struct {
	Capacity int           // tokens; 0 keeps nothing
	Block    int           // tokens a block; only whole blocks are kept and reused; 0 is 1
	TTL      time.Duration // a prefix unused for longer is gone; 0 is never
}

// Prefixes estimates which prompts' key-value cache a site still holds: the
// tokens resident under each key, evicted by least recent use. Use
// NewPrefixes. A Prefixes is not safe for concurrent use.
type Prefixes struct {
	capacity int // blocks
	block    int
	ttl      time.Duration
	now      time.Duration
	used     int // blocks

	index          index
	slab           []resident
	free           int32
	newest, oldest int32

	stats PrefixStats
}

// PrefixStats counts since the start, in tokens but for Lookups.
type PrefixStats struct {
	Lookups uint64
	Wanted  uint64
	Hit     uint64
	Evicted uint64 // for room
	Expired uint64 // by TTL
}

// resident is a prefix held: a slot of the slab, in the list from newest to
// oldest use.
type resident struct {
	key          uint64
	used         time.Duration
	blocks       int
	newer, older int32 // older also in the free list
}

// NewPrefixes returns an empty estimate. It panics on a negative figure.
func NewPrefixes(c PrefixConfig) *Prefixes {
	if c.Capacity < 0 || c.Block < 0 || c.TTL < 0 {
		panic(fmt.Sprintf("site: %+v: want no negative figure", c))
	}
	block := max(1, c.Block)
	return &Prefixes{
		capacity: c.Capacity / block, block: block, ttl: c.TTL,
		free: none, newest: none, oldest: none,
	}
}

// Used is the number of tokens resident. Expired ones count until a call
// finds them.
func (p *Prefixes) Used() int { return p.used * p.block }

// Len is the number of keys resident.
func (p *Prefixes) Len() int { return p.index.n }

// Stats reports the counts so far.
func (p *Prefixes) Stats() PrefixStats { return p.stats }

// Peek is how many of the first tokens under a key are resident. It leaves no
// trace: what a router's view reads.
func (p *Prefixes) Peek(now time.Duration, want Prefix) int {
	id := p.index.find(p.slab, want.Key)
	if id == none || p.expired(id, now) {
		return 0
	}
	return max(0, min(p.slab[id].blocks, want.Tokens/p.block)) * p.block
}

// Hit is how many of the first tokens under a key are resident, and a use of
// that key.
func (p *Prefixes) Hit(now time.Duration, want Prefix) (cached int) {
	cached, _ = p.Best(now, want)
	return cached
}

// Best looks several names of one context up, such as a session's own and
// those of the prefixes it shares, and uses the one with most tokens
// resident; of equals, the first. which is its place among the names, -1 when
// none is resident.
func (p *Prefixes) Best(now time.Duration, names ...Prefix) (cached, which int) {
	p.expire(now)
	p.stats.Lookups++
	which = -1
	wanted := 0
	for i, want := range names {
		wanted = max(wanted, want.Tokens)
		if n := p.Peek(now, want); n > cached {
			cached, which = n, i
		}
	}
	if which >= 0 {
		p.touch(p.index.find(p.slab, names[which].Key))
	}
	p.stats.Wanted += uint64(wanted)
	p.stats.Hit += uint64(cached)
	return cached, which
}

// Store says that a context of the given length is now resident under a key,
// in place of what was. Room is made at the tail of the least recently used
// prefix, as a paged cache frees blocks; of a context longer than the
// capacity the head stays.
func (p *Prefixes) Store(now time.Duration, have Prefix) {
	p.expire(now)
	blocks := min(have.Tokens/p.block, p.capacity)
	id := p.index.find(p.slab, have.Key)
	if blocks <= 0 {
		if id != none {
			p.drop(id)
		}
		return
	}
	if id == none {
		id = p.insert(have.Key)
	} else {
		p.touch(id)
	}
	p.used += blocks - p.slab[id].blocks
	p.slab[id].blocks = blocks
	for p.used > p.capacity {
		p.trim(p.oldest, p.used-p.capacity)
	}
}

// Forget drops a key.
func (p *Prefixes) Forget(key uint64) {
	if id := p.index.find(p.slab, key); id != none {
		p.drop(id)
	}
}

// Clear drops everything, as a restart does.
func (p *Prefixes) Clear() {
	for p.oldest != none {
		p.drop(p.oldest)
	}
}

// trim takes blocks off a prefix's tail, or all of it.
func (p *Prefixes) trim(id int32, blocks int) {
	blocks = min(blocks, p.slab[id].blocks)
	p.stats.Evicted += uint64(blocks * p.block)
	p.slab[id].blocks -= blocks
	p.used -= blocks
	if p.slab[id].blocks == 0 {
		p.drop(id)
	}
}

// expire moves the clock and drops what has passed its time. The list is in
// order of use, so those are at its old end.
func (p *Prefixes) expire(now time.Duration) {
	if now < p.now {
		panic(fmt.Sprintf("site: time runs backwards from %v to %v", p.now, now))
	}
	p.now = now
	for p.oldest != none && p.expired(p.oldest, now) {
		p.stats.Expired += uint64(p.slab[p.oldest].blocks * p.block)
		p.drop(p.oldest)
	}
}

func (p *Prefixes) expired(id int32, now time.Duration) bool {
	return p.ttl > 0 && now-p.slab[id].used > p.ttl
}
