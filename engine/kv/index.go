package kv

import "math/bits"

// index finds a block by its content: an open-addressing table with linear
// probing, at most half full, whose deletions move later entries back
// (Knuth, TAOCP vol. 3, section 6.4, algorithm R). It never grows, so it never
// allocates, and what it finds does not depend on the order of insertions. A
// cell carries a part of the hash, so that a probe seldom touches a block: in a
// large cache each such touch is a miss of the processor's.
type index struct {
	cells []cell
	shift uint8
}

// cell is one place of the table; its zero value is empty.
type cell struct {
	tag uint32 // the hash's first bits, which name its home too
	b   int32  // the block's number + 1
}

func newIndex(blocks int) index {
	size := 1 << bits.Len(uint(2*blocks))
	return index{cells: make([]cell, size), shift: uint8(32 - bits.Len(uint(size-1)))}
}

// tag is the top half of a product, since the low bits of a lane are its
// weakest.
func tag(h Hash) uint32 { return uint32(((h.A ^ h.B) * golden) >> 32) }

// home is where a tag's probe begins.
func (x *index) home(t uint32) int { return int(t >> x.shift) }

func (x *index) find(meta []block, h Hash) Block {
	t := tag(h)
	for i := x.home(t); ; i = (i + 1) & (len(x.cells) - 1) {
		c := x.cells[i]
		if c.b == 0 {
			return none
		}
		if c.tag == t && meta[c.b-1].hash == h {
			return Block(c.b - 1)
		}
	}
}

// add enters b under h unless a block is there already, which it returns.
func (x *index) add(meta []block, h Hash, b Block) Block {
	t := tag(h)
	for i := x.home(t); ; i = (i + 1) & (len(x.cells) - 1) {
		c := x.cells[i]
		if c.b == 0 {
			x.cells[i] = cell{t, int32(b) + 1}
			return none
		}
		if c.tag == t && meta[c.b-1].hash == h {
			return Block(c.b - 1)
		}
	}
}

// remove takes b out, which is in the index under h.
func (x *index) remove(h Hash, b Block) {
	mask := len(x.cells) - 1
	hole := x.home(tag(h))
	for x.cells[hole].b != int32(b)+1 {
		hole = (hole + 1) & mask
	}
	for i := hole; ; {
		i = (i + 1) & mask
		moved := x.cells[i]
		if moved.b == 0 {
			break
		}
		// An entry may move back only to a cell at or after its home.
		if home := x.home(moved.tag); (i-home)&mask >= (i-hole)&mask {
			x.cells[hole] = moved
			hole = i
		}
	}
	x.cells[hole] = cell{}
}
