package validate

import (
	"math"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"tierlab/workloads"
)

// summary has the value for every statistic of every metric, of n values each.
func summary(n int, value float64) Summary {
	var s Summary
	for m := range s.Value {
		s.N[m] = n
		for k := range s.Value[m] {
			s.Value[m][k] = value
		}
	}
	return s
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		simulated float64
		real      []float64
		n         int
		metric    Metric
		statistic Statistic
		want      Row
	}{
		{104, []float64{100, 100}, 700, E2E, Mean, Row{Real: 100, Error: 0.04, Bar: 0.05, Verdict: Within}},
		{94, []float64{100, 100}, 700, E2E, Mean, Row{Real: 100, Error: -0.06, Bar: 0.05, Verdict: Outside}},
		{94, []float64{96, 104, 100}, 700, E2E, Mean, Row{Real: 100, Error: -0.06, Spread: 0.08, Bar: 0.05, Verdict: WithinSpread}},
		{104, []float64{96, 104}, 700, E2E, Mean, Row{Real: 100, Error: 0.04, Spread: 0.08, Bar: 0.05, Verdict: Within}},
		{106, []float64{100}, 700, E2E, P90, Row{Real: 100, Error: 0.06, Bar: 0.07, Verdict: Within}},
		{108, []float64{100}, 662, E2E, P99, Row{Real: 100, Error: 0.08, Bar: 0.09, Verdict: Within}},
		{150, []float64{100}, 661, E2E, P99, Row{Real: 100, Error: 0.5}}, // too few values to tell
		{150, []float64{100}, 700, E2E, P50, Row{Real: 100, Error: 0.5}}, // no bar
		{86, []float64{100}, 700, TTFT, P50, Row{Real: 100, Error: -0.14, Bar: 0.15, Verdict: Within}},
		{94, []float64{100}, 700, ITL, Mean, Row{Real: 100, Error: -0.06, Bar: 0.05, Verdict: Outside}},
		{150, []float64{100}, 700, Session, Mean, Row{Real: 100, Error: 0.5}},
		{1, []float64{0, 0}, 700, Queue, Mean, Row{}}, // a share of nothing
	} {
		var real []Summary
		for _, v := range c.real {
			real = append(real, summary(c.n, v))
		}
		rows := Compare(summary(c.n, c.simulated), summary(c.n, 2*c.real[0]), real)
		if len(rows) != int(Metrics)*int(Statistics) {
			t.Fatalf("%d rows", len(rows))
		}
		got := rows[int(c.metric)*int(Statistics)+int(c.statistic)]
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
		if got.Metric != c.metric.String() || got.Statistic != c.statistic.String() || got.N != c.n || got.Simulated != c.simulated ||
			!near(got.Real, c.want.Real) || !near(got.Error, c.want.Error) || !near(got.Spread, c.want.Spread) ||
			!near(got.Own*got.Real, 2*c.real[0]-got.Real) || got.Bar != c.want.Bar || got.Verdict != c.want.Verdict {
			t.Errorf("%v against %v: %+v, want %+v", c.simulated, c.real, got, c.want)
		}
	}
}

// TestCompareWithoutValues: a metric that one side has no values of is left out,
// such as times between tokens where answers have one token.
func TestCompareWithoutValues(t *testing.T) {
	a, b := summary(700, 1), summary(700, 1)
	a.N[ITL] = 0
	if rows := Compare(a, b, []Summary{b}); len(rows) != (int(Metrics)-1)*int(Statistics) {
		t.Errorf("%d rows", len(rows))
	}
}

// TestEnoughForP99: with that many values, and no fewer, at least two of them lie
// above the 99th percentile with a probability of 99 %.
func TestEnoughForP99(t *testing.T) {
	above := func(n float64) float64 { return 1 - distuv.Binomial{N: n, P: 0.01}.CDF(1) }
	if a, b := above(enoughForP99-1), above(enoughForP99); a >= 0.99 || b < 0.99 {
		t.Errorf("with one value fewer %.5f, with as many %.5f", a, b)
	}
}

func TestSamples(t *testing.T) {
	at := func(d int) workloads.Millis { return workloads.Millis(time.Duration(d) * time.Millisecond) }
	s := newSamples()
	s.enter = func(prompt int) time.Duration { return time.Duration(prompt) * time.Millisecond }
	for i := range 100 {
		o := workloads.Outcome{Session: "s", Step: string(rune('A' + i)), Attempts: []workloads.Attempt{
			{Status: workloads.StatusRejected},
			{Status: workloads.StatusOK, Sent: at(10), First: at(15 + i), Done: at(35 + i), Queue: at(3), Input: 2, Cached: 1, Output: 11},
		}}
		if err := s.Step(&o); err != nil {
			t.Fatal(err)
		}
	}
	s.Session(&workloads.Outcome{Status: workloads.StatusOK, Result: &workloads.Result{Active: at(7)}})
	sum := s.Summary()
	for _, c := range []struct {
		m    Metric
		s    Statistic
		want float64
	}{
		{E2E, Mean, 74.5}, {E2E, P50, 74}, {E2E, P90, 114}, {E2E, P99, 123}, {TTFT, P50, 54},
		{TPOT, Mean, 2}, {Queue, P99, 1}, {Session, P90, 7},
	} {
		if got := sum.Value[c.m][c.s]; math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s %s is %g, want %g", c.m, c.s, got, c.want)
		}
	}
	if !math.IsNaN(sum.Value[ITL][Mean]) || sum.N[ITL] != 0 || s.Calls != 100 || s.Cached() != 100 || s.Failed["rejected"] != 100 {
		t.Errorf("%+v, %d calls, %d cached, failed %v", sum, s.Calls, s.Cached(), s.Failed)
	}
}

func TestMachine(t *testing.T) {
	read := func(system, own string) clock {
		c, ok := parseClock([]byte(system), []byte(own))
		if !ok {
			t.Fatalf("%q, %q: not read", system, own)
		}
		return c
	}
	before := read("cpu  100 0 50 800 20 5 5 20 0 0\ncpu0 1 1", "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 60 10 0 0")
	after := read("cpu  150 0 70 910 25 5 5 35 9 9\ncpu0 1 1", "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 95 15 0 0")
	got := after.since(before)
	want := Machine{Known: true, Steal: 15.0 / 200, Idle: 115.0 / 200, Others: 30.0 / 200}
	if math.Abs(got.Steal-want.Steal)+math.Abs(got.Idle-want.Idle)+math.Abs(got.Others-want.Others) > 1e-12 || !got.Known {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := after.since(after); got.Known {
		t.Errorf("no time has passed: %+v", got)
	}
	for _, bad := range [][2]string{{"", ""}, {"cpu 1 2", "7 (a) S 1 2 3 4 5 6 7 8 9 10 60 10"}, {"cpu 1 2 3 4 5 6 7 8", "7 (a) S 1"}} {
		if _, ok := parseClock([]byte(bad[0]), []byte(bad[1])); ok {
			t.Errorf("%q is read", bad)
		}
	}
}
