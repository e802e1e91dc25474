package rng

import (
	"math"
	"math/bits"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// TestUniformity holds draws under neighbouring keys, the hardest case for a
// keyed generator, to the uniform distribution by a chi-square test.
func TestUniformity(t *testing.T) {
	const n, bins = 200_000, 256
	keys := map[string]func(i uint64) Stream{
		"seed":        func(i uint64) Stream { return New(i, 0) },
		"replication": func(i uint64) Stream { return New(1, i) },
		"last word":   func(i uint64) Stream { return New(1, 0).Fold(3).Fold(i) },
		"first word":  func(i uint64) Stream { return New(1, 0).Fold(i).For(Jitter).Fold(2) },
		"both":        func(i uint64) Stream { return New(1, 0).Fold(i % 500).Fold(i / 500) },
	}
	for name, key := range keys {
		t.Run(name, func(t *testing.T) {
			var count [bins]float64
			for i := uint64(0); i < n; i++ {
				count[int(key(i).Uniform()*bins)]++
			}
			expected := make([]float64, bins)
			for i := range expected {
				expected[i] = float64(n) / bins
			}
			x := stat.ChiSquare(count[:], expected)
			p := distuv.ChiSquared{K: bins - 1}.Survival(x)
			if p < 1e-4 || p > 1-1e-4 {
				t.Errorf("chi-square %.1f over %d bins, p = %.2g: not uniform", x, bins, p)
			}
		})
	}
}

// TestAvalanche: one changed key bit changes about half of the draw's bits.
func TestAvalanche(t *testing.T) {
	for bit := 0; bit < 64; bit++ {
		changed := 0
		for i := uint64(0); i < 500; i++ {
			a := New(7, 1).Fold(i * 977).Uint64()
			b := New(7, 1).Fold(i*977 ^ 1<<bit).Uint64()
			changed += bits.OnesCount64(a ^ b)
		}
		if mean := float64(changed) / 500; mean < 29 || mean > 35 {
			t.Errorf("key bit %d flips %.1f of 64 bits, want about 32", bit, mean)
		}
	}
}

// TestIndependence: draws for two purposes of one entity do not correlate.
func TestIndependence(t *testing.T) {
	const n = 50_000
	a, b := make([]float64, n), make([]float64, n)
	for i := range a {
		s := New(1, 0).Fold(uint64(i))
		a[i], b[i] = s.For(Quality).Uniform(), s.For(Jitter).Uniform()
	}
	if r := stat.Correlation(a, b, nil); math.Abs(r) > 4/math.Sqrt(n) {
		t.Errorf("correlation %.4f between purposes", r)
	}
}

func TestInverses(t *testing.T) {
	const n = 100_000
	var normal, exp, gamma []float64
	for i := uint64(0); i < n; i++ {
		s := New(3, 0).Fold(i)
		normal = append(normal, s.For(Quality).Normal())
		exp = append(exp, s.For(Arrival).Exp(2))
		gamma = append(gamma, s.For(ToolTime).From(distuv.Gamma{Alpha: 4, Beta: 2}))
	}
	for _, c := range []struct {
		name       string
		x          []float64
		mean, sdev float64
	}{{"normal", normal, 0, 1}, {"exponential", exp, 2, 2}, {"gamma", gamma, 2, 1}} {
		mean, sdev := stat.MeanStdDev(c.x, nil)
		if math.Abs(mean-c.mean) > 4*c.sdev/math.Sqrt(n) || math.Abs(sdev-c.sdev) > 0.02*c.sdev {
			t.Errorf("%s: mean %.4f, sd %.4f; want %.4f, %.4f", c.name, mean, sdev, c.mean, c.sdev)
		}
	}
}

// TestGolden pins the draws: they are part of every published result.
func TestGolden(t *testing.T) {
	s := New(1, 2).Fold(3).For(Jitter).FoldString("metro-sin")
	if got, want := s.Uint64(), uint64(0x1173f73d61e78036); got != want {
		t.Errorf("draw = %#x, want %#x: every recorded result would change", got, want)
	}
	if New(1, 2).IntN(10) >= 10 || Stream(0).Uniform() <= 0 {
		t.Error("out of range")
	}
}

func BenchmarkUniform(b *testing.B) {
	var sum float64
	for i := 0; i < b.N; i++ {
		sum += New(1, 0).Fold(uint64(i)).For(Jitter).Fold(5).Uniform()
	}
	_ = sum
}

func BenchmarkNormal(b *testing.B) {
	var sum float64
	for i := 0; i < b.N; i++ {
		sum += Stream(i).Normal()
	}
	_ = sum
}
