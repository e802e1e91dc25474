package kernels_test

import (
	"math"
	"testing"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
)

// nan is a poisoned f32.
var nan = math.Float32frombits(0xffffffff)

func TestEmbed(t *testing.T) {
	onBeds(t, func(b *bed) {
		for _, m := range b.models("tiny", "tiny-tied") {
			m.Vocab = min(m.Vocab, 1000) // what is read does not depend on it
			set := b.load(b.spec(m), "embed")
			const tokens, bucket = 11, 16
			table := b.numbers(m.Vocab * m.Hidden)
			// Rows of 4, 1 and 6 tokens in slots 5, 2 and 0. The last token of the
			// first two is chosen on the device; slot 2's choice has failed.
			rows := []kernels.Row{{Slot: 5, N: 4}, {Slot: 2, N: 1, First: 4}, {Slot: 0, N: 6, First: 5}}
			last := []int32{-7, -7, -1, -7, -7, int32(m.Vocab - 1)}
			tokenRow := []int32{0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2}
			ids := make([]int32, tokens)
			for i := range ids {
				ids[i] = b.rand.Int32N(int32(m.Vocab))
			}
			ids[3], ids[4] = -1, -1
			p := kernels.EmbedParams{
				Counts: rig.Upload(b.t, b.r, []kernels.Counts{{Rows: 3, Tokens: tokens}}),
				IDs:    rig.Upload(b.t, b.r, ids), TokenRow: rig.Upload(b.t, b.r, tokenRow), Rows: rig.Upload(b.t, b.r, rows),
				Last: rig.Upload(b.t, b.r, last), Table: rig.Upload(b.t, b.r, table), H: rig.Upload(b.t, b.r, poisonedFloats(bucket*m.Hidden)),
			}
			b.ran(set.Embed(b.stream, &p, bucket))
			ids[3], ids[4] = int32(m.Vocab-1), 0
			for i, got := range rig.Download[float32](b.t, b.r, p.H, bucket*m.Hidden) {
				want := nan
				if at := i / m.Hidden; at < tokens {
					want = table[int(ids[at])*m.Hidden+i%m.Hidden].Float()
				}
				if math.Float32bits(got) != math.Float32bits(want) {
					b.t.Fatalf("%s: element %d of position %d: %v, want %v", m.Name, i%m.Hidden, i/m.Hidden, got, want)
				}
			}
		}
	})
}

func TestNorm(t *testing.T) {
	onBeds(t, func(b *bed) {
		for _, m := range b.models("tiny", "tiny-tied", "tiny-qwen2") {
			set := b.load(b.spec(m), "rms_norm")
			for _, add := range []bool{false, true} {
				b.normCase(set, add, nil)
				b.normCase(set, add, []int32{0, 3, 8})
			}
		}
	})
}

// normCase normalizes 9 of 12 positions, or the gathered ones of them.
func (b *bed) normCase(set *kernels.Set, add bool, gather []int32) {
	b.t.Helper()
	const tokens, bucket = 9, 12
	m := set.Spec().Model
	h, y, weight := b.floats(bucket*m.Hidden), b.numbers(bucket*m.Hidden), b.floats(m.Hidden)
	p := kernels.NormParams{
		Counts: rig.Upload(b.t, b.r, []kernels.Counts{{Tokens: tokens, Samples: int32(len(gather))}}),
		H:      rig.Upload(b.t, b.r, h), Weight: rig.Upload(b.t, b.r, weight), X: rig.Upload(b.t, b.r, poisoned(bucket*m.Hidden)),
	}
	if add {
		p.Y = rig.Upload(b.t, b.r, y)
	}
	from := gather
	if gather != nil {
		p.Gather = rig.Upload(b.t, b.r, gather)
	} else {
		from = []int32{0, 1, 2, 3, 4, 5, 6, 7, 8}
	}
	b.ran(set.Norm(b.stream, &p, bucket))
	x := rig.Download[bf16.Number](b.t, b.r, p.X, bucket*m.Hidden)
	for i, t := range from {
		row, more := h[int(t)*m.Hidden:][:m.Hidden], y[int(t)*m.Hidden:][:m.Hidden]
		if !add {
			more = nil
		}
		sum, want := reference.Norm(row, more, weight, m.RMSEps)
		for j := range want {
			if err := near(x[i*m.Hidden+j], want[j], abs(want[j])); err != nil {
				b.t.Fatalf("%s, add %v, gather %v: element %d of row %d: %v", m.Name, add, gather, j, i, err)
			}
		}
		if gather == nil {
			copy(row, sum)
		}
	}
	for i, v := range x[len(from)*m.Hidden:] {
		if v != poison {
			b.t.Fatalf("%s, gather %v: element %d of x behind the last row is written", m.Name, gather, i)
		}
	}
	for i, got := range rig.Download[float32](b.t, b.r, p.H, len(h)) {
		if math.Float32bits(got) != math.Float32bits(h[i]) {
			b.t.Fatalf("%s, add %v, gather %v: element %d of h: %v, want %v", m.Name, add, gather, i, got, h[i])
		}
	}
}

func TestSiLU(t *testing.T) {
	extremes := []float32{0, float32(math.Copysign(0, -1)), 1e-30, -1e-30, 20, -20, 88, -88, 127, -127, 1e30, -1e30, 1e37, -3e38}
	onBeds(t, func(b *bed) {
		for _, m := range b.models("tiny-tied", "tiny-qwen3") {
			set := b.load(b.spec(m), "silu")
			const tokens, bucket = 3, 5
			gu := b.numbers(bucket * 2 * m.FFN)
			for i, v := range extremes {
				gu[i] = bf16.Of(v)
			}
			p := kernels.SiluParams{
				Counts: rig.Upload(b.t, b.r, []kernels.Counts{{Tokens: tokens}}),
				GU:     rig.Upload(b.t, b.r, gu), Y: rig.Upload(b.t, b.r, poisoned(bucket*m.FFN)),
			}
			b.ran(set.SiLU(b.stream, &p, bucket))
			for i, got := range rig.Download[bf16.Number](b.t, b.r, p.Y, bucket*m.FFN) {
				at, j := i/m.FFN, i%m.FFN
				if at >= tokens {
					if got != poison {
						b.t.Fatalf("%s: position %d, which does not count, is written", m.Name, at)
					}
					continue
				}
				gate, up := gu[at*2*m.FFN+j], gu[at*2*m.FFN+m.FFN+j]
				want := reference.SiLU(gate, up)
				// A quotient below 2^-118 may be 0: see silu.cu.
				if err := near(got, want, max(abs(want), 1e-28)); err != nil {
					b.t.Fatalf("%s: element %d of position %d, silu(%v) * %v: %v", m.Name, j, at, gate.Float(), up.Float(), err)
				}
			}
		}
	})
}

// TestEmptyStep runs a step that has no tokens, in a grid for some: what it may
// read is there, and nothing is written.
func TestEmptyStep(t *testing.T) {
	onBeds(t, func(b *bed) {
		const bucket = 2
		m := preset(b.t, "tiny")
		set := b.load(b.spec(m), "embed", "rms_norm", "keys", "silu")
		counts := rig.Upload(b.t, b.r, []kernels.Counts{{}})
		n := bucket * 2 * max(m.Hidden, m.FFN, (m.Heads+2*m.KVHeads)*m.HeadDim)
		out, weight := rig.Upload(b.t, b.r, poisoned(n)), rig.Upload(b.t, b.r, b.floats(m.Hidden))
		for name, err := range map[string]error{
			"embed":    set.Embed(b.stream, &kernels.EmbedParams{Counts: counts, H: out}, bucket),
			"rms_norm": set.Norm(b.stream, &kernels.NormParams{Counts: counts, H: out, Y: out, Weight: weight, X: out}, bucket),
			"gathered": set.Norm(b.stream, &kernels.NormParams{Counts: counts, H: out, Weight: weight, X: out, Gather: out}, bucket),
			"keys":     set.Keys(b.stream, &kernels.KeysParams{Counts: counts, QKV: out, Keys: out, Values: out}, bucket),
			"silu":     set.SiLU(b.stream, &kernels.SiluParams{Counts: counts, GU: out, Y: out}, bucket),
		} {
			if err != nil {
				b.t.Errorf("%s: %v", name, err)
			}
		}
		b.ran(nil)
		for i, v := range rig.Download[bf16.Number](b.t, b.r, out, n) {
			if v != poison {
				b.t.Fatalf("element %d is written", i)
			}
		}
	})
}

func poisonedFloats(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = nan
	}
	return v
}
