package cuda

import (
	"math"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/backend/backendtest"
	"tierlab/engine/backend/cpu"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// TestAgreesWithTheCPU runs the same steps here and on the CPU backend, in bf16:
// prompts in chunks, then sequences of different lengths that decode together,
// their contexts cut into several splits, with a prompt's chunk among them.
//
// Both round to bf16, but at different places: here what products give is rounded
// too. A dozen roundings in a row, each off by up to 2^-9, may part the two by
// most of the logits' length. A wrong position, block or split parts them by a
// third and more.
func TestAgreesWithTheCPU(t *testing.T) {
	const most = 0.025
	places(t, func(t *testing.T, c Config) {
		c.Source, c.Slots, c.Budget, c.Context, c.Blocks, c.BlockTokens, c.SplitTokens = source(t, "tiny"), 4, 32, 320, 40, 32, 64
		b := open(t, c)
		ref, err := cpu.Open(cpu.Config{Source: c.Source, Numerics: "bf16", Slots: 4, Budget: 32, Context: 320, Blocks: 40, BlockTokens: 32})
		if err != nil {
			t.Fatal(err)
		}
		defer ref.Close()
		var got, want backend.Result
		for _, s := range script() {
			backendtest.Once(t, b, s, &got)
			backendtest.Once(t, ref, s, &want)
			for i := range want.Choices {
				if e := distance(got.Choices[i].Logits, want.Choices[i].Logits); !(e <= most) {
					t.Errorf("plan %d, sample %d: the logits are off by %.2g of their length", s.Plan.ID, i, e)
				}
			}
		}
	})
}

// script are the steps: contexts of 40, 100 and 190 tokens, and 6 tokens decoded
// of each.
func script() []*backend.Step {
	var list []*backend.Step
	lengths := [...]int{40, 100, 190}
	add := func(rows ...sched.Row) {
		s := step(uint64(len(list)+1), rows...)
		for i := range s.Tokens {
			s.Tokens[i] = int32((31*len(list) + 7*i) % 500)
		}
		for i := range s.Picks {
			s.Picks[i] = sample.Pick{Forced: -1, Logprobs: -1, Logits: true}
		}
		list = append(list, s)
	}
	row := func(slot, start, n int, sampled bool) sched.Row {
		r := sched.Row{Slot: int32(slot), Start: int32(start), N: int32(n), Sample: sampled}
		if start == 0 {
			r.NewBlocks = blocks(10*slot, 10)
		} else {
			r.FirstBlock = 10
		}
		return r
	}
	for slot, length := range lengths {
		for at := 0; at < length; at += 32 {
			n := min(32, length-at)
			add(row(slot, at, n, at+n == length))
		}
	}
	for i := range 6 {
		rows := []sched.Row{row(3, 20*i, 20, false)}
		for slot, length := range lengths {
			rows = append(rows, row(slot, length+i, 1, true))
		}
		add(rows...)
	}
	return list
}

// distance is how far a row is from another, as a share of that one's length.
func distance(got, want []float32) float64 {
	off, of := 0., 0.
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		off += d * d
		of += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(off / of)
}
