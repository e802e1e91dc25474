package kernels

import (
	"cmp"
	"slices"
)

// Work divides the attention of a step into items for attend_decode and
// attend_prefill. Its slices are what the kernels read, and are reused by the
// next step: nothing allocates once they have grown to the largest.
//
// A row of one token decodes: its context is cut into splits of SplitTokens
// positions, a decode item each, whose sums attend_combine joins. Every other
// row is cut into tiles of QueryTile queries, a prefill item each. So is a row of
// one token if the kernels are to be batch-invariant, since only then the same
// arithmetic computes a position whether its prompt was cut there or not; and
// where the splits of the step's rows before it leave too little of Capacity,
// which bounds the memory of partial sums.
//
// The items that take longest come first, so that blocks of threads which are
// done early find short ones left.
type Work struct {
	Spec      Spec
	Capacity  int  // decode items of a step
	Invariant bool // batch-invariant: no row decodes

	Rows            []Row
	Decode, Prefill []Item

	splits, tokens int // of the rows so far
}

// Reset begins a step.
func (w *Work) Reset() {
	w.Rows, w.Decode, w.Prefill = w.Rows[:0], w.Decode[:0], w.Prefill[:0]
	w.splits, w.tokens = 0, 0
}

// Add takes in the step's next row: the n tokens of a slot from position start
// on, which are the step's next n tokens.
func (w *Work) Add(slot, start, n int32) {
	r := Row{Slot: slot, Start: start, N: n, First: int32(w.tokens), Item: -1}
	w.tokens += int(n)
	if splits := ceilDiv(int(start)+1, w.Spec.SplitTokens); n == 1 && !w.Invariant && w.splits+splits <= w.Capacity {
		r.Item, r.Items = int32(w.splits), int32(splits)
		w.splits += splits
	}
	w.Rows = append(w.Rows, r)
}

// Finish makes the items of the rows that were added.
func (w *Work) Finish() {
	w.decode()
	tile := w.Spec.QueryTile()
	for i, r := range w.Rows {
		if r.Item >= 0 {
			continue
		}
		for part := range ceilDiv(int(r.N), tile) {
			w.Prefill = append(w.Prefill, Item{Row: int32(i), Part: int32(part)})
		}
	}
	// The tiles of keys and values that an item reads.
	cost := func(it Item) int32 {
		r := &w.Rows[it.Row]
		return (r.Start + min(r.N, (it.Part+1)*int32(tile)) - 1) / keyTile
	}
	slices.SortFunc(w.Prefill, func(a, b Item) int {
		return cmp.Or(cmp.Compare(cost(b), cost(a)), cmp.Compare(a.Row, b.Row), cmp.Compare(b.Part, a.Part))
	})
}

// decode lists whole splits, then the rows' last ones by falling length. Where
// an item's sums lie follows from its row and part, not from its place here.
func (w *Work) decode() {
	step := w.Spec.decodeStep()
	most := w.Spec.SplitTokens / step
	for steps := most; steps > 0; steps-- {
		for i, r := range w.Rows {
			last := r.Items - 1
			if last < 0 {
				continue
			}
			if steps == most {
				for part := range last {
					w.Decode = append(w.Decode, Item{Row: int32(i), Part: part})
				}
			}
			if ceilDiv(int(r.Start)+1-int(last)*w.Spec.SplitTokens, step) == steps {
				w.Decode = append(w.Decode, Item{Row: int32(i), Part: last})
			}
		}
	}
}

// MostPrefill is how many prefill items a step of at most so many tokens and rows
// has at most.
func (s Spec) MostPrefill(tokens, rows int) int {
	rows = min(rows, tokens)
	return rows + (tokens-rows)/s.QueryTile()
}
