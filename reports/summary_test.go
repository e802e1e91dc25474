package reports

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"tierlab/workloads"
)

// handPoint is a replication in which every completed session takes the given
// time, and costs a dollar.
func handPoint(t *testing.T, policy string, replication int, seconds float64, sessions, resolved int) *Point {
	t.Helper()
	c := NewCollector()
	for i := range sessions {
		active := workloads.Millis(seconds * 1e9)
		o := workloads.Outcome{Session: "s", Status: workloads.StatusOK, Result: &workloads.Result{
			Makespan: active, Active: active, Split: workloads.Split{Tool: active}, Measured: true,
			Resolved: i < resolved, USD: workloads.Cost{Tokens: 1},
		}}
		if err := c.Session(&o); err != nil {
			t.Fatal(err)
		}
	}
	run := workloads.Run{Policy: policy, Replication: replication, Valid: true}
	return finish(t, c, Conditions{Run: run, Window: 3_600_000 * ms})
}

func summarize(t *testing.T, points []*Point, o Options) *Summary {
	t.Helper()
	s, err := arrange(points, o)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := s.summarize(o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func (s *Summary) goal(t *testing.T, name string) Verdict {
	t.Helper()
	i := slices.IndexFunc(s.Goals, func(v Verdict) bool { return v.Goal == name })
	if i < 0 {
		t.Fatalf("no verdict on %s", name)
	}
	return s.Goals[i]
}

// steady makes three policies of which one is faster by about a second in
// every replication, whatever the replication's own luck.
func steady(t *testing.T) []*Point {
	var points []*Point
	for r, luck := range []float64{10, 14, 9, 12} {
		wobble := 0.05 * float64(r%2)
		points = append(points,
			handPoint(t, "fast", r, luck, 10, 4),
			handPoint(t, "slow", r, luck+1+wobble, 10, 4),
			handPoint(t, "slower", r, luck+2-wobble, 10, 5+r%2),
			handPoint(t, Oracle, r, luck+0.5, 10, 10))
	}
	return points
}

func TestWinnerNeedsPairs(t *testing.T) {
	sum := summarize(t, steady(t), Options{})
	v := sum.goal(t, "active_makespan_p50")
	if v.Winner != "fast" || v.Sentence != "fast" {
		t.Errorf("a second faster in every replication, yet: %+v", v)
	}
	p, ok := sum.Pair("active_makespan_p50", "slow", "fast")
	if !ok || math.Abs(float64(p.Mean)-1025) > 10 || float64(p.Half) > 100 {
		t.Errorf("slow - fast is %+v", p)
	}
	fast := sum.Policies[0].Measures["active_makespan_p50"]
	if float64(fast.Half) < 2000 {
		t.Errorf("the policy's own interval should be wide: the replications differ by seconds; it is %v", fast.Half)
	}
	if r := sum.Policies[0].Regret["active_makespan_p50"]; math.Abs(float64(r.Mean)+500) > 10 {
		t.Errorf("fast beats the greedy oracle by half a second: regret %v", r.Mean)
	}
	if r := sum.Policies[0].Regret["resolve_rate"]; math.Abs(float64(r.Mean)-0.6) > 1e-9 {
		t.Errorf("fast resolves 60 points fewer: regret %v", r.Mean)
	}
}

func TestTies(t *testing.T) {
	sum := summarize(t, steady(t), Options{})
	v := sum.goal(t, "active_makespan_p90")
	if slices.Contains(v.Tied, Oracle) || v.Best == Oracle {
		t.Errorf("the oracle takes no part: %+v", v)
	}
	var noisy []*Point
	for r, d := range []float64{1, -1.2, 1.1, -0.8} {
		noisy = append(noisy, handPoint(t, "a", r, 10, 10, 5), handPoint(t, "b", r, 10+d, 10, 5), handPoint(t, "c", r, 30, 10, 5))
	}
	v = summarize(t, noisy, Options{}).goal(t, "active_makespan_p50")
	if v.Winner != "" || !slices.Equal(v.Tied, []string{"a"}) && !slices.Equal(v.Tied, []string{"b"}) {
		t.Errorf("two policies that change places: %+v", v)
	}
	if v.Sentence != "no winner: a and b cannot be told apart" && v.Sentence != "no winner: b and a cannot be told apart" {
		t.Errorf("it says %q", v.Sentence)
	}
	v = summarize(t, noisy, Options{}).goal(t, "resolve_rate")
	if v.Sentence != "no winner: a, b and c cannot be told apart" {
		t.Errorf("equal everywhere: %q", v.Sentence)
	}
	if len(v.Tied) != 2 {
		t.Errorf("three equal policies: %+v", v)
	}
}

func TestNoWinnerWithoutReason(t *testing.T) {
	one := []*Point{handPoint(t, "a", 0, 1, 10, 5), handPoint(t, "b", 0, 2, 10, 5)}
	sum := summarize(t, one, Options{})
	v := sum.goal(t, "active_makespan_p50")
	if v.Winner != "" || v.Sentence != "no winner: one replication gives no interval (best value: a)" {
		t.Errorf("one replication: %+v", v)
	}
	if e := sum.Policies[0].Measures["active_makespan_p50"]; e.Half.Defined() || !e.Mean.Defined() {
		t.Errorf("one replication has no interval: %+v", e)
	}

	points := steady(t)
	points[0].Run.Valid, points[0].Run.Invalid = false, []string{"no steady state"}
	sum = summarize(t, points, Options{})
	v = sum.goal(t, "active_makespan_p50")
	if v.Winner != "slow" || !slices.Contains(v.Excluded, "fast: its run is not valid") {
		t.Errorf("a run that is not valid cannot win: %+v", v)
	}
	if sum.Valid || !slices.Equal(sum.Invalid, []string{"fast: no steady state (1 of 4 replications)"}) {
		t.Errorf("valid %v, %v", sum.Valid, sum.Invalid)
	}

	points = steady(t)
	points[4] = handPoint(t, "fast", 1, 14, 10, 0)
	sum = summarize(t, points, Options{})
	v = sum.goal(t, "usd_per_resolved")
	if v.Winner == "fast" || !slices.Contains(v.Excluded, "fast: not defined in 1 of 4 replications") {
		t.Errorf("nothing resolved has no price: %+v", v)
	}

	points = steady(t)
	points[3].Run.Partial = true
	if v := summarize(t, points, Options{}).goal(t, "active_makespan_p50"); v.Winner != "" {
		t.Errorf("a run that was stopped has no winner: %+v", v)
	}
}

// A stopped run may leave policies with replications that they do not share.
func TestPairsShareReplications(t *testing.T) {
	points := []*Point{
		handPoint(t, "a", 0, 1, 10, 5), handPoint(t, "a", 1, 1, 10, 5),
		handPoint(t, "b", 2, 3, 10, 5), handPoint(t, "b", 3, 4, 10, 5),
	}
	v := summarize(t, points, Options{}).goal(t, "active_makespan_p50")
	if v.Winner != "" || !slices.Equal(v.Tied, []string{"b"}) {
		t.Errorf("no replication in common, yet %+v", v)
	}
}

func TestArrangeRefuses(t *testing.T) {
	a, b := handPoint(t, "a", 0, 1, 1, 1), handPoint(t, "b", 0, 1, 1, 1)
	b.Run.Seed = 7
	for want, points := range map[string][]*Point{
		"no replication has finished":                nil,
		"of another run: the seed differs: 0, now 7": {a, b},
		"replication 0 twice":                        {a, a},
	} {
		if _, err := New(points, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	for want, o := range map[string]Options{
		`the baseline "x" is none of the policies a`: {Baseline: "x"},
		`the goal "speed" is not a measure; summary`: {Goals: []string{"speed"}},
		`did you mean "resolve_rate"?`:               {Goals: []string{"resolv_rate"}},
		`"cached_share" has no better direction`:     {Goals: []string{"cached_share"}},
	} {
		if _, err := New([]*Point{a}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestNumberJSON(t *testing.T) {
	for in, want := range map[Number]string{
		0.1 + 0.2: "0.3", Number(math.Inf(1)): "null", undefined: "null", Number(math.Copysign(0, -1)): "0",
		123456789012: "1.23456789e+11", 2.5e-9: "2.5e-09",
	} {
		got, err := json.Marshal(in)
		if err != nil || string(got) != want {
			t.Errorf("%v is written %s, %v", float64(in), got, err)
		}
	}
}

func TestSummaryReadsBack(t *testing.T) {
	sum := summarize(t, steady(t), Options{Policies: []string{"slow", "fast"}})
	first, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadSummary(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(back)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("a summary read back is another one: %v", err)
	}
	if got := sum.Policies[0].Name + sum.Policies[1].Name + sum.Policies[3].Name; got != "slowfast"+Oracle {
		t.Errorf("order of policies: %s", got)
	}
	if _, err := ReadSummary(strings.NewReader(`{"schema":"tierlab.summary/v9"}`)); err == nil || !strings.Contains(err.Error(), "tierlab.summary/v1") {
		t.Errorf("another schema: %v", err)
	}
}
