package kernels_test

import (
	"math"
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/bf16"
)

// cuts are prompts of 200 tokens in chunks that end anywhere.
func cuts() [][]int {
	return [][]int{{200}, {1, 199}, {64, 64, 72}, {33, 31, 1, 1, 63, 71}, {47, 1, 152}}
}

// chunks are the rows of a slot that is cut so.
func chunks(lengths []int) []ask {
	var rows []ask
	start := 0
	for _, n := range lengths {
		rows = append(rows, ask{0, start, n})
		start += n
	}
	return rows
}

// TestAttendPrefillInvariant computes a prompt in other chunks, in one step or in
// several, over other blocks, by other tiles of queries and beside other rows:
// its bits stay.
func TestAttendPrefillInvariant(t *testing.T) {
	onBeds(t, func(b *bed) {
		var c *scene
		var q, want []bf16.Number
		for _, block := range []int{32, 16, 128} {
			s := b.attendSpec(32, 1, 3, block, 128)
			if block == 16 {
				s.Attend = kernels.AttendSizes{PrefillWarps: 2, PrefillTiles: 1, PrefillStages: 3}
			}
			next := b.scene(s, []string{"attend_prefill"}, 200, 77)
			if c == nil {
				c = next
				q = c.queries(ask{0, 0, 200})
				want = c.attend(true, 0, q, ask{0, 0, 200})
			}
			c.spec, c.set = s, next.set
			for _, lengths := range cuts() {
				c.same(want, q, lengths)
			}
		}
	})
}

// same computes a prompt in chunks, together and one by one after a row of
// another slot.
func (c *scene) same(want, q []bf16.Number, lengths []int) {
	c.t.Helper()
	rows := chunks(lengths)
	if got := c.attend(true, 0, q, rows...); !slices.Equal(got, want) {
		c.t.Fatalf("%s in chunks of %v: other bits", c.spec.Model.Name, lengths)
	}
	other := ask{1, 70, 7}
	first, width := c.queries(other), c.spec.Model.Heads*c.spec.Model.HeadDim
	for _, r := range rows {
		mine := q[r.start*width : (r.start+r.n)*width]
		got := c.attend(true, 0, slices.Concat(first, mine), other, r)[len(first):]
		if !slices.Equal(got, want[r.start*width:(r.start+r.n)*width]) {
			c.t.Fatalf("%s, %d positions from %d on: other bits", c.spec.Model.Name, r.n, r.start)
		}
	}
}

// TestAttendGrids runs all items on the blocks of a grid for few, which take them
// in turn, with rings and blocks of other sizes.
func TestAttendGrids(t *testing.T) {
	onBeds(t, func(b *bed) {
		s := b.attendSpec(128, 1, 3, 32, 64)
		s.Attend = kernels.AttendSizes{DecodeWarps: 2, DecodeStages: 4, DecodeBlocks: 1}
		c := b.scene(s, attendKernels, 300, 64, 200, 129, 1)
		rows := []ask{{0, 299, 1}, {1, 0, 64}, {2, 199, 1}, {3, 5, 124}, {4, 0, 1}}
		q := c.queries(rows...)
		want := c.attend(false, 100, q, rows...)
		c.check(q, want, rows...)
		c.grid = 2
		if !slices.Equal(c.attend(false, 100, q, rows...), want) {
			t.Error("a smaller grid gives other bits")
		}
	})
}

// TestAttendExtremes has scores so large that one key takes all, keys that are all
// the same, and values of which most are 0.
func TestAttendExtremes(t *testing.T) {
	onBeds(t, func(b *bed) {
		for _, s := range b.attendSpecs()[1:3] {
			c := b.scene(s, attendKernels, 300, 300, 300)
			width := s.Model.KVHeads * s.Model.HeadDim
			for i := range c.keys[0] {
				c.keys[0][i] = bf16.Of(c.keys[0][i].Float() * 1e3)
				c.keys[1][i] = c.keys[1][i%width]
				if i/width%7 > 0 {
					c.values[2][i] = 0
				}
			}
			rows := []ask{{0, 299, 1}, {0, 170, 65}, {1, 299, 1}, {1, 170, 65}, {2, 299, 1}, {2, 170, 65}}
			q := c.queries(rows...)
			for i := range rows[0].n + rows[1].n {
				for j := range s.Model.Heads * s.Model.HeadDim {
					at := &q[i*s.Model.Heads*s.Model.HeadDim+j]
					*at = bf16.Of(at.Float() * 1e3)
				}
			}
			c.near(q, c.attend(false, 100, q, rows...), rows...)
		}
	})
}

// near is check for queries to which a mask may make no difference.
func (c *scene) near(queries, out []bf16.Number, rows ...ask) {
	c.t.Helper()
	width, t := c.spec.Model.Heads*c.spec.Model.HeadDim, 0
	for _, r := range rows {
		for i := range r.n {
			query, got := queries[t*width:(t+1)*width], floats(out[t*width:(t+1)*width])
			t++
			if e := reference.Error(got, c.want(r.slot, r.start+i+1, query)); !(e <= attendBound) {
				c.t.Fatalf("%+v of %s, query %d: off by %.2g of the reference", r, c.spec.Model.Name, i, e)
			}
		}
	}
}

// TestAttendShares has two slots whose tables name the same blocks.
func TestAttendShares(t *testing.T) {
	onBeds(t, func(b *bed) {
		c := b.scene(b.attendSpec(64, 2, 2, 64, 64), attendKernels, 200)
		rows := []ask{{0, 199, 1}, {0, 130, 40}}
		q := c.queries(rows...)
		want := c.attend(false, 100, q, rows...)
		c.keys, c.values = append(c.keys, c.keys[0]), append(c.values, c.values[0])
		c.shared = true
		twice := append(rows, ask{1, 199, 1}, ask{1, 130, 40})
		if got := c.attend(false, 100, slices.Concat(q, q), twice...); !slices.Equal(got, slices.Concat(want, want)) {
			t.Error("rows over the same blocks differ")
		}
	})
}

// TestAttendNotFinite hands on what is no number, to be found where the next token
// is chosen.
func TestAttendNotFinite(t *testing.T) {
	onBeds(t, func(b *bed) {
		c := b.scene(b.attendSpec(32, 1, 3, 32, 64), attendKernels, 100, 100)
		c.values[0][50*32] = bf16.Of(float32(math.NaN()))
		rows := []ask{{0, 99, 1}, {0, 60, 2}, {1, 99, 1}, {1, 60, 2}}
		out := c.attend(false, 100, c.queries(rows...), rows...)
		for i, v := range out {
			token, column := i/96, i%96
			broken := token < 3 && column%32 == 0
			if math.IsNaN(float64(v.Float())) != broken {
				t.Fatalf("token %d, column %d is %v", token, column, v.Float())
			}
		}
	})
}
