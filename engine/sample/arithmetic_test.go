package sample

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestExp(t *testing.T) {
	for d := 0.; d > -32; d -= 0.000317 {
		want := math.Exp(d) * (1 << weightBits)
		if got := float64(weight(d)); math.Abs(got-want) > 0.5+want*4e-16 {
			t.Fatalf("weight(%v) = %v, want %v", d, got, want)
		}
	}
	for _, d := range []float64{-1e300, math.Inf(-1), least * (1 + 1e-9)} {
		if weight(d) != 0 {
			t.Errorf("weight(%v) = %d, want 0", d, weight(d))
		}
	}
	if weight(least) != 0 || weight(0) != 1<<weightBits {
		t.Errorf("weight(%v) = %d, weight(0) = %d", least, weight(least), weight(0))
	}
	for _, f := range []float32{0, 1, -1.5, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1.8p-127, -0x1.fffffep-126} {
		if widen(f) != float64(f) || widen(-f) != float64(-f) {
			t.Errorf("widen(%v) = %v", f, widen(f))
		}
	}
	for w := uint64(1 << weightBits); w < 1<<63; w += w/7 + 1 {
		if got, want := logWeight(w), math.Log(float64(w))-weightBits*math.Ln2; math.Abs(got-want) > 1e-14+want*4e-16 {
			t.Fatalf("logWeight(%d) = %v, want %v", w, got, want)
		}
	}
}

// TestBits pins bits that must be the same on every machine: of weights, whose
// products and sums a compiler may not fuse, and of draws.
func TestBits(t *testing.T) {
	h := uint64(14695981039346656037)
	for d := 0.; d > -31; d -= 0.0173 {
		h = (h ^ weight(d)) * 1099511628211
		h = (h ^ math.Float64bits(logWeight(weight(d)))) * 1099511628211
	}
	if got, want := fmt.Sprintf("%x", h), "d2d3910cef8a2e40"; got != want {
		t.Errorf("weights and logarithms hash to %s, want %s", got, want)
	}
	var got []int32
	var s Sampler
	for i := range 12 {
		got = append(got, mustChoose(t, &s, make([]float32, 1000), Pick{Params: Params{Temperature: 1, Seed: 5}, Index: i, Forced: -1, Logprobs: -1}).Token)
	}
	if want := []int32{481, 822, 769, 831, 282, 969, 100, 775, 871, 5, 999, 230}; !slices.Equal(got, want) {
		t.Errorf("drew %v, want %v", got, want)
	}
}

func TestBoundary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.Uint64(), 1, 60, rapid.ID).Draw(t, "keys")
		c := make([]candidate, len(keys))
		total := uint64(0)
		for i, k := range keys {
			c[i] = candidate{k, rapid.Uint64Range(0, 5).Draw(t, "weight")}
			total += c[i].weight
		}
		if total == 0 {
			return
		}
		target := rapid.Uint64Range(1, total).Draw(t, "target")
		sorted := slices.SortedFunc(slices.Values(c), func(a, b candidate) int { return cmp.Compare(b.key, a.key) })
		want, sum := uint64(0), uint64(0)
		for _, s := range sorted {
			if sum += s.weight; sum >= target {
				want = s.key
				break
			}
		}
		if got := boundary(c, target); got != want {
			t.Fatalf("boundary %x, want %x", got, want)
		}
	})
}

// TestShare holds the rounding of shares against exact arithmetic.
func TestShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.Float32Range(0x1p-39, 1).Draw(t, "p")
		n := rapid.Uint64Range(0, 1<<63).Draw(t, "n")
		exact := new(big.Rat).Mul(new(big.Rat).SetFloat64(float64(p)), new(big.Rat).SetInt(new(big.Int).SetUint64(n)))
		above := new(big.Rat).Sub(new(big.Rat).SetInt(new(big.Int).SetUint64(share(p, n))), exact)
		if above.Sign() < 0 || above.Cmp(big.NewRat(1, 1)) >= 0 {
			t.Fatalf("share(%v, %d) = %d", p, n, share(p, n))
		}
	})
}

// TestBorders draws where the random bits fall on the border of two tokens.
func TestBorders(t *testing.T) {
	const one = 1 << weightBits
	for _, c := range []struct {
		random uint64
		want   int32
	}{{0, 3}, {1<<62 - 1, 3}, {1 << 62, 5}, {1<<63 - 1, 5}, {1 << 63, 9}, {math.MaxUint64, 9}} {
		d := dice{random: c.random}
		candidates := []candidate{{rank(2, 9), 2 * one}, {rank(1, 3), one}, {rank(0, 5), one}}
		if got := d.draw(candidates); got != c.want {
			t.Errorf("%#x draws %d, want %d", c.random, got, c.want)
		}
		s := Sampler{weights: make([]uint64, 64), sums: []uint64{4 * one}}
		s.weights[3], s.weights[5], s.weights[9] = one, one, 2*one
		if got := s.drawDense(nil, 64, 4*one, c.random); got != c.want {
			t.Errorf("%#x draws %d of all, want %d", c.random, got, c.want)
		}
	}
}
