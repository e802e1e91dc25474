package model

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func preset(t testing.TB, name string) Config {
	t.Helper()
	c, err := Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rows(t testing.TB, s Source, r Ref, row, n int) []float32 {
	t.Helper()
	_, cols := s.Config().Shape(r)
	dst := make([]float32, n*cols)
	if err := s.Rows(r, row, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// TestSeededBits pins weights, so that no change of the hash goes unseen: other
// programs compute the same bits. scripts/golden computes them in numpy.
func TestSeededBits(t *testing.T) {
	s := Seeded(preset(t, "tiny-qwen2"), 1<<40|7)
	for _, c := range []struct {
		ref  Ref
		row  int
		want []float32
	}{
		{Ref{Embed, 0}, 0, []float32{10. / 1024, 22. / 1024, 86. / 1024, 26. / 1024}},
		{Ref{Head, 0}, 0, []float32{10. / 1024, 22. / 1024, 86. / 1024, 26. / 1024}}, // tied
		{Ref{Down, 1}, 5, []float32{-19. / 1024, -122. / 1024, 85. / 1024, 112. / 1024}},
		{Ref{KBias, 0}, 0, []float32{56. / 512, 96. / 512, 100. / 512, -62. / 512}},
		{Ref{MLPNorm, 1}, 0, []float32{1 + 13./128, 1 + 4./128, 1 + 7./128, 1 + 6./128}},
	} {
		if got := rows(t, s, c.ref, c.row, 1)[:4]; !slices.Equal(got, c.want) {
			t.Errorf("%v, row %d: %v, want %v", c.ref, c.row, got, c.want)
		}
	}
}

// TestSeededRandomAccess reads rows alone and in runs, with columns that
// are no multiple of four.
func TestSeededRandomAccess(t *testing.T) {
	c := preset(t, "tiny")
	c.Hidden, c.FFN = 37, 101
	s := Seeded(c, 3)
	for _, r := range c.Tensors() {
		n, cols := c.Shape(r)
		all := rows(t, s, r, 0, n)
		for row := range n {
			if one := rows(t, s, r, row, 1); !slices.Equal(one, all[row*cols:(row+1)*cols]) {
				t.Fatalf("%v: row %d alone differs from the row among all", r, row)
			}
		}
	}
}

// TestSeededExact holds every weight to be exact in bf16, and each tensor to
// the spread that keeps activations near 1.
func TestSeededExact(t *testing.T) {
	for _, name := range PresetNames() {
		c := preset(t, name)
		s := Seeded(c, 1)
		for k := Embed; k <= Head; k++ {
			r := Ref{Kind: k}
			n, cols := c.Shape(r)
			if n == 0 {
				continue
			}
			w := rows(t, s, r, 0, min(n, 64))
			var sum, squares float64
			for _, x := range w {
				if math.Float32bits(x)&0xffff != 0 {
					t.Fatalf("%s: %v: %g is not exact in bf16", name, r, x)
				}
				sum += float64(x)
				squares += float64(x) * float64(x)
			}
			mean := sum / float64(len(w))
			if k.Matrix() {
				if gain := math.Sqrt(squares / float64(len(w)) * float64(cols)); gain < 0.5 || gain > 1.25 {
					t.Errorf("%s: %v multiplies a vector's length by %.2f", name, r, gain)
				}
			} else if want := map[bool]float64{true: 0, false: 1}[k == QBias || k == KBias || k == VBias]; math.Abs(mean-want) > 0.06 {
				t.Errorf("%s: %v has mean %.3f, want about %v", name, r, mean, want)
			}
		}
	}
}

// TestSeededStreams checks that tensors, layers and seeds do not share weights.
func TestSeededStreams(t *testing.T) {
	c := preset(t, "llama-3.2-1b")
	seen := map[[2]uint32]string{}
	for _, seed := range []uint64{0, 1, 1 << 32, 1<<64 - 1} {
		for _, r := range c.Tensors() {
			a, b := seedKeys(seed, r)
			if other, ok := seen[[2]uint32{a, b}]; ok {
				t.Errorf("seed %d, %v has the keys of %s", seed, r, other)
			}
			seen[[2]uint32{a, b}] = fmt.Sprintf("seed %d, %v", seed, r)
		}
	}
}

// BenchmarkSeeded reports weights per second of one core, by the row.
func BenchmarkSeeded(b *testing.B) {
	s := Seeded(preset(b, "llama-3.2-1b"), 1)
	dst := make([]float32, 8192)
	for i := 0; b.Loop(); i++ {
		if err := s.Rows(Ref{Down, i % 16}, i%2048, dst); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(dst))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mweights/s")
}

// TestSeededTensor makes weights from a tensor's keys and scale alone, as a
// device does, by the package comment's formulas.
func TestSeededTensor(t *testing.T) {
	for _, name := range []string{"tiny-tied", "tiny-qwen2", "tiny-qwen3"} {
		c := preset(t, name)
		s := Seeded(c, 9<<33|5)
		seed, ok := SeedOf(s)
		if !ok {
			t.Fatal("no seed of a seeded source")
		}
		for _, r := range append(c.Tensors(), Ref{Kind: Head}) {
			a, b, scale, ok := SeededTensor(seed, c, r)
			if !ok {
				t.Fatalf("%s: no %v", name, r)
			}
			n, _ := c.Shape(r)
			for i, want := range rows(t, s, r, 0, n) {
				v := int8(hashWord(uint32(i/4), a, b) >> (8 * (i % 4)))
				got := float32(v) * scale
				if scale == 0 {
					got = 1 + float32(v>>3)/128
				}
				if got != want {
					t.Fatalf("%s: %v, element %d: %v, want %v", name, r, i, got, want)
				}
			}
		}
	}
	if _, _, _, ok := SeededTensor(1, preset(t, "tiny"), Ref{Kind: QBias}); ok {
		t.Error("a tensor that the model does not have")
	}
	if _, ok := SeedOf(nil); ok {
		t.Error("a seed of no source")
	}
}
