package kv

import "math/bits"

// index finds a block by its content: an open-addressing table with linear
// probing, at most half full, whose deletions move later entries back
// (Knuth, TAOCP vol. 3, section 6.4, algorithm R). It never grows, so it never
// allocates, and what it finds does not depend on the order of insertions.
type index struct {
	cells []Block // none: empty
	shift uint8
}

func newIndex(blocks int) index {
	size := 1 << bits.Len(uint(2*blocks))
	x := index{cells: make([]Block, size), shift: uint8(64 - bits.Len(uint(size-1)))}
	for i := range x.cells {
		x.cells[i] = none
	}
	return x
}

// home is where a hash's probe begins: the top bits of a product, since the
// low bits of a lane are its weakest.
func (x *index) home(h Hash) int { return int(((h.A ^ h.B) * golden) >> x.shift) }

func (x *index) find(meta []block, h Hash) Block {
	for i := x.home(h); ; i = (i + 1) & (len(x.cells) - 1) {
		if b := x.cells[i]; b == none || meta[b].hash == h {
			return b
		}
	}
}

// add enters b, whose hash is not in the index.
func (x *index) add(meta []block, b Block) {
	i := x.home(meta[b].hash)
	for x.cells[i] != none {
		i = (i + 1) & (len(x.cells) - 1)
	}
	x.cells[i] = b
}

// remove takes b out, which is in the index.
func (x *index) remove(meta []block, b Block) {
	mask := len(x.cells) - 1
	hole := x.home(meta[b].hash)
	for x.cells[hole] != b {
		hole = (hole + 1) & mask
	}
	for i := hole; ; {
		i = (i + 1) & mask
		moved := x.cells[i]
		if moved == none {
			break
		}
		// An entry may move back only to a cell at or after its home.
		if home := x.home(meta[moved].hash); (i-home)&mask >= (i-hole)&mask {
			x.cells[hole] = moved
			hole = i
		}
	}
	x.cells[hole] = none
}
