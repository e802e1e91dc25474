package sample

import (
	"math/bits"
	"slices"
)

// dice turns one row's logits into weights and its random bits into a token.
type dice struct {
	max     float64 // logit of the most likely token
	inverse float64 // of the temperature
	least   uint64  // weight below which min-p drops a token
	random  uint64
}

func (d *dice) weight(logit float32) uint64 {
	return weight(float64((widen(logit) - d.max) * d.inverse))
}

// share is the least whole number that is at least p n, for p in [0, 1]. Where
// p is above 2^-39 it is exact: p has 24 significant bits.
func share(p float32, n uint64) uint64 {
	hi, lo := bits.Mul64(uint64(float64(p)*(1<<63)), n)
	whole, rest := hi<<1|lo>>63, lo<<1
	if rest != 0 {
		whole++
	}
	return whole
}

// point is where in the sum of weights the random bits fall, from 0.
func point(random, total uint64) uint64 {
	hi, _ := bits.Mul64(random, total)
	return hi
}

// draw takes one of the candidates that min-p leaves. The most likely token is
// one of them.
func (d *dice) draw(c []candidate) int32 {
	n, total := 0, uint64(0)
	for i := range c {
		if c[i].weight >= d.least && c[i].weight > 0 {
			c[n] = candidate{byID(c[i].key), c[i].weight}
			total += c[i].weight
			n++
		}
	}
	return candidate{key: boundary(c[:n], point(d.random, total)+1)}.token()
}

// weigh computes the weights of all allowed tokens, those below least as 0, and
// their sum.
func (s *Sampler) weigh(logits []float32, mask []uint64, d *dice, least uint64) (total uint64) {
	n := words(len(logits))
	s.weights = slices.Grow(s.weights[:0], 64*n)[:64*n]
	s.sums = slices.Grow(s.sums[:0], n)[:n]
	for w := range n {
		s.sums[w] = d.weighWord(s.weights[64*w:64*w+64], logits[64*w:], allowed(mask, w, len(logits)), least)
		total += s.sums[w]
	}
	return total
}

// weighWord is weigh for the tokens of one word of the mask.
func (d *dice) weighWord(weights []uint64, logits []float32, set, least uint64) (sum uint64) {
	for ; set != 0; set &= set - 1 {
		t := bits.TrailingZeros64(set)
		v := d.weight(logits[t])
		if v < least {
			v = 0
		}
		weights[t] = v
		sum += v
	}
	return sum
}

// drawDense takes one of all weighed tokens.
func (s *Sampler) drawDense(mask []uint64, n int, total, random uint64) int32 {
	left := point(random, total)
	w := 0
	for left >= s.sums[w] {
		left -= s.sums[w]
		w++
	}
	set := allowed(mask, w, n)
	for left >= s.weights[tokenAt(w, set)] {
		left -= s.weights[tokenAt(w, set)]
		set &= set - 1
	}
	return int32(tokenAt(w, set))
}

// nucleus collects the tokens that top-p keeps of the whole vocabulary. Tokens
// below an n-th of the share that may be dropped sum up to less than it, so
// none of them is kept: mostly few are left to select from.
func (s *Sampler) nucleus(logits []float32, p *Pick, d *dice) []candidate {
	total := s.weigh(logits, p.Mask, d, 0)
	target := max(1, share(p.TopP, total))
	floor := max(1, (total-target)/uint64(len(logits)))
	c := s.candidates[:0]
	for w, sum := range s.sums {
		if sum < floor {
			continue
		}
		for set := allowed(p.Mask, w, len(logits)); set != 0; set &= set - 1 {
			if t := tokenAt(w, set); s.weights[t] >= floor {
				c = append(c, candidate{rank(logits[t], t), s.weights[t]})
			}
		}
	}
	s.candidates = c
	return keep(c, boundary(c, target))
}
