package kernels_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
)

// attendBound is ||got - want|| / ||want|| of a token's output: weights and
// output are each rounded to bf16, to 2^-9 at most.
const attendBound = 5e-3

// scene is what attention reads: contexts of keys and values, one for each slot.
type scene struct {
	*bed
	spec   kernels.Spec
	set    *kernels.Set
	keys   [][]bf16.Number // [slot][position][KVHeads][HeadDim]
	values [][]bf16.Number

	shared bool // all slots have the first one's blocks
	grid   int  // items that grids are made for; 0: more than there are
}

// ask is a row: the n last positions of a slot's context up to start + n. From
// token on lie its queries in scene.attend's.
type ask struct{ slot, start, n int }

// attendSpec is a spec whose heads are as given.
func (b *bed) attendSpec(dim, kvHeads, group, block, split int) kernels.Spec {
	m := preset(b.t, "tiny-qwen3")
	m.Name = fmt.Sprintf("dim%d-group%d-block%d", dim, group, block)
	m.HeadDim, m.KVHeads, m.Heads = dim, kvHeads, kvHeads*group
	return kernels.Spec{Model: m, Arch: b.r.Arch, BlockTokens: block, MaxBlocks: ceil(8192, block), SplitTokens: split}
}

func ceil(n, unit int) int { return (n + unit - 1) / unit }

// attendKernels are all; a test of fewer saves the time to compile others.
var attendKernels = []string{"attend_decode", "attend_combine", "attend_prefill"}

func (b *bed) scene(s kernels.Spec, names []string, contexts ...int) *scene {
	b.t.Helper()
	c := &scene{bed: b, spec: s, set: b.load(s, names...)}
	for _, n := range contexts {
		c.keys = append(c.keys, b.numbers(n*s.Model.KVHeads*s.Model.HeadDim))
		c.values = append(c.values, b.numbers(n*s.Model.KVHeads*s.Model.HeadDim))
	}
	return c
}

// cache lays keys and values out in blocks in random order, and gives the tables.
// What no context reaches is NaN, and what no context's entry names is no block.
func (c *scene) cache() (keys, values []bf16.Number, tables []int32) {
	m, bt := c.spec.Model, c.spec.BlockTokens
	blocks := 1
	for _, k := range c.keys {
		blocks += ceil(len(k)/(m.KVHeads*m.HeadDim), bt)
	}
	keys, values = poisoned(blocks*bt*m.KVHeads*m.HeadDim), poisoned(blocks*bt*m.KVHeads*m.HeadDim)
	tables = slices.Repeat([]int32{1 << 29}, len(c.keys)*c.spec.MaxBlocks)
	order := c.rand.Perm(blocks)
	for slot, k := range c.keys {
		for at := 0; at < len(k); at += m.HeadDim {
			head, position := at/m.HeadDim%m.KVHeads, at/(m.HeadDim*m.KVHeads)
			if head == 0 && position%bt == 0 {
				tables[slot*c.spec.MaxBlocks+position/bt] = int32(order[0])
				order = order[1:]
			}
			block := int(tables[slot*c.spec.MaxBlocks+position/bt])
			to := ((block*m.KVHeads+head)*bt + position%bt) * m.HeadDim
			copy(keys[to:], k[at:at+m.HeadDim])
			copy(values[to:], c.values[slot][at:at+m.HeadDim])
		}
	}
	for slot := range c.keys {
		if c.shared {
			copy(tables[slot*c.spec.MaxBlocks:(slot+1)*c.spec.MaxBlocks], tables)
		}
	}
	return keys, values, tables
}

// attend runs the kernels for rows whose queries lie one after another, each
// [Heads][HeadDim], and gives their outputs.
func (c *scene) attend(invariant bool, capacity int, queries []bf16.Number, rows ...ask) []bf16.Number {
	c.t.Helper()
	m := c.spec.Model
	w := kernels.Work{Spec: c.spec, Capacity: capacity, Invariant: invariant}
	tokens := 0
	for _, r := range rows {
		w.Add(int32(r.slot), int32(r.start), int32(r.n))
		tokens += r.n
	}
	w.Finish()
	width, wide := m.Heads*m.HeadDim, (m.Heads+2*m.KVHeads)*m.HeadDim
	qkv := poisoned(tokens * wide)
	for t := range tokens {
		copy(qkv[t*wide:], queries[t*width:(t+1)*width])
	}
	keys, values, tables := c.cache()
	counts := []kernels.Counts{{Rows: int32(len(rows)), Tokens: int32(tokens), DecodeItems: int32(len(w.Decode)), PrefillItems: int32(len(w.Prefill))}}
	splits := max(1, len(w.Decode))
	p := kernels.AttendParams{
		Counts: rig.Upload(c.t, c.r, counts), Rows: rig.Upload(c.t, c.r, w.Rows), Tables: rig.Upload(c.t, c.r, tables),
		QKV: rig.Upload(c.t, c.r, qkv), Keys: rig.Upload(c.t, c.r, keys), Values: rig.Upload(c.t, c.r, values),
		Out:     rig.Upload(c.t, c.r, poisoned(tokens*width+guard)),
		Partial: rig.Upload(c.t, c.r, slices.Repeat([]float32{float32(math.NaN())}, splits*width)),
		Scale:   rig.Upload(c.t, c.r, slices.Repeat([]float32{float32(math.NaN())}, splits*m.Heads*2)),
	}
	c.launch(&p, &w)
	out := rig.Download[bf16.Number](c.t, c.r, p.Out, tokens*width+guard)
	for _, v := range out[tokens*width:] {
		if v != poison {
			c.t.Fatal("the output's end was overrun")
		}
	}
	return out[:tokens*width]
}

// launch runs what a step does, in grids for larger steps.
func (c *scene) launch(p *kernels.AttendParams, w *kernels.Work) {
	c.t.Helper()
	upload := func(items []kernels.Item) driver.Ptr { return rig.Upload(c.t, c.r, items) }
	grid := func(items int) int { return cmp.Or(c.grid, items+1) }
	if len(w.Decode) > 0 {
		p.Items = upload(w.Decode)
		c.ran(c.set.AttendDecode(c.stream, p, grid(len(w.Decode))))
		c.ran(c.set.AttendCombine(c.stream, p, len(w.Rows)+1))
	}
	if len(w.Prefill) > 0 {
		p.Items = upload(w.Prefill)
		c.ran(c.set.AttendPrefill(c.stream, p, grid(len(w.Prefill))))
	}
}

// want is the output of a query over the first n positions of a slot.
func (c *scene) want(slot, n int, query []bf16.Number) []float64 {
	m := c.spec.Model
	var out []float64
	for h := range m.Heads {
		head := func(from []bf16.Number) func(int) []bf16.Number {
			return func(i int) []bf16.Number {
				return from[(i*m.KVHeads+h/(m.Heads/m.KVHeads))*m.HeadDim:][:m.HeadDim]
			}
		}
		out = append(out, reference.Attend(query[h*m.HeadDim:][:m.HeadDim], n, head(c.keys[slot]), head(c.values[slot]))...)
	}
	return out
}

// check compares outputs with the reference. It counts the queries for which a
// mask that is off by one position would have passed, and wants them to be few:
// in a long context one position weighs little.
func (c *scene) check(queries, out []bf16.Number, rows ...ask) {
	c.t.Helper()
	m := c.spec.Model
	width, t, masks, blind := m.Heads*m.HeadDim, 0, 0, 0
	for _, r := range rows {
		for i := range r.n {
			query, got, n := queries[t*width:(t+1)*width], floats(out[t*width:(t+1)*width]), r.start+i+1
			t++
			if e := reference.Error(got, c.want(r.slot, n, query)); e > attendBound {
				c.t.Fatalf("%+v of %s, query %d: off by %.2g of the reference", r, m.Name, i, e)
			}
			for _, wrong := range []int{n - 1, n + 1} {
				if wrong == 0 || wrong*m.KVHeads*m.HeadDim > len(c.keys[r.slot]) || i%8 != 0 || n > 512 {
					continue
				}
				masks++
				if reference.Error(got, c.want(r.slot, wrong, query)) <= attendBound {
					blind++
				}
			}
		}
	}
	if blind*4 > masks {
		c.t.Fatalf("%s: %d of %d masks that are off by one would pass", m.Name, blind, masks)
	}
}

func floats(v []bf16.Number) []float64 {
	f := make([]float64, len(v))
	for i, n := range v {
		f[i] = float64(n.Float())
	}
	return f
}

// queries are for rows.
func (c *scene) queries(rows ...ask) []bf16.Number {
	n := 0
	for _, r := range rows {
		n += r.n
	}
	return c.numbers(n * c.spec.Model.Heads * c.spec.Model.HeadDim)
}

// attendSpecs have each width of a head, size of a group, and kind of block: a
// part of a tile, a tile, and two tiles.
func (b *bed) attendSpecs() []kernels.Spec {
	return []kernels.Spec{
		b.attendSpec(16, 2, 1, 16, 64),
		b.attendSpec(32, 1, 3, 32, 64),
		b.attendSpec(64, 2, 2, 64, 64),
		b.attendSpec(128, 1, 4, 128, 128),
		b.attendSpec(16, 1, 8, 64, 256),
	}
}

// TestAttendDecode runs rows of one token at the borders of runs, tiles, splits
// and blocks, among them two of one slot, and with as many splits as are joined
// in several goes.
func TestAttendDecode(t *testing.T) {
	onBeds(t, func(b *bed) {
		contexts := []int{1, 2, 16, 17, 63, 64, 65, 129, 300, 257, 1 + b.rand.IntN(500)}
		for _, s := range b.attendSpecs() {
			at := contexts
			if s.SplitTokens == 64 {
				at = append(at, 512, 513, 2500)
			}
			c := b.scene(s, attendKernels, at...)
			rows := []ask{{slot: 8, start: 100, n: 1}}
			for slot, n := range at {
				rows = append(rows, ask{slot, n - 1, 1})
			}
			q := c.queries(rows...)
			c.check(q, c.attend(false, 1000, q, rows...), rows...)
		}
	})
}

// TestAttendPrefill runs chunks from and to the same borders and anywhere, beside
// rows that decode.
func TestAttendPrefill(t *testing.T) {
	onBeds(t, func(b *bed) {
		rows := []ask{{0, 0, 1}, {1, 0, 16}, {2, 3, 14}, {3, 40, 23}, {4, 63, 1}, {5, 0, 65}, {6, 127, 2}, {7, 129, 20}, {8, 255, 45}, {9, 64, 64}}
		for slot := 10; slot < 14; slot++ {
			rows = append(rows, ask{slot, b.rand.IntN(300), 1 + b.rand.IntN(60)})
		}
		for _, s := range b.attendSpecs() {
			c := b.rowsScene(s, rows)
			q := c.queries(rows...)
			c.check(q, c.attend(false, 2, q, rows...), rows...)
		}
	})
}

// rowsScene has a slot for each row, whose context ends with the row.
func (b *bed) rowsScene(s kernels.Spec, rows []ask) *scene {
	b.t.Helper()
	var contexts []int
	for _, r := range rows {
		contexts = append(contexts, r.start+r.n)
	}
	return b.scene(s, attendKernels, contexts...)
}

// TestAttendLong has contexts as a GPU has time for, in the shape of an 8B model.
func TestAttendLong(t *testing.T) {
	onBeds(t, func(b *bed) {
		if !b.device() {
			b.t.Skip("takes a GPU")
		}
		rows := []ask{{0, 8191, 1}, {1, 5000, 40}, {2, 1023, 1}, {3, 8000, 1}, {4, 3000, 100}}
		c := b.rowsScene(b.attendSpec(128, 8, 4, 64, 256), rows)
		q := c.queries(rows...)
		c.near(q, c.attend(false, 1000, q, rows...), rows...)
		want := c.attend(true, 0, q, rows...)
		c.near(q, want, rows...)
		if !slices.Equal(c.attend(true, 0, q, rows...), want) {
			t.Error("the same launch gives other bits: a race")
		}
	})
}
