package kernels_test

import (
	"fmt"
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

func TestKeys(t *testing.T) {
	onBeds(t, func(b *bed) {
		for _, m := range append(b.models("tiny", "tiny-tied", "tiny-qwen2", "tiny-qwen3"), b.wide()...) {
			c := b.newKeysCase(m)
			set := b.load(c.spec, "keys")
			b.ran(set.Keys(b.stream, &c.params, keysBucket))
			c.check()
		}
	})
}

const (
	keysTokens = 44 // of the step; those behind do not count
	keysBucket = 48
	keysBlocks = 12 // in the cache
)

// keysCase is a step of three rows: one that decodes, one that ends in a block
// and begins in the one before, and one from position 0.
type keysCase struct {
	b      *bed
	spec   kernels.Spec
	rows   []kernels.Row
	tables []int32 // [slots][MaxBlocks]
	qkv    []bf16.Number
	bias   []float32
	norms  [2][]float32 // of queries and keys
	angles []float32    // [context][HeadDim/2] cosine, sine
	params kernels.KeysParams
}

func (b *bed) newKeysCase(m model.Config) *keysCase {
	b.t.Helper()
	c := &keysCase{b: b, spec: b.spec(m), rows: []kernels.Row{
		{Slot: 1, Start: 77, N: 1}, {Slot: 3, Start: 20, N: 30, First: 1}, {Slot: 0, Start: 0, N: 13, First: 31},
	}}
	const slots = 4
	width := (m.Heads + 2*m.KVHeads) * m.HeadDim
	c.tables = make([]int32, slots*c.spec.MaxBlocks)
	blocks := b.rand.Perm(keysBlocks)
	for i, row := range c.rows {
		for j := range 3 {
			c.tables[int(row.Slot)*c.spec.MaxBlocks+j] = int32(blocks[3*i+j])
		}
	}
	var tokenRow []int32
	for i, row := range c.rows {
		for range row.N {
			tokenRow = append(tokenRow, int32(i))
		}
	}
	c.qkv, c.bias = b.numbers(keysBucket*width), b.floats(width)
	c.norms = [2][]float32{b.floats(m.HeadDim), b.floats(m.HeadDim)}
	c.angles = reference.Angles(m.Frequencies(), 96)
	cells := keysBlocks * m.KVHeads * c.spec.BlockTokens * m.HeadDim
	c.params = kernels.KeysParams{
		Counts: rig.Upload(b.t, b.r, []kernels.Counts{{Rows: 3, Tokens: keysTokens}}), TokenRow: rig.Upload(b.t, b.r, tokenRow),
		Rows: rig.Upload(b.t, b.r, c.rows), Tables: rig.Upload(b.t, b.r, c.tables), QKV: rig.Upload(b.t, b.r, c.qkv),
		Bias: rig.Upload(b.t, b.r, c.bias), QNorm: rig.Upload(b.t, b.r, c.norms[0]), KNorm: rig.Upload(b.t, b.r, c.norms[1]),
		Angles: rig.Upload(b.t, b.r, c.angles),
		Keys:   rig.Upload(b.t, b.r, poisoned(cells)), Values: rig.Upload(b.t, b.r, poisoned(cells)),
	}
	return c
}

// check compares queries and the whole cache with the reference.
func (c *keysCase) check() {
	c.b.t.Helper()
	m, width := c.spec.Model, len(c.bias)
	keys, values := poisoned(keysBlocks*m.KVHeads*c.spec.BlockTokens*m.HeadDim), []bf16.Number(nil)
	values = slices.Clone(keys)
	qkv := rig.Download[bf16.Number](c.b.t, c.b.r, c.params.QKV, len(c.qkv))
	gotKeys := rig.Download[bf16.Number](c.b.t, c.b.r, c.params.Keys, len(keys))
	gotValues := rig.Download[bf16.Number](c.b.t, c.b.r, c.params.Values, len(values))
	for _, row := range c.rows {
		for i := range int(row.N) {
			at, t := int(row.Start)+i, int(row.First)+i
			block := int(c.tables[int(row.Slot)*c.spec.MaxBlocks+at/c.spec.BlockTokens])
			for head := range m.Heads + 2*m.KVHeads {
				from := t*width + head*m.HeadDim
				got, what := qkv[from:][:m.HeadDim], "q"
				if kv := head - m.Heads; kv >= 0 {
					got, what = gotKeys, "k"
					expect := keys
					if kv >= m.KVHeads {
						kv, got, what, expect = kv-m.KVHeads, gotValues, "v", values
					}
					cell := ((block*m.KVHeads+kv)*c.spec.BlockTokens + at%c.spec.BlockTokens) * m.HeadDim
					got = got[cell:][:m.HeadDim]
					copy(expect[cell:], got) // compared here, so that the rest is what must be poison
				}
				c.checkHead(fmt.Sprintf("%s: head %d (%s) of position %d", m.Name, head, what, at), got, t, head, at)
				if what == "q" {
					copy(c.qkv[from:], got)
				}
			}
		}
	}
	if !slices.Equal(qkv, c.qkv) {
		c.b.t.Errorf("%s: keys, values or rows that do not count have changed in qkv", m.Name)
	}
	if !slices.Equal(gotKeys, keys) || !slices.Equal(gotValues, values) {
		c.b.t.Errorf("%s: the cache is written where the step has no position", m.Name)
	}
}

func (c *keysCase) checkHead(what string, got []bf16.Number, t, head, at int) {
	c.b.t.Helper()
	m := c.spec.Model
	var bias, norm []float32
	var angles []float64
	if m.QKVBias {
		bias = c.bias[head*m.HeadDim:][:m.HeadDim]
	}
	if head < m.Heads+m.KVHeads {
		for _, f := range m.Frequencies() {
			angles = append(angles, f*float64(at))
		}
		if norm = nil; m.QKNorm {
			norm = c.norms[min(1, head/m.Heads)]
		}
	}
	want, magnitude := reference.Head(c.qkv[t*len(c.bias)+head*m.HeadDim:][:m.HeadDim], bias, norm, m.RMSEps, angles)
	for i := range want {
		if err := near(got[i], want[i], magnitude[i]); err != nil {
			c.b.t.Fatalf("%s, element %d: %v", what, i, err)
		}
	}
}
