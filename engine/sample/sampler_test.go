package sample

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// row is a row of logits with a given spread, many of them equal.
func row(r *rand.Rand, n int, spread float64) []float32 {
	logits := make([]float32, n)
	for i := range logits {
		logits[i] = float32(math.Round(r.NormFloat64()*spread*16) / 16)
	}
	return logits
}

func mustChoose(t testing.TB, s *Sampler, logits []float32, p Pick) Choice {
	t.Helper()
	var c Choice
	if err := s.Choose(logits, &p, &c); err != nil {
		t.Fatalf("%+v: %v", p.Params, err)
	}
	return c
}

func TestChooseAsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s Sampler
	for i := range 6000 {
		n := 1 + r.IntN(300)
		logits := row(r, n, []float64{0, 0.3, 3, 10}[r.IntN(4)])
		p := Pick{Forced: -1, Logprobs: -1, Index: i}
		p.Seed = r.Uint64()
		p.Temperature = []float32{0, 0.1, 0.7, 1, 2}[r.IntN(5)]
		p.TopK = []int{0, 0, 1, 2, 7, 40, 1000}[r.IntN(7)]
		p.TopP = []float32{0, 0, 1e-6, 0.3, 0.9, 0.999, 1}[r.IntN(7)]
		p.MinP = []float32{0, 0, 0.01, 0.3, 1}[r.IntN(5)]
		if r.IntN(3) == 0 {
			p.Mask = make([]uint64, words(n))
			for w := range p.Mask {
				p.Mask[w] = r.Uint64() & r.Uint64()
			}
			p.Mask[0] |= 1
		}
		if got, want := mustChoose(t, &s, logits, p).Token, reference(logits, &p); got != want {
			t.Fatalf("case %d: %d logits, %+v: token %d, the reference takes %d", i, n, p.Params, got, want)
		}
	}
}

func TestChooseTable(t *testing.T) {
	zero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name   string
		logits []float32
		pick   Pick
		want   int32
	}{
		{"largest", []float32{1, 3, 2}, Pick{Forced: -1}, 1},
		{"first of equal ones", []float32{1, 3, 3}, Pick{Forced: -1}, 1},
		{"first of equal ones in top-k", []float32{1, 3, 3}, Pick{Forced: -1, Params: Params{Temperature: 1, TopK: 1}}, 1},
		{"minus zero is zero", []float32{zero, 0, -1}, Pick{Forced: -1, Params: Params{Temperature: 1, TopK: 1}}, 0},
		{"masked", []float32{1, 3, 2}, Pick{Forced: -1, Mask: []uint64{0b101}}, 2},
		{"mask with bits beyond the vocabulary", []float32{1, 3, 2}, Pick{Forced: -1, Mask: []uint64{^uint64(2)}}, 2},
		{"drawn of one", []float32{9, 3, 2}, Pick{Forced: -1, Mask: []uint64{4}, Params: Params{Temperature: 1}}, 2},
		{"forced over the mask", []float32{1, 3, 2}, Pick{Forced: 0, Mask: []uint64{4}}, 0},
		{"forced without logits", nil, Pick{Forced: 7}, 7},
		{"a tiny temperature", []float32{1, 1.0000001, 0}, Pick{Forced: -1, Params: Params{Temperature: math.SmallestNonzeroFloat32}}, 1},
		{"a tiny share", []float32{1, 3, 2}, Pick{Forced: -1, Params: Params{Temperature: 2, TopP: math.SmallestNonzeroFloat32}}, 1},
		{"the largest range", []float32{-math.MaxFloat32, math.MaxFloat32}, Pick{Forced: -1, Params: Params{Temperature: 1}}, 1},
		{"all of min-p", []float32{1, 3, 2.999}, Pick{Forced: -1, Params: Params{Temperature: 1, MinP: 1}}, 1},
	} {
		c.pick.Logprobs = -1
		var s Sampler
		if got := mustChoose(t, &s, c.logits, c.pick).Token; got != c.want {
			t.Errorf("%s: token %d, want %d", c.name, got, c.want)
		}
	}
}

func TestChooseErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		logits []float32
		pick   Pick
		want   string
	}{
		{[]float32{0, nan, 1}, Pick{Forced: -1}, "logit 1 of 3 is NaN"},
		{[]float32{0, 1, inf}, Pick{Forced: 1}, "logit 2 of 3 is +Inf"},
		{[]float32{-inf, 1}, Pick{Forced: -1, Mask: []uint64{2}}, "logit 0 of 2 is -Inf"},
		{[]float32{0, 1}, Pick{Forced: 2}, "forced token 2"},
		{[]float32{0, 1}, Pick{Forced: -1, Mask: []uint64{4}}, "allows none of the 2"},
		{make([]float32, 65), Pick{Forced: -1, Mask: []uint64{4}}, "1 words for 65 logits"},
		{nil, Pick{Forced: -1}, "0 logits"},
		{nil, Pick{Forced: 1, Logits: true}, "0 logits"},
		{[]float32{0, 1}, Pick{Forced: -1, Params: Params{Temperature: -1}}, "temperature is -1"},
		{make([]float32, MaxVocab+1), Pick{Forced: -1}, "524289 logits"},
	} {
		c.pick.Logprobs = -1
		if c.pick.Temperature == 0 {
			c.pick.Temperature = 1
		}
		var s Sampler
		err := s.Choose(c.logits, &c.pick, &Choice{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d logits, %+v: %v, want %q", len(c.logits), c.pick, err, c.want)
		}
	}
}

// TestLargestSum draws the last token of the largest vocabulary with equal
// logits, where the sum of weights is as large as it can be.
func TestLargestSum(t *testing.T) {
	var s Sampler
	logits := make([]float32, MaxVocab)
	d := dice{inverse: 1}
	total := s.weigh(logits, nil, &d, 0)
	if want := uint64(MaxVocab) << weightBits; total != want {
		t.Fatalf("sum of weights %d, want %d", total, want)
	}
	if got := s.drawDense(nil, len(logits), total, math.MaxUint64); got != MaxVocab-1 {
		t.Errorf("drew %d, want the last token", got)
	}
	if got := s.drawDense(nil, len(logits), total, 0); got != 0 {
		t.Errorf("drew %d, want the first token", got)
	}
}

func TestLogprobs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var s Sampler
	var c Choice
	for range 200 {
		logits := row(r, 1+r.IntN(400), 4)
		p := Pick{Forced: int32(r.IntN(len(logits))), Logprobs: r.IntN(24), Logits: true}
		if err := s.Choose(logits, &p, &c); err != nil {
			t.Fatal(err)
		}
		sum := 0.
		ids := make([]int32, len(logits))
		for i, l := range logits {
			sum += math.Exp(float64(l))
			ids[i] = int32(i)
		}
		slices.SortFunc(ids, func(a, b int32) int { return cmp.Or(cmp.Compare(logits[b], logits[a]), cmp.Compare(a, b)) })
		near := func(got float32, t int32) bool {
			return math.Abs(float64(got)-(float64(logits[t])-math.Log(sum))) < 2e-6
		}
		if !near(c.Logprob, p.Forced) {
			t.Fatalf("log-probability %v of token %d", c.Logprob, p.Forced)
		}
		if len(c.Top) != min(p.Logprobs, len(logits)) || !slices.Equal(c.Logits, logits) {
			t.Fatalf("%d of %d log-probabilities, %d logits", len(c.Top), p.Logprobs, len(c.Logits))
		}
		for i, l := range c.Top {
			if l.Token != ids[i] || !near(l.Logprob, l.Token) {
				t.Fatalf("place %d: %+v, want token %d", i, l, ids[i])
			}
		}
	}
	plain := Pick{Forced: -1, Logprobs: -1}
	if err := s.Choose([]float32{1, 2}, &plain, &c); err != nil || c.Logprob != 0 || len(c.Top) != 0 || len(c.Logits) != 0 {
		t.Errorf("a choice without log-probabilities keeps %+v of the one before: %v", c, err)
	}
}

// TestDistribution holds counts of draws against the probabilities that each
// step of the package comment leaves, by Pearson's chi-square.
func TestDistribution(t *testing.T) {
	logits := []float32{0, 1, 2, -1, 2, 0.5, -3, 1.5}
	softmax := func(temperature float64, kept ...int) []float64 {
		p, sum := make([]float64, len(logits)), 0.
		for _, k := range kept {
			p[k] = math.Exp(float64(logits[k]) / temperature)
			sum += p[k]
		}
		for k := range p {
			p[k] /= sum
		}
		return p
	}
	// Quantiles of the chi-square distribution at 1 - 1e-4, by degrees of freedom.
	limit := []float64{0, 15.14, 18.42, 21.11, 23.51, 25.74, 27.86, 29.88}
	for _, c := range []struct {
		name   string
		params Params
		mask   []uint64
		want   []float64
	}{
		{"temperature 1", Params{Temperature: 1}, nil, softmax(1, 0, 1, 2, 3, 4, 5, 6, 7)},
		{"temperature 0.5", Params{Temperature: 0.5}, nil, softmax(0.5, 0, 1, 2, 3, 4, 5, 6, 7)},
		{"masked", Params{Temperature: 1}, []uint64{0b01101011}, softmax(1, 0, 1, 3, 5, 6)},
		{"top-k 3", Params{Temperature: 1, TopK: 3}, nil, softmax(1, 2, 4, 7)},
		{"top-p 0.6", Params{Temperature: 1, TopP: 0.6}, nil, softmax(1, 2, 4, 7)},
		{"top-p after top-k", Params{Temperature: 1, TopK: 3, TopP: 0.75}, nil, softmax(1, 2, 4)},
		{"min-p 0.3", Params{Temperature: 1, MinP: 0.3}, nil, softmax(1, 1, 2, 4, 7)},
	} {
		t.Run(c.name, func(t *testing.T) {
			const draws = 200000
			counts := make([]int, len(logits))
			var s Sampler
			var got Choice
			p := Pick{Params: c.params, Forced: -1, Logprobs: -1, Mask: c.mask}
			for p.Index = range draws {
				if err := s.Choose(logits, &p, &got); err != nil {
					t.Fatal(err)
				}
				counts[got.Token]++
			}
			chi, free := 0., -1
			for k, want := range c.want {
				if want == 0 {
					if counts[k] > 0 {
						t.Errorf("token %d was drawn %d times", k, counts[k])
					}
					continue
				}
				free++
				chi += math.Pow(float64(counts[k])-want*draws, 2) / (want * draws)
			}
			if chi > limit[free] {
				t.Errorf("chi-square %.1f with %d degrees of freedom, over %.1f; counts %v, probabilities %.4f", chi, free, limit[free], counts, c.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		p     Params
		param string
	}{
		{Params{}, ""},
		{Params{Temperature: 2, TopK: 40, TopP: 1, MinP: 1}, ""},
		{Params{Temperature: -0.1}, "temperature"},
		{Params{Temperature: 2.1}, "temperature"},
		{Params{Temperature: nan}, "temperature"},
		{Params{TopP: 1.1}, "top_p"},
		{Params{TopP: nan}, "top_p"},
		{Params{MinP: -1}, "min_p"},
		{Params{TopK: -1}, "top_k"},
	} {
		err := c.p.Validate()
		if c.param == "" && err != nil || c.param != "" && (err == nil || err.(*ParamError).Param != c.param || !strings.HasPrefix(err.Error(), c.param)) {
			t.Errorf("%+v: %v, want an error of %q", c.p, err, c.param)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	logits := row(rand.New(rand.NewPCG(1, 1)), 5000, 3)
	var s Sampler
	var c Choice
	for _, p := range picks() {
		p.Mask, p.Logprobs, p.Logits = full(len(logits)), 5, true
		if n := testing.AllocsPerRun(20, func() {
			if err := s.Choose(logits, &p, &c); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%+v: %v allocations", p.Params, n)
		}
	}
}

func full(n int) []uint64 {
	mask := make([]uint64, words(n))
	for i := range mask {
		mask[i] = math.MaxUint64
	}
	return mask
}

func picks() map[string]Pick {
	m := map[string]Pick{}
	for name, p := range map[string]Params{
		"greedy":      {},
		"temperature": {Temperature: 1},
		"top-k-50":    {Temperature: 1, TopK: 50},
		"top-p-0.95":  {Temperature: 1, TopP: 0.95},
		"all":         {Temperature: 0.7, TopK: 1000, TopP: 0.9, MinP: 0.01},
	} {
		m[name] = Pick{Params: p, Forced: -1, Logprobs: -1}
	}
	return m
}

func BenchmarkChoose(b *testing.B) {
	for _, vocab := range []int{32000, 128256} {
		logits := make([]float32, vocab)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range logits {
			logits[i] = float32(r.NormFloat64() * 3)
		}
		for name, p := range picks() {
			for _, mask := range []string{"", "-masked"} {
				b.Run(fmt.Sprintf("%s%s/vocab=%d", name, mask, vocab), func(b *testing.B) {
					if mask != "" {
						p.Mask = full(vocab)
					}
					var s Sampler
					var c Choice
					for b.Loop() {
						if err := s.Choose(logits, &p, &c); err != nil {
							b.Fatal(err)
						}
						p.Index++
					}
				})
			}
		}
	}
}
