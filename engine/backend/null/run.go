package null

import (
	"fmt"
	"math"
	"slices"

	"tierlab/engine/backend"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// Peak is the least logit of the token that the model wants.
const Peak = 8

// run computes a step: its copies, the memory of all rows, then what each row
// that samples reads there.
func (b *Backend) run(s *backend.Step, r *backend.Result) error {
	if err := b.slots.Apply(s.Plan); err != nil {
		return err
	}
	size := b.caps.BlockTokens
	for _, c := range s.Plan.Copies {
		from, to := int(c.From)*size, int(c.To)*size
		copy(b.memory[to:to+int(c.Tokens)], b.memory[from:])
	}
	at := 0
	for i := range s.Plan.Rows {
		row := &s.Plan.Rows[i]
		b.write(row, s.Tokens[at:at+int(row.N)])
		at += int(row.N)
	}
	r.Plan = s.Plan.ID
	r.Choices = slices.Grow(r.Choices[:0], len(s.Picks))[:len(s.Picks)]
	pick := 0
	for i := range s.Plan.Rows {
		row := &s.Plan.Rows[i]
		if !row.Sample {
			continue
		}
		p := &s.Picks[pick]
		var w wish
		if p.Forced < 0 || p.Logprobs >= 0 || p.Logits { // else nobody asks what the model wants
			w = b.think(row)
		}
		if err := w.choose(p, &r.Choices[pick]); err != nil {
			return fmt.Errorf("null: plan %d, row %d: %w", s.Plan.ID, i, err)
		}
		b.slots.Choose(row.Slot, r.Choices[pick].Token)
		pick++
	}
	return nil
}

// write puts a row's tokens where its keys and values would be.
func (b *Backend) write(r *sched.Row, tokens []int32) {
	table, size := b.slots.Table(r.Slot), b.caps.BlockTokens
	for k, id := range tokens {
		if r.FromDevice && k == len(tokens)-1 {
			id = b.slots.Last(r.Slot)
		}
		at := int(r.Start) + k
		b.memory[int(table[at/size])*size+at%size] = id
	}
}

// wish is a row of logits: peak at the wanted token, 0 elsewhere.
type wish struct {
	token int32
	peak  float32
	vocab int
}

// think reads a row's whole context.
func (b *Backend) think(r *sched.Row) wish {
	size, left := b.caps.BlockTokens, int(r.Start+r.N)
	sum, position := uint64(0), uint64(0)
	for _, block := range b.slots.Table(r.Slot) {
		held := b.memory[int(block)*size:][:min(size, left)]
		for _, id := range held {
			sum += mix(uint64(uint32(id)) + position*0x9e3779b97f4a7c15)
			position++
		}
		if left -= len(held); left == 0 {
			break
		}
	}
	h := mix(sum + position)
	return wish{token: int32(h % uint64(b.caps.Vocab)), peak: Peak + float32(h>>40)/(1<<24), vocab: b.caps.Vocab}
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", OOPSLA 2014), a bijection.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// choose fills c, whose slices it reuses.
func (w wish) choose(k *sample.Pick, c *sample.Choice) error {
	*c = sample.Choice{Token: w.token, Top: c.Top[:0], Logits: c.Logits[:0]}
	switch {
	case k.Forced >= 0:
		c.Token = k.Forced
	case k.Mask != nil:
		t, ok := w.allowed(k.Mask)
		if !ok {
			return fmt.Errorf("the mask allows no token")
		}
		c.Token = t
	}
	if k.Logprobs >= 0 {
		c.Logprob = w.logprob(c.Token)
		c.Top = w.top(k.Logprobs, c.Top)
	} else {
		c.Top = nil
	}
	if k.Logits {
		c.Logits = slices.Grow(c.Logits, w.vocab)[:w.vocab]
		clear(c.Logits)
		c.Logits[w.token] = w.peak
	} else {
		c.Logits = nil
	}
	return nil
}

// allowed is the wanted token, or the next one that the mask allows.
func (w wish) allowed(mask []uint64) (int32, bool) {
	t := int(w.token)
	for range w.vocab {
		if mask[t/64]>>(t%64)&1 != 0 {
			return int32(t), true
		}
		if t++; t == w.vocab {
			t = 0
		}
	}
	return 0, false
}

// logprob is the logarithm of the softmax of a row of one peak.
func (w wish) logprob(token int32) float32 {
	log := math.Log(math.Exp(float64(w.peak)) + float64(w.vocab-1))
	if token == w.token {
		return float32(float64(w.peak) - log)
	}
	return float32(-log)
}

// top are the n most likely tokens: the wanted one, then all others by id.
func (w wish) top(n int, dst []sample.Logprob) []sample.Logprob {
	n = min(n, w.vocab)
	if n > 0 {
		dst = append(dst, sample.Logprob{Token: w.token, Logprob: w.logprob(w.token)})
	}
	for t := int32(0); len(dst) < n; t++ {
		if t != w.token {
			dst = append(dst, sample.Logprob{Token: t, Logprob: w.logprob(t)})
		}
	}
	return dst
}
