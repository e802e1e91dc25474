package sample

import (
	"math"
	"slices"
)

// candidate is a token that may still be drawn. The larger key comes first.
type candidate struct {
	key    uint64
	weight uint64
}

// rank is a key that orders tokens by logit, and equal ones by the smaller id.
func rank(logit float32, token int) uint64 {
	b := math.Float32bits(logit + 0) // -0 becomes 0
	if b>>31 != 0 {
		b = ^b
	} else {
		b |= 1 << 31
	}
	return uint64(b)<<32 | uint64(^uint32(token))
}

// byID is a key that orders tokens by the smaller id alone.
func byID(key uint64) uint64 { return key & math.MaxUint32 }

// token is the token of a key of either kind.
func (c candidate) token() int32 { return int32(^uint32(c.key)) }

// boundary finds the first key, from the largest down, with which the sum of
// weights reaches target. Keys are distinct and the sum of all reaches target,
// which is at least 1. It reorders c.
//
// It looks at keys digit by digit, the most significant first: a histogram of
// weights says in which of 2048 classes the boundary lies, and only that class
// goes on. So it takes at most 6 passes. The first digit holds two bits of a
// logit's mantissa: with its exponent alone, most logits would be of one class.
func boundary(c []candidate, target uint64) uint64 {
	const digit = 11
	for shift := 64 - digit; len(c) > 1; shift = max(0, shift-digit) {
		var sums [1 << digit]uint64
		for i := range c {
			sums[c[i].key>>shift&(1<<digit-1)] += c[i].weight
		}
		class := len(sums) - 1
		for target > sums[class] {
			target -= sums[class]
			class--
		}
		n := 0
		for i := range c {
			if int(c[i].key>>shift&(1<<digit-1)) == class {
				c[n], c[i] = c[i], c[n]
				n++
			}
		}
		c = c[:n]
	}
	return c[0].key
}

// keep moves the candidates whose key is at least cut to the front.
func keep(c []candidate, cut uint64) []candidate {
	n := 0
	for i := range c {
		if c[i].key >= cut {
			c[n] = c[i]
			n++
		}
	}
	return c[:n]
}

// top collects the k most likely of the allowed tokens, in no order, each with
// weight 1. It gathers up to 2k of them, or a few more, before it cuts these
// back to k, after which only tokens above the least of those are gathered.
func (s *Sampler) top(logits []float32, mask []uint64, k int) []candidate {
	room := 2*k + 64
	c := slices.Grow(s.candidates[:0], min(room, len(logits))+64)
	cut := uint64(0)
	for w := range words(len(logits)) {
		for set := allowed(mask, w, len(logits)); set != 0; set &= set - 1 {
			t := tokenAt(w, set)
			if key := rank(logits[t], t); key > cut {
				c = append(c, candidate{key, 1})
			}
		}
		if len(c) >= room {
			cut = boundary(c, uint64(k))
			c = keep(c, cut)
		}
	}
	if len(c) > k {
		c = keep(c, boundary(c, uint64(k)))
	}
	s.candidates = c
	return c
}
