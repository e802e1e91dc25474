package sample

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Sampler chooses tokens. It holds scratch space and nothing else, so that one
// goroutine can use one for all requests; the zero value is ready for use.
type Sampler struct {
	weights    []uint64 // [vocabulary], those of allowed tokens
	sums       []uint64 // of the weights of 64 tokens each
	candidates []candidate
}

// Choose chooses a token as the package comment says, with parameters that
// Validate takes. It overwrites c and reuses its slices. The logits of a forced
// pick may be nil if it asks for nothing else.
func (s *Sampler) Choose(logits []float32, p *Pick, c *Choice) error {
	c.Logprob, c.Top, c.Logits = 0, c.Top[:0], c.Logits[:0]
	if p.Forced >= 0 && logits == nil && p.Logprobs < 0 && !p.Logits {
		c.Token = p.Forced
		return nil
	}
	best, err := check(logits, p)
	if err != nil {
		return err
	}
	if c.Token, err = s.choose(logits, p, best); err != nil {
		return err
	}
	if p.Logprobs >= 0 {
		s.logprobs(logits, logits[best], p.Logprobs, c)
	}
	if p.Logits {
		c.Logits = append(c.Logits, logits...)
	}
	return nil
}

// check refuses rows from which nothing follows, and finds the most likely
// token without regard to the mask.
func check(logits []float32, p *Pick) (best int, err error) {
	if err := p.Validate(); err != nil {
		return 0, err
	}
	if len(logits) == 0 || len(logits) > MaxVocab {
		return 0, fmt.Errorf("a row of %d logits; there must be 1 to %d", len(logits), MaxVocab)
	}
	if int(p.Forced) >= len(logits) {
		return 0, fmt.Errorf("forced token %d is outside of the vocabulary of %d", p.Forced, len(logits))
	}
	if p.Mask != nil && len(p.Mask) < words(len(logits)) {
		return 0, fmt.Errorf("a mask of %d words for %d logits; there must be %d", len(p.Mask), len(logits), words(len(logits)))
	}
	most := float32(math.Inf(-1))
	for t, l := range logits {
		if l-l != 0 { // NaN for what is not finite
			return 0, fmt.Errorf("logit %d of %d is %v", t, len(logits), l)
		}
		if l > most {
			most, best = l, t
		}
	}
	return best, nil
}

// choose takes the forced token, the most likely one, or one that it draws.
// best is the most likely one without the mask.
func (s *Sampler) choose(logits []float32, p *Pick, best int) (int32, error) {
	if p.Forced >= 0 {
		return p.Forced, nil
	}
	if p.Mask != nil {
		if best = mostLikely(logits, p.Mask); best < 0 {
			return 0, fmt.Errorf("the mask allows none of the %d tokens", len(logits))
		}
	}
	if p.Temperature == 0 {
		return int32(best), nil
	}
	d := dice{
		max:     float64(logits[best]),
		inverse: 1 / float64(p.Temperature),
		least:   share(p.MinP, 1<<weightBits),
		random:  p.Random(),
	}
	nucleus := p.TopP > 0 && p.TopP < 1
	if p.TopK > 0 && p.TopK < len(logits) {
		c := s.top(logits, p.Mask, p.TopK)
		total := uint64(0)
		for i := range c {
			c[i].weight = d.weight(logits[c[i].token()])
			total += c[i].weight
		}
		if nucleus {
			c = keep(c, boundary(c, max(1, share(p.TopP, total))))
		}
		return d.draw(c), nil
	}
	if nucleus {
		return d.draw(s.nucleus(logits, p, &d)), nil
	}
	return s.drawDense(p.Mask, len(logits), s.weigh(logits, p.Mask, &d, d.least), d.random), nil
}

// mostLikely is the allowed token with the largest logit, -1 if there is none.
func mostLikely(logits []float32, mask []uint64) int {
	best, most := -1, float32(math.Inf(-1))
	for w := range words(len(logits)) {
		for set := allowed(mask, w, len(logits)); set != 0; set &= set - 1 {
			if t := tokenAt(w, set); logits[t] > most {
				best, most = t, logits[t]
			}
		}
	}
	return best
}

// logprobs fills in the log-probabilities of the chosen token and of the n most
// likely ones; most is the largest logit.
func (s *Sampler) logprobs(logits []float32, most float32, n int, c *Choice) {
	d := dice{max: float64(most), inverse: 1}
	total := uint64(0)
	for _, l := range logits {
		total += d.weight(l)
	}
	norm := d.max + logWeight(total)
	of := func(t int32) float32 { return float32(float64(logits[t]) - norm) }
	c.Logprob = of(c.Token)
	if n == 0 {
		return
	}
	top := s.top(logits, nil, min(n, len(logits)))
	slices.SortFunc(top, func(a, b candidate) int {
		if a.key > b.key {
			return -1
		}
		return 1
	})
	for _, t := range top {
		c.Top = append(c.Top, Logprob{t.token(), of(t.token())})
	}
}

// words is the length of a mask for n tokens.
func words(n int) int { return (n + 63) / 64 }

// allowed is a mask's word w, without bits from token n on.
func allowed(mask []uint64, w, n int) uint64 {
	set := ^uint64(0)
	if mask != nil {
		set = mask[w]
	}
	if rest := n - 64*w; rest < 64 {
		set &= 1<<rest - 1
	}
	return set
}

// tokenAt is the token of the lowest bit of a mask's word w.
func tokenAt(w int, set uint64) int { return 64*w + bits.TrailingZeros64(set) }
