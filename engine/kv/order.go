package kv

// order is a binary heap of blocks by key, least first, from which any block
// can be taken. It has room for every block, so it never allocates.
type order struct {
	entries []entry
	at      []int32 // of each block in entries; -1: absent
}

type entry struct {
	key uint64
	b   Block
}

func newOrder(blocks int) order {
	o := order{entries: make([]entry, 0, blocks), at: make([]int32, blocks)}
	for i := range o.at {
		o.at[i] = -1
	}
	return o
}

func (o *order) len() int         { return len(o.entries) }
func (o *order) first() entry     { return o.entries[0] }
func (o *order) has(b Block) bool { return o.at[b] >= 0 }

// put enters b or changes its key.
func (o *order) put(b Block, key uint64) {
	i := int(o.at[b])
	if i < 0 {
		i = len(o.entries)
		o.entries = append(o.entries, entry{})
	}
	o.settle(i, entry{key, b})
}

// take removes b if it is there.
func (o *order) take(b Block) {
	i := int(o.at[b])
	if i < 0 {
		return
	}
	o.at[b] = -1
	end := len(o.entries) - 1
	moved := o.entries[end]
	o.entries = o.entries[:end]
	if i != end {
		o.settle(i, moved)
	}
}

// replace puts b with its key in the place of old.
func (o *order) replace(old, b Block, key uint64) {
	i := int(o.at[old])
	o.at[old] = -1
	o.settle(i, entry{key, b})
}

// settle puts e in place i or where the order demands it, up or down from there.
func (o *order) settle(i int, e entry) {
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(o.entries[up]) {
			break
		}
		o.set(i, o.entries[up])
		i = up
	}
	for {
		down := 2*i + 1
		if down >= len(o.entries) {
			break
		}
		if right := down + 1; right < len(o.entries) && o.entries[right].before(o.entries[down]) {
			down = right
		}
		if !o.entries[down].before(e) {
			break
		}
		o.set(i, o.entries[down])
		i = down
	}
	o.set(i, e)
}

func (o *order) set(i int, e entry) {
	o.entries[i] = e
	o.at[e.b] = int32(i)
}

// before is a total order: equal keys are told apart by the block's number.
func (e entry) before(f entry) bool { return e.key < f.key || e.key == f.key && e.b < f.b }
