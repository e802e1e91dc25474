package calibrate

import (
	"math"
	"testing"

	"tierlab/engine"
	"tierlab/sim/steptime"
)

// TestGridFits: every load fits the engine, and the lengths within a load
// differ, since they are what joins calls with the engine's account of them.
func TestGridFits(t *testing.T) {
	for _, e := range []Limits{
		{Slots: 256, Budget: 4096, Context: 40960, CacheTokens: 1 << 20, Vocab: 512},
		{Slots: 16, Budget: 512, Context: 16384, CacheTokens: 1 << 17, Vocab: 512},
		{Slots: 4, Budget: 256, Context: 1024, CacheTokens: 4096, Vocab: 512},
		{Slots: 1, Budget: 64, Context: 256, CacheTokens: 256, Vocab: 512},
	} {
		for _, prompts := range []int{leastPrompts, 100000, 1 << 24} {
			kinds := map[string]int{}
			for _, l := range grid(e, prompts) {
				checkLoad(t, e, l)
				kinds[map[bool]string{true: "alone", false: "mixed"}[l.batch == 0 || l.chunk == 0]]++
			}
			if kinds["alone"] < 3 || e.Slots > 2 && kinds["mixed"] == 0 {
				t.Errorf("%+v: too few loads: %v", e, kinds)
			}
		}
	}
}

func checkLoad(t *testing.T, e Limits, l load) {
	t.Helper()
	output := l.output(e.Budget)
	lengths := map[int]bool{}
	longest, all := 0, 0
	for i := range l.batch {
		lengths[l.context+i] = true
		longest = max(longest, l.context+i+output)
		all += l.context + i + output
	}
	for i := range l.chunks {
		lengths[l.prompt(i)] = true
		longest = max(longest, l.prompt(i)+1)
	}
	if len(lengths) != l.batch+l.chunks {
		t.Errorf("%s: two calls share a length", l)
	}
	all += max(l.chunk, l.prompt(max(0, l.chunks-1)))
	if slots := l.batch + min(l.chunk, 1); slots > e.Slots || longest > e.Context || all > e.CacheTokens {
		t.Errorf("%s: %d slots, contexts up to %d, %d tokens do not fit %+v", l, slots, longest, all, e)
	}
}

// TestGridGrows: an engine that computes more in a second is asked for longer
// contexts and larger batches, a slow one for no more than before.
func TestGridGrows(t *testing.T) {
	e := Limits{Slots: 128, Budget: 2048, Context: 65536, CacheTokens: 1 << 20, Vocab: 512}
	tokens := func(prompts int) (batch, context, chunk int) {
		for _, l := range grid(e, prompts) {
			batch, context, chunk = max(batch, l.batch*l.context), max(context, l.context), max(chunk, l.chunk)
			if l.batch*l.context > prompts {
				t.Errorf("%s has more than %d tokens of prompts", l, prompts)
			}
		}
		return batch, context, chunk
	}
	slowBatch, slowContext, slowChunk := tokens(leastPrompts)
	batch, context, chunk := tokens(300000)
	if slowContext != 8192 || context != 32768 || batch < 4*slowBatch || chunk < 4*slowChunk {
		t.Errorf("slow: %d %d %d, fast: %d %d %d", slowBatch, slowContext, slowChunk, batch, context, chunk)
	}
}

// TestOverhead: ways in and out that follow a known rule give it back, and
// lengths that two requests share are left out.
func TestOverhead(t *testing.T) {
	rule := steptime.Overhead{In: 2e5, InPerToken: 60, Out: 1e5, OutPerToken: 500}
	var seen []answer
	var done []engine.Usage
	for i, n := range []int{10, 100, 1000, 4000, 4000} {
		var a answer
		a.prompt, a.Sent = n, 1000
		u := engine.Usage{Prompt: n, Output: 1 + 8*i, Arrived: a.Sent + rule.Enter(n), First: 1e9, Done: 2e9}
		a.First, a.Done = u.First+rule.Leave(1), u.Done+rule.Leave(u.Output)
		seen, done = append(seen, a), append(done, u)
	}
	all := ways(seen, done)
	if len(all) != 3 {
		t.Fatalf("%d ways, want 3: the two of one length cannot be told apart", len(all))
	}
	got, err := overhead(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]float64{{got.In, rule.In}, {got.InPerToken, rule.InPerToken}, {got.Out, rule.Out}, {got.OutPerToken, rule.OutPerToken}} {
		if c[0] < 0.99*c[1]-1 || c[0] > 1.01*c[1]+1 {
			t.Fatalf("%+v, want %+v", got, rule)
		}
	}
}

// TestLineWithoutOutliers: ways that the machine held up do not bend the line,
// and a line through nothing is an error.
func TestLineWithoutOutliers(t *testing.T) {
	var x, y []float64
	for i := range 200 {
		at := float64(10 * i)
		v := 2e5 + 60*at
		if i%20 == 7 {
			v += 3e7
		}
		x, y = append(x, at), append(y, v*(0.98+0.04*float64(i%3)/2))
	}
	c, err := line(x, y)
	if err != nil || math.Abs(c[0]/2e5-1) > 0.02 || math.Abs(c[1]/60-1) > 0.02 {
		t.Errorf("%v, %v", c, err)
	}
	if c, err := line(nil, nil); err == nil {
		t.Errorf("a line through nothing: %v", c)
	}
}
