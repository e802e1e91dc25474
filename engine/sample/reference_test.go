package sample

import (
	"cmp"
	"math"
	"math/big"
	"slices"

	"tierlab/internal/rng"
)

// reference chooses as the package comment says, by sorting everything and by
// math.Exp. It may differ from Choose in the last bit of a weight, which no
// draw of a test is near enough to a border to show.
func reference(logits []float32, p *Pick) int32 {
	type token struct {
		id int32
		l  float32
		w  float64
	}
	var left []token
	for t, l := range logits {
		if p.Mask == nil || p.Mask[t/64]>>(t%64)&1 == 1 {
			left = append(left, token{id: int32(t), l: l})
		}
	}
	slices.SortFunc(left, func(a, b token) int {
		return cmp.Or(cmp.Compare(b.l, a.l), cmp.Compare(a.id, b.id))
	})
	if p.Forced >= 0 {
		return p.Forced
	}
	if p.Temperature == 0 {
		return left[0].id
	}
	for i := range left {
		d := (float64(left[i].l) - float64(left[0].l)) / float64(p.Temperature)
		left[i].w = math.Floor(math.Exp(d)*(1<<weightBits) + 0.5)
	}
	if p.TopK > 0 {
		left = left[:min(p.TopK, len(left))]
	}
	total := func() (sum float64) {
		for _, t := range left {
			sum += t.w
		}
		return sum
	}
	if p.TopP > 0 && p.TopP < 1 {
		target, sum := float64(p.TopP)*total(), 0.
		for i, t := range left {
			if sum += t.w; sum >= target {
				left = left[:i+1]
				break
			}
		}
	}
	left = slices.DeleteFunc(left, func(t token) bool { return t.w < float64(p.MinP)*left[0].w })
	slices.SortFunc(left, func(a, b token) int { return cmp.Compare(a.id, b.id) })
	u := new(big.Float).SetUint64(rng.New(p.Seed, 0).For(rng.Token).Fold(uint64(p.Index)).Uint64())
	u.Mul(u, big.NewFloat(total()))
	at, _ := u.SetMantExp(u, -64).Float64()
	sum := 0.
	for _, t := range left {
		if sum += t.w; sum > math.Floor(at) {
			return t.id
		}
	}
	panic("the weights do not sum up to their total")
}
