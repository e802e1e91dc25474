package kv

import "fmt"

// Check verifies KV-1 to KV-7 of the package comment in O(Blocks). tables are
// all tables that hold blocks; without any, what can be told without them is
// verified.
func (c *Cache) Check(tables ...*Table) error {
	ends, named := make([]int32, c.Blocks), 0
	for i, t := range tables {
		if t.blocks == 0 {
			continue
		}
		ends[t.last]++
		named += int(t.blocks)
		if err := c.checkTable(t); err != nil {
			return fmt.Errorf("table %d: %w", i, err)
		}
	}
	if len(tables) > 0 && named != c.named {
		return fmt.Errorf("KV-8: %d blocks in tables, counted %d", named, c.named)
	}
	children := make([]int32, c.Blocks)
	for i := range c.meta {
		if p := c.meta[i].parent; p != none && c.meta[i].inUse() {
			children[p]++
		}
	}
	spare := 0
	for i := range c.meta {
		m := &c.meta[i]
		if extra := m.refs - children[i]; extra < 0 || len(tables) > 0 && extra != ends[i] {
			return fmt.Errorf("KV-3: block %d has %d references, from %d blocks and %d tables", i, m.refs, children[i], ends[i])
		} else {
			spare += int(extra)
		}
		if err := c.checkBlock(Block(i), m); err != nil {
			return err
		}
	}
	if spare != c.tables {
		return fmt.Errorf("KV-3: %d references from tables, but %d tables hold blocks", spare, c.tables)
	}
	if err := c.checkFree(); err != nil {
		return err
	}
	return c.checkKept()
}

// inUse: a block that is referenced or cached.
func (m *block) inUse() bool { return m.refs > 0 || m.sealed }

func (c *Cache) checkBlock(b Block, m *block) error {
	if idle := m.sealed && m.refs == 0; idle != c.idle.has(b) {
		return fmt.Errorf("KV-6: block %d: sealed %v with %d references, listed as evictable: %v", b, m.sealed, m.refs, c.idle.has(b))
	}
	if !m.sealed {
		if c.kept.has(b) {
			return fmt.Errorf("KV-7: block %d is kept but not sealed", b)
		}
		return nil
	}
	if found := c.index.find(c.meta, m.hash); found != b {
		return fmt.Errorf("KV-5: block %d is sealed, but its hash finds block %d", b, found)
	}
	depth := int32(0)
	if m.parent != none {
		if !c.meta[m.parent].sealed {
			return fmt.Errorf("KV-4: block %d is sealed and its parent %d is not", b, m.parent)
		}
		depth = c.meta[m.parent].depth + 1
	}
	if m.depth != depth {
		return fmt.Errorf("KV-4: block %d is at depth %d, below its parent's it would be %d", b, m.depth, depth)
	}
	return nil
}

func (c *Cache) checkFree() error {
	isFree := make([]bool, c.Blocks)
	for _, b := range c.free {
		if isFree[b] {
			return fmt.Errorf("KV-2: block %d is free twice", b)
		}
		if c.meta[b].inUse() {
			return fmt.Errorf("KV-2: block %d is free and in use", b)
		}
		isFree[b] = true
	}
	used, sealed := 0, 0
	for i := range c.meta {
		if c.meta[i].inUse() {
			used++
		}
		if c.meta[i].sealed {
			sealed++
		}
	}
	if s := c.Stats(); s.Free+used != c.Blocks || s.Cached+s.Referenced != used {
		return fmt.Errorf("KV-1: %d free, %d cached, %d referenced of %d blocks, %d in use", s.Free, s.Cached, s.Referenced, c.Blocks, used)
	}
	cells := 0
	for _, b := range c.index.cells {
		if b.b != 0 {
			cells++
		}
	}
	if cells != sealed {
		return fmt.Errorf("KV-5: %d entries in the index for %d sealed blocks", cells, sealed)
	}
	return nil
}

func (c *Cache) checkKept() error {
	charge := 0
	onPath := map[Block]bool{}
	for _, e := range c.kept.entries {
		charge += int(c.meta[e.b].depth) + 1
		for b := e.b; b != none && !onPath[b]; b = c.meta[b].parent {
			onPath[b] = true
		}
	}
	if charge != c.charge || charge > c.KeepBlocks || len(onPath) > charge {
		return fmt.Errorf("KV-7: %d blocks kept, charged %d (recounted %d) of %d", len(onPath), c.charge, charge, c.KeepBlocks)
	}
	return nil
}

func (c *Cache) checkTable(t *Table) error {
	if c.BlocksFor(int(t.tokens)) != int(t.blocks) {
		return fmt.Errorf("KV-8: %d tokens in %d blocks", t.tokens, t.blocks)
	}
	want := t.blocks - 1
	for b := t.last; b != none; b, want = c.meta[b].parent, want-1 {
		m := &c.meta[b]
		if m.depth != want {
			return fmt.Errorf("KV-4: block %d is entry %d but has depth %d", b, want, m.depth)
		}
		if m.refs < 1 {
			return fmt.Errorf("KV-3: block %d is in a table without a reference", b)
		}
		if want < t.sealed && !m.sealed {
			return fmt.Errorf("KV-4: entry %d, block %d, counts as sealed and is not", want, b)
		}
	}
	if want != -1 {
		return fmt.Errorf("KV-4: the path ends %d blocks early", want+1)
	}
	return nil
}
