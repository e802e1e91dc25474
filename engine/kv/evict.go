package kv

import "time"

// Keep is a hint that a context will be continued, as a session's is after a
// tool call: until Until, its blocks are evicted after all blocks without a
// hint, those of lower priority first. The zero Keep asks for nothing.
type Keep struct {
	Until    time.Duration // since the start of the run
	Priority uint8         // at most 254 counts
}

// allocate takes a free block, or evicts one. It returns none when every block
// is referenced.
func (c *Cache) allocate() Block {
	if len(c.free) == 0 && !c.evict() {
		return none
	}
	end := len(c.free) - 1
	b := c.free[end]
	c.free = c.free[:end]
	c.count.Allocated++
	return b
}

// evict frees the idle block of least rank and, within a rank, of the oldest
// use. Its parent takes over its use, and its retention if nothing else is
// left below the parent: so a context is evicted from its end.
func (c *Cache) evict() bool {
	if c.idle.len() == 0 {
		return false
	}
	b := c.idle.first().b
	m := c.meta[b]
	wasKept := c.unkeep(b)
	c.index.remove(m.hash, b)
	c.recycle(b)
	c.count.Evicted++
	if m.parent == none {
		c.idle.take(b)
		return true
	}
	p := &c.meta[m.parent]
	p.stamp = max(p.stamp, m.stamp)
	if wasKept && p.refs == 1 {
		c.keep(m.parent, m.until, m.rank)
	}
	if p.refs > 1 {
		c.idle.take(b)
		p.refs--
		return true
	}
	// It is the next in its context's line, and most often the next of all: it
	// takes the place that b had.
	p.refs = 0
	c.slack++
	c.idle.replace(b, m.parent, c.idleKey(m.parent))
	return true
}

// recycle makes b free.
func (c *Cache) recycle(b Block) {
	mark := c.meta[b].mark
	c.meta[b] = block{parent: none, mark: mark}
	c.free = append(c.free, b)
}

// drop takes one reference away from b. A sealed block that nothing refers to
// stays as a cached one; an unsealed one is freed, and its parent loses a
// reference in turn.
func (c *Cache) drop(b Block) {
	for b != none {
		m := &c.meta[b]
		if m.refs--; m.refs > 0 {
			return
		}
		c.slack++
		if m.sealed {
			c.rest(b)
			return
		}
		parent := m.parent
		c.recycle(b)
		b = parent
	}
}

// rest enters b among the idle blocks, or gives it its due place there.
func (c *Cache) rest(b Block) { c.idle.put(b, c.idleKey(b)) }

// idleKey orders evictions: by rank, then by use.
func (c *Cache) idleKey(b Block) uint64 {
	key := c.meta[b].stamp
	if c.kept.has(b) {
		key |= uint64(c.meta[b].rank) << 56
	}
	return key
}

// hold adds a reference to a resident sealed block. One that was idle is used
// again: a retention of it has served its purpose.
func (c *Cache) hold(b Block) {
	if c.idle.has(b) {
		c.idle.take(b)
		c.unkeep(b)
	}
	c.meta[b].refs++
}

// keep protects the path to b and reports whether the bound had room for it.
// The charge is the whole path's length: what several kept paths share is
// charged to each, which makes the charge an upper bound that costs O(1).
func (c *Cache) keep(b Block, until time.Duration, rank uint8) bool {
	m := &c.meta[b]
	if !c.kept.has(b) {
		if c.charge+int(m.depth)+1 > c.KeepBlocks {
			return false
		}
		c.charge += int(m.depth) + 1
		m.until, m.rank = 0, 0
	}
	m.until, m.rank = max(m.until, until), max(m.rank, rank)
	c.kept.put(b, uint64(m.until))
	if c.idle.has(b) {
		c.rest(b)
	}
	return true
}

// unkeep ends b's retention and reports whether it had one.
func (c *Cache) unkeep(b Block) bool {
	if !c.kept.has(b) {
		return false
	}
	c.kept.take(b)
	c.charge -= int(c.meta[b].depth) + 1
	return true
}

// Expire ends the retentions whose time has passed at now.
func (c *Cache) Expire(now time.Duration) {
	for c.kept.len() > 0 && c.kept.first().key <= uint64(max(now, 0)) {
		b := c.kept.first().b
		c.unkeep(b)
		c.count.KeepExpired++
		if c.idle.has(b) {
			c.rest(b)
		}
	}
	c.check()
}

// NextExpiry is when the first retention ends, if there is one.
func (c *Cache) NextExpiry() (time.Duration, bool) {
	if c.kept.len() == 0 {
		return 0, false
	}
	return time.Duration(c.kept.first().key), true
}
