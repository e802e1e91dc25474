package shapes

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/model"
	"tierlab/engine/sched"
)

func TestParse(t *testing.T) {
	const list = "pp512, tg128,tg64@4096,batch16,sessions4,stall16384,decode:32x1024,prefill:8192,stall:32768x16,sharegpt:40x8@0.1,load:2.5x40,agentic:4x3x2,startup:cold,startup:warm"
	got, err := Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range got {
		names = append(names, s.String())
	}
	if all := strings.Join(names, ","); all != strings.ReplaceAll(list, " ", "") {
		t.Error(all)
	}
	if got[2].Context != 4096 || got[2].N != 64 || got[5].Beside != 4 || got[8].Beside != 16 || got[9].Scale != 0.1 || got[10].Rate != 2.5 {
		t.Errorf("%+v", got)
	}
	for bare, want := range map[string]string{
		"sharegpt": "sharegpt:4000x200", "agentic": "agentic:20x5x10", "startup": "startup:warm", "load:8": "load:8x400",
		"agentic:7@0.5": "agentic:7x5x10@0.5", "stall:512": "stall512", Default: Default,
	} {
		s, err := Parse(bare)
		if err != nil || bare != Default && s[0].String() != want {
			t.Errorf("%s: %v, %v", bare, s, err)
		}
	}
	for _, bad := range []string{
		"", "pp", "pp0", "pp-1", "ppx", "tg8@", "tg8@0", "pp8@16", "batch16@2", "stall16", "decode4", "pp512,",
		"decode", "decode:4", "decode:4x", "decode:0x8", "decode:4x8x2", "prefill:", "stall:16", "sharegpt:4001", "sharegpt:4x0",
		"sharegpt:4@0", "sharegpt:4@nan", "load", "load:0", "load:nan", "load:1x0", "agentic:1x0", "startup:hot",
	} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%q was read as %v", bad, s)
		}
	}
}

// FuzzParse: what is read is written so that it is read as the same.
func FuzzParse(f *testing.F) {
	for _, list := range []string{Default, "decode:32x1024,prefill:8", "stall:512x9,sharegpt:3@0.5", "load:0.25x3,agentic", "startup:cold"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		first, err := Parse(list)
		if err != nil {
			return
		}
		var names []string
		for _, s := range first {
			names = append(names, s.String())
		}
		again, err := Parse(strings.Join(names, ","))
		if err != nil || !slices.Equal(first, again) {
			t.Errorf("%q is read as %+v, and %q as %+v: %v", list, first, names, again, err)
		}
	})
}

// TestWork compares with sums by hand for the preset small: 12 layers of
// 768 x (768 + 256 + 256 + 768) + 3 x 768 x 2,048 weights, a head of 32,768 x 768.
func TestWork(t *testing.T) {
	c, err := model.Preset("small")
	if err != nil {
		t.Fatal(err)
	}
	const body, head = 12 * (768*2048 + 3*768*2048), 32768 * 768
	decode := Pass(c, 2, 1, 1, 100, 100)
	if want := 2.0 * (body + head + 12*2*256*100); decode.Bytes != want {
		t.Errorf("a decode at context 100 reads %g bytes, want %g", decode.Bytes, want)
	}
	if want := 2.0*(body+head) + 4*12*768*100; decode.FLOP != want {
		t.Errorf("a decode at context 100 takes %g operations, want %g", decode.FLOP, want)
	}
	prompt := prefillWork(c, 2, 512)
	if want := 2.0*(512*body+head) + 4*12*768*512*513/2; prompt.FLOP != want {
		t.Errorf("a prompt of 512 takes %g operations, want %g", prompt.FLOP, want)
	}
	if many, one := decodeWork(c, 4, 2, 10, 3), Pass(c, 4, 2, 2, 22, 22); many.Bytes != 3*one.Bytes {
		t.Errorf("three passes around context 11 read %g bytes, want %g", many.Bytes, 3*one.Bytes)
	}
}

// bench is an engine whose iterations take a millisecond and ten microseconds a
// token.
func bench(t *testing.T) *Bench {
	t.Helper()
	c, err := model.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	device, err := null.Open(null.Config{
		Vocab: c.Vocab, Context: 4096, Slots: 8, Budget: 256, Blocks: 2048, BlockTokens: 16,
		StepTime: func(s sched.Shape) time.Duration {
			return time.Millisecond + time.Duration(s.Tokens)*10*time.Microsecond
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Config{Backend: device, Sched: sched.Config{Queue: 64}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return &Bench{Engine: e, Model: c, Elem: 2}
}

// TestShapes: each shape gives what it says, as far as it follows from the
// device's model whatever else the machine does: rates no higher than that
// allows, and ratios with a cause.
func TestShapes(t *testing.T) {
	b := bench(t)
	shapes, err := Parse("pp512,tg20,tg20@100,batch8,sessions4,stall1024,decode:4x200,prefill:300,stall:600x2")
	if err != nil {
		t.Fatal(err)
	}
	most := map[string]float64{ // tokens/s if nothing but the device takes time
		"pp512": 512 / 7.12e-3, "tg20": 1 / 1.01e-3, "tg20@100": 1 / 1.01e-3, "batch8": 8 / 1.08e-3,
		"sessions4": 4 / 1.04e-3, "stall1024": 1024 / 14e-3,
		"decode:4x200": 4 / 1.04e-3, "prefill:300": 300 / 5e-3, "stall:600x2": 600 / 9e-3,
	}
	for _, s := range shapes {
		if err := b.Check(s); err != nil {
			t.Fatal(err)
		}
		l, err := b.Run(context.Background(), s, 2)
		if err != nil {
			t.Fatal(err)
		}
		if l.Shape != s.String() || l.Repeats != 2 || l.TokensPerS <= 0 || l.TokensPerS > most[l.Shape] || l.Low > l.TokensPerS || l.High < l.TokensPerS {
			t.Errorf("%+v", l)
		}
		if l.GBPerS <= 0 || l.GFLOPPerS <= 0 {
			t.Errorf("without work: %+v", l)
		}
		switch s.Kind {
		case "decode":
			if math.Abs(l.Context-200) > 5 || l.GapP50Ms < 1 {
				t.Errorf("%+v", l)
			}
		case "tg", "batch":
			if l.GBPerS <= 0 || l.GapP50Ms < 1 || l.GapP99Ms < l.GapP50Ms || l.GapMaxMs < l.GapP99Ms {
				t.Errorf("%+v", l)
			}
		case "sessions": // 1 of 2 calls finds all but their own 64 tokens, the first ones may share the prefix
			if l.CachedShare < 0.5 || l.CachedShare > 0.95 || math.Abs(l.Ratio-l.TokensPerS/l.Alone) > l.Ratio {
				t.Errorf("%+v", l)
			}
		case "stall":
			least := map[int]float64{1024: 14, 600: 9}[s.N]
			if l.TTFTMs < least || l.Alone < least || l.GapMaxMs < 3 || l.CalmP99Ms < 1 || l.GapRatio < l.GapP99Ms/l.CalmP99Ms*0.2 {
				t.Errorf("%+v", l)
			}
		}
	}
}

func TestChecks(t *testing.T) {
	b := bench(t)
	for _, bad := range []string{"pp4096", "tg4000@100", "batch9", "sessions9", "stall5000", "decode:9x100", "decode:8x4064", "sharegpt"} {
		s, err := Parse(bad)
		if err != nil {
			t.Fatal(err)
		}
		if b.Check(s[0]) == nil {
			t.Errorf("%s fits no engine of 8 slots and 4,096 tokens", bad)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := b.Run(ctx, Shape{Kind: "pp", N: 16}, 1); err == nil {
		t.Error("a run that was stopped says nothing of it")
	}
}
