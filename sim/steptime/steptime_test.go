package steptime

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/configs"
	"tierlab/engine/sched"
	"tierlab/reference/topology"
)

var _ sched.Coster = (*Linear)(nil)

// TestMonotone: no model with coefficients of at least 0 gets faster when a row
// is added, when one grows, or when it begins to sample.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Linear
		for f := range l {
			if rapid.Bool().Draw(t, "counts") {
				l[f] = rapid.Float64Range(0, 1e6).Draw(t, "ns")
			}
		}
		var s sched.Shape
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			s = s.With(int32(rapid.IntRange(0, 1e5).Draw(t, "start")), int32(rapid.IntRange(1, 100).Draw(t, "n")), rapid.Bool().Draw(t, "sample"))
		}
		start, n := int32(rapid.IntRange(0, 1e5).Draw(t, "start")), int32(rapid.IntRange(1, 100).Draw(t, "n"))
		more := n + int32(rapid.IntRange(0, 100).Draw(t, "more"))
		none, short, long, samples := l.StepTime(s), l.StepTime(s.With(start, n, false)), l.StepTime(s.With(start, more, false)), l.StepTime(s.With(start, more, true))
		if none > short || short > long || long > samples {
			t.Fatalf("%v without the row, %v with %d tokens, %v with %d, %v if it samples", none, short, n, long, more, samples)
		}
		if a, b := l.StepTime(s), l.StepTime(s.After(3)); a > b {
			t.Fatalf("%v, and %v three iterations later", a, b)
		}
	})
}

func TestValues(t *testing.T) {
	s := sched.Shape{}.With(100, 1, true).With(32, 30, false)
	want := [Features]float64{Constant: 1, Rows: 2, Tokens: 31, Tiles16: 2, First64: 31, Samples: 1,
		Context: 101 + 62, Pairs: 101 + 30*32 + 30*31/2, Chunk: 1, Prefill: 30}
	if got := Values(s); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if v := Values(sched.Shape{}.With(5, 1, true)); v[Chunk] != 0 || v[Prefill] != 0 {
		t.Errorf("a decoded token counts as prefill: %v", v)
	}
}

func TestLongStepFits(t *testing.T) {
	l := Linear{Constant: math.MaxFloat64}
	if got := l.StepTime(sched.Shape{}); got <= 0 || got > math.MaxInt64>>16 {
		t.Errorf("an endless iteration takes %v", got)
	}
}

// TestOfIsTheRoofline compares the model of an embedded deployment with the
// roofline of its figures, taken by hand from the catalogue: an 8B model in
// bf16 on 0.8 of an H100 NVL.
func TestOfIsTheRoofline(t *testing.T) {
	w, err := topology.Load(configs.FS, "agent-cloud")
	if err != nil {
		t.Fatal(err)
	}
	got := Of(w.Deployment(w.SitesIn(topology.Metro)[0], w.ModelByName("llama-3.1-8b")))
	want := Roofline{
		WeightBytes: 8.03e9 * 2, FlopsPerToken: 2 * 8.03e9, KVBytes: 2 * 32 * 8 * 128 * 2,
		BytesPerS: 0.8 * 3900e9 * 0.7, FlopsPerS: 0.8 * 835e12 * 0.5, Overhead: time.Millisecond,
	}.Linear()
	for f := range want {
		if math.Abs(got[f]-want[f]) > 1e-3*want[f] {
			t.Errorf("%s: %g ns from the deployment, %g by hand", Feature(f), got[f], want[f])
		}
	}
	decode := sched.Shape{}
	for range 32 {
		decode = decode.With(8191, 1, true)
	}
	d := w.Deployment(w.SitesIn(topology.Metro)[0], w.ModelByName("llama-3.1-8b"))
	if a, b := got.StepTime(decode), d.StepBase+32*d.StepPerSeq; (a - b).Abs() > time.Microsecond {
		t.Errorf("32 sequences at the mean context take %v, at the queue fidelity %v", a, b)
	}
}

// TestOfWithoutContext: speeds that were measured without a context fall on rows.
func TestOfWithoutContext(t *testing.T) {
	l := Of(&topology.Deployment{PrefillTokS: 20_000, StepBase: 8 * time.Millisecond, StepPerSeq: 200 * time.Microsecond})
	if got := l.StepTime(sched.Shape{}.With(100, 1, true).With(5000, 1, true)); got != 8400*time.Microsecond {
		t.Errorf("two sequences take %v, want 8.4ms", got)
	}
	l = Of(&topology.Deployment{PrefillTokS: 1000, StepBase: time.Millisecond, Context: 100})
	if got := l.StepTime(sched.Shape{}.With(0, 1, true)); got != 2*time.Millisecond {
		t.Errorf("a token takes %v, want 2ms", got)
	}
}

func TestPairs(t *testing.T) {
	l := Roofline{BytesPerS: 1e9, FlopsPerS: 1e12, FlopsPerPair: 1e6}.Linear()
	if got := l.StepTime(sched.Shape{}.With(0, 100, false)); got != 5050*time.Microsecond {
		t.Errorf("100 tokens of attention take %v, want 5.05ms", got)
	}
}

func TestStepTimeDoesNotAllocate(t *testing.T) {
	l := Linear{Constant: 1, Context: 2}
	var c sched.Coster = &l
	if n := testing.AllocsPerRun(100, func() { c.StepTime(sched.Shape{Context: 7}) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkStepTime(b *testing.B) {
	l := Of(&topology.Deployment{PrefillTokS: 20_000, StepBase: 8 * time.Millisecond, StepPerSeq: 200 * time.Microsecond})
	var c sched.Coster = &l
	s := sched.Shape{}.With(100, 1, true)
	for i := range b.N {
		c.StepTime(s.After(i & 1023))
	}
}

func sample() *Profile {
	return &Profile{
		Schema: Schema, Date: "2025-11-30", Engine: "tierlab 0.3", Backend: "cpu:bf16", Model: "small", Kernels: "amx", Machine: "two cores",
		Step:     map[string]float64{"constant": 1e6, "tiles_16": 2.5e5, "context": 12.5},
		Overhead: Overhead{In: 2e5, InPerToken: 100, Out: 1e5, OutPerToken: 10},
		Measured: map[string]Range{"rows": {1, 16}, "tokens": {1, 512}},
		Residual: Residual{Iterations: 4000, Mean: -0.01, P50: 0.02, P90: 0.05, P99: 0.2, R2: 0.99, HeldOut: 0.03},
	}
}

func TestProfileRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	p, err := Read(&b, "p.json")
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := p.Write(&again); err != nil || again.String() != text {
		t.Errorf("written again: %v\n%s\nfirst\n%s", err, again.String(), text)
	}
	l := p.Linear()
	if got := l.StepTime(sched.Shape{}.With(0, 17, true)); got != 1_500_213 { // 1e6 + 2 x 2.5e5 + 17 x 12.5
		t.Errorf("an iteration of 17 tokens takes %d ns", got)
	}
	var back Profile
	back.SetLinear(l)
	if back.Linear() != l || len(back.Step) != 3 {
		t.Errorf("coefficients %v come back as %v", l, back.Step)
	}
	if in, out := p.Overhead.Enter(1000), p.Overhead.Leave(100); in != 300*time.Microsecond || out != 101*time.Microsecond {
		t.Errorf("a request takes %v in and %v out", in, out)
	}
}

// TestBadProfiles: each fault is refused with the field's name.
func TestBadProfiles(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	for _, c := range []struct{ old, new, want string }{
		{`"tierlab-steptime/v1"`, `"tierlab-steptime/v2"`, `schema: "tierlab-steptime/v2"`},
		{`"2025-11-30"`, `"yesterday"`, "date: "},
		{`"cpu:bf16"`, `" "`, "backend: "},
		{`"kernels": "amx",`, ``, "kernels: "},
		{`"tiles_16"`, `"tiles_17"`, "step_ns.tiles_17: no such feature"},
		{`12.5`, `-12.5`, "step_ns.context: -12.5"},
		{`"constant": 1000000`, `"constant": 1e300`, "step_ns.constant"},
		{`"in_ns": 200000`, `"in_ns": -1`, "overhead.in_ns: -1"},
		{`"rows": {`, `"lines": {`, "measured.lines"},
		{`"high": 16`, `"high": 0.5`, "measured.rows"},
		{`"iterations": 4000`, `"iterations": 0`, "residual.iterations"},
		{`"r2": 0.99`, `"r2": 1.5`, "residual.r2"},
		{`"p90_abs_share": 0.05`, `"p90_abs_share": -0.05`, "residual.p90_abs_share"},
		{`"machine"`, `"host"`, `unknown field "host"`},
		{`"iterations": 4000`, `"iterations": "many"`, "residual.iterations: a string"},
		{`"date": `, `"date" `, "line 3"},
		{"}\n}\n", "}\n", "ends early"},
		{"}\n}\n", "}\n}\n{}", "more than one document"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Fatalf("%s is not in the document", c.old)
		}
		if _, err := Read(strings.NewReader(bad), "p.json"); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "p.json: ") {
			t.Errorf("%s for %s: error %v, want one with %q", c.new, c.old, err, c.want)
		}
	}
	free := sample()
	free.Step = map[string]float64{"pairs": 1}
	if err := free.Write(&b); err == nil || !strings.Contains(err.Error(), "step_ns") {
		t.Errorf("iterations that take no time: error %v", err)
	}
}

func FuzzProfile(f *testing.F) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(`{"schema":"tierlab-steptime/v1","step_ns":{"constant":NaN}}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Read(strings.NewReader(text), "p.json")
		if err != nil {
			return
		}
		l := p.Linear()
		if got := l.StepTime(sched.Shape{}.With(0, 1, true)); got < 0 {
			t.Errorf("a profile that is valid gives %v", got)
		}
		if err := p.Write(&bytes.Buffer{}); err != nil {
			t.Errorf("a profile that was read is not written: %v", err)
		}
	})
}

// TestRun compares adding up with one iteration after another, and the features
// with their sum.
func TestRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Linear
		for f := range l {
			l[f] = rapid.Float64Range(0, 1e4).Draw(t, "ns")
		}
		var s sched.Shape
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			s = s.With(int32(rapid.IntRange(0, 1e5).Draw(t, "start")), 1, true)
		}
		begin, most := time.Duration(rapid.IntRange(0, 1e6).Draw(t, "begin")), rapid.IntRange(1, 30).Draw(t, "most")
		until := begin + time.Duration(rapid.Int64Range(-10, 1e10).Draw(t, "until"))
		end, ran := begin, 0
		for ran < most && (ran == 0 || end < until) {
			end += l.StepTime(s.After(ran))
			ran++
		}
		if e, n := l.Run(s, begin, until, most); e != end || n != ran {
			t.Fatalf("%d iterations end at %v, one by one %d at %v", n, e, ran, end)
		}
		sum := 0.0
		for f, v := range Values(s) {
			sum += l[f] * v
		}
		if got := float64(l.StepTime(s)); math.Abs(got-sum) > 1+1e-9*sum {
			t.Fatalf("an iteration takes %g ns, the features sum to %g", got, sum)
		}
	})
}
