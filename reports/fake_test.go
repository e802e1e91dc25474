package reports

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"tierlab/internal/rng"
	"tierlab/workloads"
)

// fakePolicy is what a made-up policy does to made-up sessions: enough of the
// world's shape (heavy tails, retries, tiers, failures) for every part of a
// report to have something to show.
type fakePolicy struct {
	name      string
	tiers     [4]float64 // cumulative shares of device, metro, regional, central
	estimates bool
}

var fakePolicies = []fakePolicy{
	{name: "static-central", tiers: [4]float64{0, 0, 0, 1}},
	{name: "static-metro", tiers: [4]float64{0, 1, 1, 1}},
	{name: "keyword", tiers: [4]float64{0, 0.5, 0.7, 1}, estimates: true},
	{name: "history", tiers: [4]float64{0, 0.3, 0.3, 1}, estimates: true},
	{name: "cascade", tiers: [4]float64{0.15, 0.75, 0.9, 1}},
	{name: "least-loaded", tiers: [4]float64{0, 0.4, 0.75, 1}},
	{name: "latency-budget", tiers: [4]float64{0.05, 0.6, 0.85, 1}},
	{name: "oracle", tiers: [4]float64{0.2, 0.7, 0.9, 1}},
}

var fakeTiers = [4]struct {
	name, model string
	rtt         time.Duration
	tps, price  float64
	ability     float64
}{
	{"device", "llama-1b", time.Millisecond / 2, 40, 0, 0.35},
	{"metro", "llama-8b", 18 * time.Millisecond, 110, 0.2, 0.72},
	{"regional", "llama-70b", 70 * time.Millisecond, 60, 0.9, 0.9},
	{"central", "frontier", 240 * time.Millisecond, 75, 9, 0.985},
}

type fakeRun struct {
	policy             fakePolicy
	seed               uint64
	replication, count int
}

// conditions are those of a run of an hour.
func (f fakeRun) conditions() Conditions {
	run := workloads.Run{
		Target: "sim", Fidelity: "queue", Workload: "coding-agent", WorkloadDigest: "5a0c", Topology: "agent-cloud",
		TopologyDigest: "77e1", Policy: f.policy.name, PolicyDigest: "d" + f.policy.name, Load: "poisson:0.5",
		Seed: f.seed, Replication: f.replication, Version: "test", Valid: true,
	}
	c := Conditions{Run: run, Window: workloads.Millis(time.Hour)}
	for i, t := range fakeTiers {
		share := f.policy.tiers[i]
		if i > 0 {
			share -= f.policy.tiers[i-1]
		}
		busy := share * (0.5 + 0.1*f.draw(0).Fold(uint64(i)).Uniform())
		capacity := workloads.Millis(100 * time.Hour)
		c.Usage = append(c.Usage, Usage{Tier: t.name, Busy: workloads.Millis(busy * float64(capacity)), Capacity: capacity})
	}
	return c
}

func (f fakeRun) draw(session int) rng.Stream {
	return rng.New(f.seed, uint64(f.replication)).Fold(uint64(session))
}

// play hands every outcome to the sink in the order of time, as a simulator
// does: steps of different sessions interleave.
func (f fakeRun) play(tb testing.TB, sink workloads.Sink) {
	tb.Helper()
	var all []workloads.Outcome
	for s := range f.count {
		all = append(all, f.session(s)...)
	}
	slices.SortStableFunc(all, func(a, b workloads.Outcome) int { return cmp.Compare(a.End, b.End) })
	for i := range all {
		var err error
		if all[i].Step != "" {
			err = sink.Step(&all[i])
		} else {
			err = sink.Session(&all[i])
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// session gives the outcomes of one session: its steps, one after another,
// then its own.
func (f fakeRun) session(s int) []workloads.Outcome {
	draw := f.draw(s).For(rng.Generate)
	now := workloads.Millis(draw.Fold(1).Uniform() * float64(70*time.Minute))
	steps := 3 + draw.Fold(2).IntN(12)
	id := fmt.Sprintf("s%04d", s)
	end := workloads.Outcome{Session: id, Status: workloads.StatusOK, Start: now}
	r := workloads.Result{
		Origin: "lisbon", Home: "metro-lisbon", Steps: steps, Resolved: true, Estimated: true,
		Measured: now < workloads.Millis(time.Hour),
	}
	var all []workloads.Outcome
	for i := range steps {
		o := f.step(draw.Fold(uint64(100+i)), now, &r)
		o.Session, o.Step, o.Measured = id, fmt.Sprintf("t%d", i), r.Measured
		think := workloads.Millis(draw.Fold(uint64(300 + i)).Exp(float64(4 * time.Second)))
		r.Split.Think += think
		now = o.End + think
		all = append(all, o)
		if o.Status != workloads.StatusOK {
			end.Status, r.Resolved = o.Status, false
			break
		}
	}
	r.USD.State = 1e-6 * float64(len(all))
	end.End = end.Start + r.Split.Total()
	r.Makespan, r.Active = r.Split.Total(), r.Split.Active()
	end.Result = &r
	return append(all, end)
}

// step plays one step from now on and adds its parts to the session's.
func (f fakeRun) step(draw rng.Stream, now workloads.Millis, r *workloads.Result) workloads.Outcome {
	o := workloads.Outcome{Status: workloads.StatusOK, Start: now}
	place := draw.Fold(1).Uniform()
	tier := 0
	for f.policy.tiers[tier] < place {
		tier++
	}
	if draw.Fold(2).Bool(0.0006) {
		o.Status = workloads.StatusError
	}
	hard := draw.Fold(3).Uniform()
	right := hard < fakeTiers[tier].ability
	if !right && f.policy.name == "cascade" && tier < 3 {
		a := f.attempt(draw.Fold(4), now, tier, "cheap first", r)
		a.Status = workloads.StatusInvalid
		o.Attempts = append(o.Attempts, a)
		now, tier = a.Done, 3
		right = hard < fakeTiers[tier].ability
	}
	a := f.attempt(draw.Fold(5), now, tier, "tier "+fakeTiers[tier].name, r)
	a.Status, a.Correct = o.Status, &right
	o.Attempts = append(o.Attempts, a)
	o.LLMDone = a.Done
	tool := workloads.Millis(draw.Fold(6).Exp(float64(900 * time.Millisecond)))
	r.Split.Tool += tool
	r.Tools++
	o.End = a.Done + tool
	if !right && draw.Fold(7).Bool(0.35) {
		r.Resolved = false
	}
	return o
}

func (f fakeRun) attempt(draw rng.Stream, now workloads.Millis, tier int, reason string, r *workloads.Result) workloads.Attempt {
	t := fakeTiers[tier]
	input, output := 500+draw.Fold(1).IntN(6000), 20+draw.Fold(2).IntN(400)
	a := workloads.Attempt{
		Site: t.name + "-1", Tier: t.name, Model: t.model, Reason: reason, Due: now, Sent: now,
		Queue:   workloads.Millis(draw.Fold(3).Exp(float64(40*time.Millisecond) * float64(1+tier))),
		Network: workloads.Millis(float64(t.rtt) * (1 + 0.2*draw.Fold(4).Uniform())),
		Prefill: workloads.Millis(float64(input) * float64(80*time.Microsecond)),
		Decode:  workloads.Millis(float64(output) / t.tps * float64(time.Second)),
		Input:   input, Output: output, Cached: input / 2,
		USD: (float64(input)*t.price + float64(output)*4*t.price) * 1e-6,
	}
	a.First = now + a.Queue + a.Network + a.Prefill
	a.Done = a.First + a.Decode
	if f.policy.estimates {
		a.Estimate = workloads.Millis(300 * time.Millisecond)
	}
	r.Split.Queue += a.Queue
	r.Split.Network += a.Network
	r.Split.Prefill += a.Prefill
	r.Split.Decode += a.Decode
	r.USD.Tokens += a.USD
	return a
}

// fakePoints are the points of the first policies and replications, in the
// order in which a run may finish them: the last first.
func fakePoints(tb testing.TB, policies, replications int, objectives ...Objective) []*Point {
	tb.Helper()
	var points []*Point
	c := NewCollector(objectives...)
	for r := replications - 1; r >= 0; r-- {
		for _, p := range fakePolicies[len(fakePolicies)-policies:] {
			f := fakeRun{policy: p, seed: 1, replication: r, count: 120}
			f.play(tb, c)
			points = append(points, finish(tb, c, f.conditions()))
		}
	}
	return points
}

func finish(tb testing.TB, c *Collector, with Conditions) *Point {
	tb.Helper()
	p, err := c.Finish(with)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
