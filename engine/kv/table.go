package kv

import (
	"slices"
	"time"
)

// Table is one sequence's block table: the blocks of its context, in order.
// It is held as the last block, from which the others follow through their
// parents; so taking up a resident prefix, forking and releasing cost O(1) and
// not the length of the context. The zero Table is empty. A Table is changed
// by its cache only and must not be copied while it holds blocks.
type Table struct {
	last    Block // meaningful when blocks > 0
	blocks  int32
	tokens  int32
	sealed  int32 // the first sealed blocks are in the index
	private bool  // a block is a double of another's: what follows is not sealed
}

// Tokens is the number of tokens whose keys and values the table has room for.
func (t *Table) Tokens() int { return int(t.tokens) }

// Len is the number of blocks.
func (t *Table) Len() int { return int(t.blocks) }

// Sealed is the number of blocks, from the first on, that others can find.
func (t *Table) Sealed() int { return int(t.sealed) }

// Private reports that the table's further blocks will not be sealed.
func (t *Table) Private() bool { return t.private }

func (t *Table) tail() Block {
	if t.blocks == 0 {
		return none
	}
	return t.last
}

// Take makes an empty table start with the resident prefix of the given
// number of blocks that ends in hit, as found by Match or Find.
func (c *Cache) Take(t *Table, hit Block, blocks int) {
	if t.blocks != 0 {
		panic("kv: Take of a table that holds blocks")
	}
	if hit < 0 || int(c.meta[hit].depth)+1 != blocks || !c.meta[hit].sealed {
		panic("kv: Take of a prefix that is not resident")
	}
	c.hold(hit)
	c.tables++
	c.named += blocks
	*t = Table{last: hit, blocks: int32(blocks), tokens: int32(blocks * c.BlockTokens), sealed: int32(blocks)}
	c.check()
}

// Adopt lets a table whose blocks are all sealed and full go on with the
// resident block of hash h, the hash of its next block, and reports whether
// there is one.
func (c *Cache) Adopt(t *Table, h Hash) bool {
	if t.sealed != t.blocks || int(t.tokens) != int(t.blocks)*c.BlockTokens {
		return false
	}
	b := c.index.find(c.meta, h)
	if b == none || c.meta[b].parent != t.tail() {
		return false
	}
	c.hold(b)
	if t.blocks == 0 {
		c.tables++
	} else {
		c.meta[t.last].refs-- // b refers to it, so it is not the last
	}
	t.last = b
	t.blocks++
	c.named++
	t.sealed++
	t.tokens += int32(c.BlockTokens)
	c.check()
	return true
}

// Grow makes room for up to n more tokens and returns for how many there was
// memory; what lacks is left to the caller, which may release another table
// and ask again. hashes names the blocks from t.Sealed() on as far as their
// content is known: a block that this call allocates and fills is sealed at
// once, since a plan that is made later also runs later. A partly filled last
// block that others share is replaced by a copy, which is appended to copies.
func (c *Cache) Grow(t *Table, n int, hashes []Hash, copies []Copy) (int, []Copy) {
	base, grown := t.sealed, 0
	for grown < n {
		used := int(t.tokens) % c.BlockTokens
		if used == 0 {
			b := c.allocate()
			if b == none {
				break
			}
			used = c.extend(t, b)
		} else if !c.writable(t.last) {
			b := c.allocate()
			if b == none {
				break
			}
			copies = append(copies, c.split(t, b, used))
		}
		step := min(n-grown, c.BlockTokens-used)
		t.tokens += int32(step)
		grown += step
		if i := t.blocks - 1 - base; step == c.BlockTokens && int(i) < len(hashes) {
			c.sealNew(t, hashes[i])
		}
	}
	c.check()
	return grown, copies
}

// extend links the new block b to the table's end. The table's reference to
// its old last block becomes b's.
func (c *Cache) extend(t *Table, b Block) (used int) {
	c.meta[b] = block{parent: t.tail(), depth: t.blocks, refs: 1, mark: c.meta[b].mark}
	if t.blocks == 0 {
		c.tables++
	}
	t.last = b
	t.blocks++
	c.named++
	return 0
}

// writable: a block may be written while one table alone refers to it and
// nobody can find it.
func (c *Cache) writable(b Block) bool { return c.meta[b].refs == 1 && !c.meta[b].sealed }

// split replaces the table's last block by the new block b.
func (c *Cache) split(t *Table, b Block, used int) Copy {
	old := t.last
	c.meta[b] = block{parent: c.meta[old].parent, depth: t.blocks - 1, refs: 1, mark: c.meta[b].mark}
	if p := c.meta[b].parent; p != none {
		c.meta[p].refs++
	}
	t.last = b
	c.drop(old)
	c.count.Copied++
	return Copy{From: old, To: b, Tokens: int32(used)}
}

// sealNew seals the table's last block, just allocated, unless another block
// has that content.
func (c *Cache) sealNew(t *Table, h Hash) {
	if t.private || t.sealed != t.blocks-1 || c.seal(t.last, h) != none {
		return
	}
	t.sealed++
}

// seal names the content of b, unless another block has it, which is returned.
func (c *Cache) seal(b Block, h Hash) (twin Block) {
	if twin = c.index.add(c.meta, h, b); twin == none {
		c.meta[b].hash, c.meta[b].sealed = h, true
	}
	return twin
}

// Seal names the content of the table's first unsealed block, which is full
// and whose keys and values have been computed. If another block holds the
// same content, the table takes that one instead and lets go of its own: Seal
// then reports true, and the table's entry t.Sealed()-1 has changed. Where
// another table passes through the blocks after it, and would change too, the
// table is left as it is and becomes private.
func (c *Cache) Seal(t *Table, h Hash) (changed bool) {
	if t.private {
		return false
	}
	if int(t.tokens) < int(t.sealed+1)*c.BlockTokens {
		panic("kv: Seal of a block that is not full")
	}
	defer c.check()
	alone := true // no other table passes through the blocks from here on
	after, b := none, t.last
	for c.meta[b].depth > t.sealed {
		alone = alone && c.meta[b].refs == 1
		after, b = b, c.meta[b].parent
	}
	m := &c.meta[b]
	if m.sealed { // by a fork
		t.private = m.hash != h
		t.sealed += boolean(!t.private)
		return false
	}
	twin := c.seal(b, h)
	if twin == none {
		t.sealed++
		return false
	}
	if !alone || c.meta[twin].parent != m.parent {
		t.private = true
		return false
	}
	c.hold(twin)
	if after == none {
		t.last = twin
	} else {
		c.meta[after].parent = twin
	}
	c.drop(b)
	t.sealed++
	c.count.Merged++
	return true
}

func boolean(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// Fork makes the empty table child start with the first tokens tokens of
// parent, sharing every block, at a cost that follows from what parent has
// beyond them. A last block that is shared in part is copied when one of the
// two first writes to it.
func (c *Cache) Fork(parent, child *Table, tokens int) {
	if child.blocks != 0 {
		panic("kv: Fork into a table that holds blocks")
	}
	if tokens < 1 || tokens > int(parent.tokens) {
		panic("kv: Fork of tokens that the parent does not have")
	}
	blocks := int32(c.BlocksFor(tokens))
	b := parent.last
	for c.meta[b].depth >= blocks {
		b = c.meta[b].parent
	}
	c.meta[b].refs++
	c.tables++
	c.named += int(blocks)
	full := int32(tokens / c.BlockTokens)
	*child = Table{last: b, blocks: blocks, tokens: int32(tokens), sealed: min(parent.sealed, full),
		private: parent.private && parent.sealed < full}
	c.check()
}

// Release empties the table at now. Its sealed blocks stay as cached ones, the
// rest is freed. It reports whether the hint was taken up: not if there is
// nothing to keep, if Until has passed or if the bound is reached.
func (c *Cache) Release(t *Table, now time.Duration, hint Keep) bool {
	if t.blocks == 0 {
		*t = Table{}
		return false
	}
	c.clock++
	b := t.last
	for b != none && !c.meta[b].sealed {
		b = c.meta[b].parent
	}
	taken := false
	if b != none {
		c.meta[b].stamp = c.clock
		taken = hint.Until > now && c.keep(b, hint.Until, 1+min(hint.Priority, 254))
	}
	if hint.Until > now {
		c.count.Kept += uint64(boolean(taken))
		c.count.KeepRefused += uint64(boolean(!taken))
	}
	c.drop(t.last)
	c.tables--
	c.named -= int(t.blocks)
	*t = Table{}
	c.check()
	return taken
}

// AppendBlocks appends the table's blocks from index from on to dst.
func (c *Cache) AppendBlocks(t *Table, from int, dst []Block) []Block {
	n := int(t.blocks) - from
	if n <= 0 {
		return dst
	}
	dst = slices.Grow(dst, n)
	dst = dst[:len(dst)+n]
	for i, b := len(dst)-1, t.last; n > 0; i, n = i-1, n-1 {
		dst[i] = b
		b = c.meta[b].parent
	}
	return dst
}
