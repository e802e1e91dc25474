package kernels_test

import (
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/kernels"

	"pgregory.net/rapid"
)

// TestWork draws steps and checks that every position of a decoding row's
// context, and every query of another row, is in one item; that partial sums
// fit; and that work comes in falling order.
func TestWork(t *testing.T) {
	spec := tinySpec(t)
	w := kernels.Work{}
	rapid.Check(t, func(t *rapid.T) {
		spec.BlockTokens = rapid.SampledFrom([]int{16, 32, 64, 128}).Draw(t, "block")
		spec.SplitTokens = 128 * rapid.IntRange(1, 4).Draw(t, "split")
		spec.Model.KVHeads = 1
		spec.Model.Heads = rapid.SampledFrom([]int{1, 2, 3, 4, 8}).Draw(t, "group")
		w.Spec, w.Capacity, w.Invariant = spec, rapid.IntRange(0, 60).Draw(t, "capacity"), rapid.Bool().Draw(t, "invariant")
		w.Reset()
		tokens := 0
		for slot := range rapid.IntRange(0, 12).Draw(t, "rows") {
			n := int32(1)
			if rapid.Bool().Draw(t, "chunk") {
				n = rapid.Int32Range(1, 700).Draw(t, "n")
			}
			w.Add(int32(slot), rapid.Int32Range(0, 3000).Draw(t, "start"), n)
			tokens += int(n)
		}
		w.Finish()
		checkDecode(t, &w)
		checkPrefill(t, &w)
		if most := spec.MostPrefill(tokens, len(w.Rows)); len(w.Prefill) > most {
			t.Fatalf("%d prefill items: at most %d were promised", len(w.Prefill), most)
		}
	})
}

func checkDecode(t *rapid.T, w *kernels.Work) {
	split, first, next := int32(w.Spec.SplitTokens), int32(0), int32(0)
	for i, r := range w.Rows {
		if r.First != first {
			t.Fatalf("row %d begins at token %d, not %d", i, r.First, first)
		}
		first += r.N
		splits := (r.Start + split) / split
		decodes := r.N == 1 && !w.Invariant && int(next+splits) <= w.Capacity
		if decodes != (r.Item >= 0) || decodes && (r.Item != next || r.Items != splits) || !decodes && r.Items != 0 {
			t.Fatalf("row %d, %+v: decode %v from item %d on, of at most %d", i, r, decodes, next, w.Capacity)
		}
		if decodes {
			next += splits
		}
	}
	places := make([]int, next)
	length := func(it kernels.Item) int32 { return min(split, w.Rows[it.Row].Start+1-it.Part*split) }
	for i, it := range w.Decode {
		r := w.Rows[it.Row]
		if r.Item < 0 || it.Part < 0 || it.Part >= r.Items {
			t.Fatalf("decode item %+v of %+v", it, r)
		}
		places[r.Item+it.Part]++
		if i > 0 && (length(it)+63)/64 > (length(w.Decode[i-1])+63)/64 {
			t.Fatalf("decode item %d is of %d positions, after %d", i, length(it), length(w.Decode[i-1]))
		}
	}
	if slices.ContainsFunc(places, func(n int) bool { return n != 1 }) {
		t.Fatalf("the splits are computed %v times", places)
	}
}

func checkPrefill(t *rapid.T, w *kernels.Work) {
	tile := int32(w.Spec.QueryTile())
	if tile*int32(w.Spec.Model.Heads/w.Spec.Model.KVHeads) > 128 {
		t.Fatalf("%d queries in a tile of 128 rows", tile)
	}
	seen := make([][]int, len(w.Rows))
	for i, r := range w.Rows {
		seen[i] = make([]int, r.N)
	}
	before := int32(1 << 30)
	for _, it := range w.Prefill {
		r := w.Rows[it.Row]
		if r.Item >= 0 {
			t.Fatalf("row %d decodes and is a prefill", it.Row)
		}
		end := min(r.N, (it.Part+1)*tile)
		for q := it.Part * tile; q < end; q++ {
			seen[it.Row][q]++
		}
		if reads := (r.Start + end + 63) / 64; reads > before {
			t.Fatalf("an item of %d tiles follows one of %d", reads, before)
		} else {
			before = reads
		}
	}
	for i, s := range seen {
		want := 1
		if w.Rows[i].Item >= 0 {
			want = 0
		}
		if slices.ContainsFunc(s, func(n int) bool { return n != want }) {
			t.Fatalf("row %d: its queries are computed %v times", i, s)
		}
	}
}

// TestWorkAllocates holds the making of a step's work to no allocation.
func TestWorkAllocates(t *testing.T) {
	w := kernels.Work{Spec: tinySpec(t), Capacity: 1000}
	step := func() {
		w.Reset()
		for slot := range int32(64) {
			w.Add(slot, slot*17, 1+slot%2*99)
		}
		w.Finish()
	}
	step()
	if n := testing.AllocsPerRun(20, step); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}
