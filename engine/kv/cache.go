package kv

import (
	"fmt"
	"math"
	"time"
)

// Block is the number of a physical block, 0 <= b < Config.Blocks. It says
// where in a backend's memory the block's keys and values lie.
type Block int32

// none is the absent block: the parent of a context's first one.
const none Block = -1

// Copy asks the backend to copy the first Tokens tokens' keys and values of
// block From to block To, before any row of the same plan writes.
type Copy struct {
	From, To Block
	Tokens   int32
}

// Config sizes a cache.
type Config struct {
	Blocks      int // physical blocks
	BlockTokens int // tokens in a block
	KeepBlocks  int // bound of what retention hints may protect, in blocks; 0: hints are ignored
}

// Check says which figure is out of range.
func (c Config) Check() error {
	switch {
	case c.Blocks < 1 || c.Blocks > math.MaxInt32/4:
		return fmt.Errorf("kv: blocks is %d, want 1..%d", c.Blocks, math.MaxInt32/4)
	case c.BlockTokens < 1 || c.BlockTokens > 1<<16:
		return fmt.Errorf("kv: block_tokens is %d, want 1..65536", c.BlockTokens)
	case int64(c.Blocks)*int64(c.BlockTokens) > math.MaxInt32:
		return fmt.Errorf("kv: %d blocks of %d tokens hold more than 2^31-1 tokens", c.Blocks, c.BlockTokens)
	case c.KeepBlocks < 0 || c.KeepBlocks > c.Blocks:
		return fmt.Errorf("kv: keep_blocks is %d, want 0..blocks (%d)", c.KeepBlocks, c.Blocks)
	}
	return nil
}

// block is what is known of a physical block.
type block struct {
	hash   Hash          // when sealed
	stamp  uint64        // number of the latest release at or below it
	until  time.Duration // retention ends; meaningful while in Cache.kept
	parent Block         // the block before it in the context, or none
	refs   int32         // tables that end here, and blocks whose parent this is
	depth  int32         // index in the context
	seen   int32         // scratch of Available, valid when mark is the epoch's
	mark   uint32
	rank   uint8 // of the retention
	sealed bool  // full, named by its hash, immutable
}

// Cache is the memory of one engine's keys and values. It is used by one
// goroutine at a time.
type Cache struct {
	Config
	meta   []block
	free   []Block // a stack
	index  index   // sealed blocks by hash
	idle   order   // sealed blocks without a reference, by rank and stamp
	kept   order   // sealed blocks with a retention, by its end
	clock  uint64  // releases so far
	slack  uint64  // blocks that lost their last reference, so far
	epoch  uint32
	charge int // blocks on the paths of kept ones, each path counted whole
	tables int // tables that hold blocks
	named  int // blocks of all tables, those that several share counted for each
	count  Counters
}

// Counters count since the cache was made.
type Counters struct {
	Allocated, Evicted, Copied, Merged uint64 // blocks
	Kept, KeepRefused, KeepExpired     uint64 // retention hints
}

// Add is the sum of two caches' counters, as of one that has taken the place of
// another.
func (c Counters) Add(d Counters) Counters {
	return Counters{
		Allocated: c.Allocated + d.Allocated, Evicted: c.Evicted + d.Evicted, Copied: c.Copied + d.Copied, Merged: c.Merged + d.Merged,
		Kept: c.Kept + d.Kept, KeepRefused: c.KeepRefused + d.KeepRefused, KeepExpired: c.KeepExpired + d.KeepExpired,
	}
}

// Stats are the cache's blocks by state. Free + Cached + Referenced is
// Config.Blocks.
type Stats struct {
	Free       int // hold nothing
	Cached     int // sealed, referenced by no table and no block: can be evicted now
	Referenced int // by a table, or by a resident block that continues them
	Tables     int // that hold blocks
	Charge     int // counted against KeepBlocks
	Counters
}

// New makes an empty cache.
func New(cfg Config) (*Cache, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	c := &Cache{
		Config: cfg,
		meta:   make([]block, cfg.Blocks),
		free:   make([]Block, cfg.Blocks),
		index:  newIndex(cfg.Blocks),
		idle:   newOrder(cfg.Blocks),
		kept:   newOrder(cfg.Blocks),
	}
	for i := range c.free {
		c.free[i] = Block(cfg.Blocks - 1 - i)
		c.meta[i].parent = none
	}
	return c, nil
}

// Stats counts in constant time.
func (c *Cache) Stats() Stats {
	return Stats{
		Free: len(c.free), Cached: c.idle.len(), Referenced: c.Blocks - len(c.free) - c.idle.len(),
		Tables: c.tables, Charge: c.charge, Counters: c.count,
	}
}

// Slack grows whenever a block loses its last reference. While it stands
// still, a request for blocks that Available refused is refused again.
func (c *Cache) Slack() uint64 { return c.slack }

// BlocksFor is the number of blocks that hold n tokens.
func (c *Cache) BlocksFor(n int) int { return (n + c.BlockTokens - 1) / c.BlockTokens }

// Available reports whether n blocks could be allocated now, by evicting if
// need be, while the path that ends in hit stays (hit is what Match found; a
// negative one spares nothing). It changes nothing and costs O(n), and O(1) while
// memory is not short.
func (c *Cache) Available(n int, hit Block) bool {
	have := len(c.free)
	if have >= n {
		return true
	}
	spared := 0
	if hit >= 0 {
		spared = int(c.meta[hit].depth) + 1
	}
	if c.Blocks-c.named-spared >= n { // all that no table passes through is free, or can be
		return true
	}
	c.epoch++
	if c.epoch == 0 { // marks of 2^32 questions ago would look fresh
		for i := range c.meta {
			c.meta[i].mark = 0
		}
		c.epoch = 1
	}
	for _, e := range c.idle.entries {
		for b := e.b; b != none && b != hit; {
			if have++; have >= n {
				return true
			}
			b = c.meta[b].parent
			if b == none || !c.lastChild(b) {
				break
			}
		}
	}
	return false
}

// lastChild counts one more child of b as gone, in this epoch's reckoning, and
// reports whether nothing is left that refers to b.
func (c *Cache) lastChild(b Block) bool {
	m := &c.meta[b]
	if m.mark != c.epoch {
		m.mark, m.seen = c.epoch, 0
	}
	m.seen++
	return m.seen == m.refs
}

// Find is the block that holds the context of hash h, with all blocks before
// it resident too.
func (c *Cache) Find(h Hash) (Block, bool) {
	b := c.index.find(c.meta, h)
	return b, b != none
}

// Match finds the longest resident prefix of a context among its first limit
// blocks: its last block and its number of blocks, or -1 and 0. A block is
// resident only with all before it, so the end is searched for from behind, in
// steps that double, and then by halves: that looks up O(log missing) blocks
// and walks over the missing ones.
func (c *Cache) Match(ch Chain, limit int) (hit Block, blocks int) {
	if int(ch.block) != c.BlockTokens {
		panic(fmt.Sprintf("kv: a chain of blocks of %d tokens, in a cache with blocks of %d", ch.block, c.BlockTokens))
	}
	l := ch.last
	for l != nil && int(l.index) >= limit {
		l = l.before
	}
	if l == nil {
		return none, 0
	}
	hit = c.index.find(c.meta, l.hash)
	if hit != none {
		return hit, int(l.index) + 1
	}
	lost, found := l, l // lost is the first block known to be missing
	for step := int32(1); hit == none; step *= 2 {
		lost = found
		if lost.index == 0 {
			return none, 0
		}
		found = lost.back(min(step, lost.index))
		hit = c.index.find(c.meta, found.hash)
	}
	for lost.index-found.index > 1 {
		middle := lost.back((lost.index - found.index) / 2)
		if b := c.index.find(c.meta, middle.hash); b != none {
			hit, found = b, middle
		} else {
			lost = middle
		}
	}
	return hit, int(found.index) + 1
}
