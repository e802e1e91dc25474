package site

import "math/bits"

// insert adds a key, without blocks, at the new end of the list.
func (p *Prefixes) insert(key uint64) int32 {
	id := p.free
	if id == none {
		p.slab = append(p.slab, resident{})
		id = int32(len(p.slab) - 1)
	} else {
		p.free = p.slab[id].older
	}
	p.slab[id] = resident{key: key}
	p.index.add(p.slab, id)
	p.link(id)
	return id
}

// drop removes a prefix.
func (p *Prefixes) drop(id int32) {
	p.used -= p.slab[id].blocks
	p.index.remove(p.slab, p.slab[id].key)
	p.unlink(id)
	p.slab[id].older = p.free
	p.free = id
}

// touch moves a prefix to the new end of the list.
func (p *Prefixes) touch(id int32) {
	if id != p.newest {
		p.unlink(id)
		p.link(id)
	}
	p.slab[id].used = p.now
}

func (p *Prefixes) link(id int32) {
	r := &p.slab[id]
	r.used, r.newer, r.older = p.now, none, p.newest
	if p.newest == none {
		p.oldest = id
	} else {
		p.slab[p.newest].newer = id
	}
	p.newest = id
}

func (p *Prefixes) unlink(id int32) {
	r := &p.slab[id]
	if r.newer == none {
		p.newest = r.older
	} else {
		p.slab[r.newer].older = r.older
	}
	if r.older == none {
		p.oldest = r.newer
	} else {
		p.slab[r.older].newer = r.newer
	}
}

// index finds the slot of a key: a hash table with linear probing that closes
// gaps on removal (Knuth, TAOCP 3, 6.4, algorithm R), so that it never needs
// to be rebuilt at a constant number of keys, as a Go map now and then is.
type index struct {
	cells []int32 // slot + 1; 0 is empty. The length is a power of two
	n     int
}

// home is the cell where a key would best be (Fibonacci hashing, after a fold
// that lets the high bits of the key count).
func (x *index) home(key uint64) int {
	hi, lo := bits.Mul64(key, 0x9e3779b97f4a7c15)
	return int((hi ^ lo>>32) & uint64(len(x.cells)-1))
}

func (x *index) find(slab []resident, key uint64) int32 {
	if x.n == 0 {
		return none
	}
	for i := x.home(key); ; i = (i + 1) & (len(x.cells) - 1) {
		c := x.cells[i]
		if c == 0 {
			return none
		}
		if slab[c-1].key == key {
			return c - 1
		}
	}
}

// add enters a slot whose key is not in the index yet.
func (x *index) add(slab []resident, id int32) {
	if 2*x.n >= len(x.cells) {
		old := x.cells
		x.cells = make([]int32, max(16, 2*len(old)))
		for _, c := range old {
			if c != 0 {
				x.place(slab, c)
			}
		}
	}
	x.place(slab, id+1)
	x.n++
}

func (x *index) place(slab []resident, c int32) {
	i := x.home(slab[c-1].key)
	for x.cells[i] != 0 {
		i = (i + 1) & (len(x.cells) - 1)
	}
	x.cells[i] = c
}

// remove takes out a key that is in the index.
func (x *index) remove(slab []resident, key uint64) {
	mask := len(x.cells) - 1
	gap := x.home(key)
	for slab[x.cells[gap]-1].key != key {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; x.cells[i] != 0; i = (i + 1) & mask {
		// A key may move into the gap unless its home lies after the gap.
		home := x.home(slab[x.cells[i]-1].key)
		if (i-home)&mask >= (i-gap)&mask {
			x.cells[gap] = x.cells[i]
			gap = i
		}
	}
	x.cells[gap] = 0
	x.n--
}
