package reports

import (
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"tierlab/workloads"
)

const ms = workloads.Millis(time.Millisecond)

// handStep is due at 1 s, refused once, accepted from 1.9 s on, and done at
// 3 s.
func handStep() workloads.Outcome {
	return workloads.Outcome{
		Session: "a", Step: "x", Status: workloads.StatusOK, Measured: true,
		Start: 1000 * ms, LLMDone: 2500 * ms, End: 3000 * ms,
		Attempts: []workloads.Attempt{
			{
				Tier: "metro", Model: "small", Reason: "cheap", Status: workloads.StatusInvalid,
				Sent: 1010 * ms, First: 1200 * ms, Done: 1500 * ms, Queue: 100 * ms,
				Input: 1000, Cached: 400, Output: 11, USD: 0.001, Estimate: 300 * ms,
			},
			{
				Tier: "central", Model: "large", Reason: "escalate", Status: workloads.StatusOK,
				Sent: 1600 * ms, First: 1900 * ms, Done: 2500 * ms, Queue: 50 * ms,
				Input: 1000, Output: 31, USD: 0.01, Joules: 6.2,
			},
		},
	}
}

func handSession() workloads.Outcome {
	return workloads.Outcome{
		Session: "a", Status: workloads.StatusOK, Start: 0, End: 5000 * ms,
		Result: &workloads.Result{
			Makespan: 5000 * ms, Active: 3000 * ms, Steps: 1, Tools: 1, Resolved: true, Measured: true,
			Split: workloads.Split{Queue: 150 * ms, Network: 850 * ms, Decode: 900 * ms, Tool: 1100 * ms, Think: 2000 * ms},
			USD:   workloads.Cost{Tokens: 0.011, Egress: 0.002},
		},
	}
}

func collect(t *testing.T, c *Collector, steps, sessions []workloads.Outcome) *Point {
	t.Helper()
	for i := range steps {
		if err := c.Step(&steps[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range sessions {
		if err := c.Session(&sessions[i]); err != nil {
			t.Fatal(err)
		}
	}
	return finish(t, c, Conditions{Window: 10_000 * ms})
}

func TestCollectorByHand(t *testing.T) {
	within, beyond := Objective{Metric: StepLatency, Limit: 2 * time.Second}, Objective{Metric: ActiveMakespan, Limit: time.Second}
	p := collect(t, NewCollector(within, beyond), []workloads.Outcome{handStep()}, []workloads.Outcome{handSession()})
	for m, want := range map[Metric][]int64{
		ActiveMakespan: {3_000_000}, Makespan: {5_000_000}, StepLatency: {2_000_000}, TTFTDue: {900_000},
		TTFT: {190_000, 300_000}, AttemptLatency: {490_000, 900_000}, TPOT: {30_000, 20_000},
		QueueTime: {100_000, 50_000}, EstimateError: {190_000},
	} {
		var sum int64
		for _, us := range want {
			sum += us
		}
		if d := p.Latency[m]; d.Count != int64(len(want)) || d.SumUS != sum {
			t.Errorf("%s: %d values, %d us in all; want %v", m, d.Count, d.SumUS, want)
		}
	}
	want := Totals{
		Sessions: 1, Completed: 1, Resolved: 1, Steps: 1, Accepted: 1, Attempts: 2, Tools: 1,
		Input: 2000, Cached: 400, Output: 42,
		Cost:        Cost{Tokens: 11_000_000_000, Egress: 2_000_000_000},
		Split:       Split{Queue: 150_000, Network: 850_000, Decode: 900_000, Tool: 1_100_000, Think: 2_000_000},
		Microjoules: 6_200_000, JoulesTokens: 31, BiasUS: -190_000,
	}
	if p.Totals != want {
		t.Errorf("totals are\n%+v, want\n%+v", p.Totals, want)
	}
	if p.Good[0].Kept != 1 || p.Good[1].Kept != 0 || p.Good[1].Of != 1 {
		t.Errorf("good: %+v", p.Good)
	}
	if len(p.Routes) != 2 || p.Routes[0].Tier != "central" || p.Routes[0].Accepted != 1 || p.Routes[1].Accepted != 0 {
		t.Errorf("routes: %+v", p.Routes)
	}
}

// A step or session outside of the window, or that failed, must not pass for
// a fast one.
func TestCollectorLeavesOut(t *testing.T) {
	outside, failed := handStep(), handStep()
	outside.Measured = false
	failed.Status = workloads.StatusError
	failed.Attempts = failed.Attempts[:1]
	early, broken := handSession(), handSession()
	early.Result.Measured = false
	broken.Status, broken.Result.Resolved = workloads.StatusError, false
	o := Objective{Metric: ActiveMakespan, Limit: time.Hour}
	p := collect(t, NewCollector(o), []workloads.Outcome{outside, failed}, []workloads.Outcome{early, broken})
	if got := p.Totals; got.Steps != 1 || got.Accepted != 0 || got.Sessions != 1 || got.Unmeasured != 1 || got.Completed != 0 {
		t.Errorf("totals: %+v", got)
	}
	for _, m := range []Metric{ActiveMakespan, Makespan, StepLatency, TTFTDue} {
		if n := p.Latency[m].Count; n != 0 {
			t.Errorf("%s counts %d failed or unmeasured values", m, n)
		}
	}
	if g := p.Good[0]; g.Kept != 0 || g.Of != 1 {
		t.Errorf("a failed session belongs in the denominator alone: %+v", g)
	}
	if got := p.Totals.Cost.Tokens.USD(); got != 0.011 {
		t.Errorf("a failed session's money is spent all the same: %v", got)
	}
}

func TestCollectorRefusesNonsense(t *testing.T) {
	for want, spoil := range map[string]func(step, session *workloads.Outcome){
		"before it is due":       func(step, _ *workloads.Outcome) { step.End = 0 },
		"before it was sent":     func(step, _ *workloads.Outcome) { step.Attempts[0].Done = 0 },
		"outside of sent":        func(step, _ *workloads.Outcome) { step.Attempts[1].First = 1 },
		"a queue time of -1ms":   func(step, _ *workloads.Outcome) { step.Attempts[0].Queue = -ms },
		"sum to 4.9s, not to 5s": func(_, session *workloads.Outcome) { session.Result.Split.Network -= 100 * ms },
		"no result":              func(_, session *workloads.Outcome) { session.Result = nil },
	} {
		step, session := handStep(), handSession()
		spoil(&step, &session)
		c := NewCollector()
		err := c.Step(&step)
		if err == nil {
			err = c.Session(&session)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestCollectorClips(t *testing.T) {
	long := handSession()
	long.Result.Split.Tool += workloads.Millis(30 * time.Hour)
	long.Result.Makespan += workloads.Millis(30 * time.Hour)
	long.Result.Active += workloads.Millis(30 * time.Hour)
	p := collect(t, NewCollector(), nil, []workloads.Outcome{long, handSession()})
	d := p.Latency[ActiveMakespan]
	if d.Count != 2 || d.Clipped != 1 || d.SumUS != highestUS+3_000_000 {
		t.Errorf("a session of 30 h: %d values, %d clipped, sum %d us", d.Count, d.Clipped, d.SumUS)
	}
}

func TestCollectorAllocatesNothingPerStep(t *testing.T) {
	c := NewCollector(Objective{Metric: StepLatency, Limit: time.Second})
	step, session := handStep(), handSession()
	allocs := testing.AllocsPerRun(1000, func() {
		if c.Step(&step) != nil || c.Session(&session) != nil {
			t.Fatal("refused")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per step and session", allocs)
	}
}

// The eight policies and twenty replications of a sweep are all alive at its
// end.
func TestPointIsSmall(t *testing.T) {
	c := NewCollector()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var points []*Point
	for r := range 20 {
		f := fakeRun{policy: fakePolicies[4], seed: 1, replication: r, count: 400}
		f.play(t, c)
		points = append(points, finish(t, c, f.conditions()))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / int64(len(points)); per > 256<<10 {
		t.Errorf("a point keeps %d KB alive", per>>10)
	}
	runtime.KeepAlive(points)
}

func TestMergeIgnoresOrder(t *testing.T) {
	o := Objective{Metric: ActiveMakespan, Percentile: 90, Limit: time.Minute}
	points := fakePoints(t, 1, 6, o)
	want, err := Merge(points)
	if err != nil {
		t.Fatal(err)
	}
	if want.Replications != 6 || want.Totals.Sessions < 500 {
		t.Fatalf("pooled %d replications, %d sessions", want.Replications, want.Totals.Sessions)
	}
	shuffle := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		shuffle.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
		got, err := Merge(points)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatal("the pool depends on the order of its points")
		}
	}
	if _, err := Merge(append(points, points[0])); err == nil {
		t.Error("a replication was counted twice")
	}
}

// One collector over all outcomes is the reference for the pool of several.
func TestMergeEqualsOneCollector(t *testing.T) {
	one := NewCollector()
	var points []*Point
	for r := range 4 {
		f := fakeRun{policy: fakePolicies[2], seed: 9, replication: r, count: 60}
		f.play(t, one)
		part := NewCollector()
		f.play(t, part)
		points = append(points, finish(t, part, f.conditions()))
	}
	pool, err := Merge(points)
	if err != nil {
		t.Fatal(err)
	}
	want := finish(t, one, Conditions{})
	if pool.Totals != want.Totals || !reflect.DeepEqual(pool.Routes, want.Routes) || !reflect.DeepEqual(pool.Latency, want.Latency) {
		t.Error("the pool of four replications is not what one collector of them all says")
	}
}

func BenchmarkCollectorStep(b *testing.B) {
	c := NewCollector()
	step := handStep()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Step(&step); err != nil {
			b.Fatal(err)
		}
	}
}
