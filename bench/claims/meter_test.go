package claims

import (
	"context"
	"math"
	"testing"

	"tierlab/reference/router"
	"tierlab/sim"
	"tierlab/workloads"
)

func TestAccepted(t *testing.T) {
	attempts := func(status ...workloads.Status) []workloads.Attempt {
		var list []workloads.Attempt
		for i, s := range status {
			list = append(list, workloads.Attempt{Status: s, Input: i})
		}
		return list
	}
	const ok, invalid, cancelled, failed = workloads.StatusOK, workloads.StatusInvalid, workloads.StatusCancelled, workloads.StatusError
	for _, c := range []struct {
		name   string
		status workloads.Status
		tries  []workloads.Attempt
		want   int // -1: none
	}{
		{"the first", ok, attempts(ok), 0},
		{"after a refusal", ok, attempts(invalid, ok), 1},
		{"a hedge that won", ok, attempts(ok, cancelled), 0},
		{"the last that was refused", invalid, attempts(invalid, failed, invalid), 2},
		{"none", failed, attempts(failed, failed), -1},
	} {
		got := -1
		if a := accepted(&workloads.Outcome{Status: c.status, Attempts: c.tries}); a != nil {
			got = a.Input
		}
		if got != c.want {
			t.Errorf("%s: attempt %d, want %d", c.name, got, c.want)
		}
	}
}

func TestResolvedAt(t *testing.T) {
	m := &meter{sessions: []sessionBill{
		{ok: true}, {ok: true, account: account{wrong: 2}}, {ok: false},
	}}
	for fatal, want := range map[float64]float64{0: 2.0 / 3, 0.5: 1.25 / 3, 1: 1.0 / 3} {
		if got := resolvedAt(fatal)(m); math.Abs(got-want) > 1e-12 {
			t.Errorf("fatality %g: %v, want %v", fatal, got, want)
		}
	}
}

// TestResolvedAsDrawn compares the resolve rate with what the simulator draws:
// with n independent sessions the two differ by at most a half over sqrt(n) in
// standard deviation, of which four are allowed.
func TestResolvedAsDrawn(t *testing.T) {
	l := NewLab(smallOptions())
	w, err := l.world("tiny")
	if err != nil {
		t.Fatal(err)
	}
	lib, err := l.profile("customer-support", -1)
	if err != nil {
		t.Fatal(err)
	}
	scenario, err := sim.NewScenario(w, lib)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := router.Parse("cascade")
	if err != nil {
		t.Fatal(err)
	}
	d := &drawn{meter: newMeter(&setting{world: w})}
	_, err = sim.Run(context.Background(), sim.Config{
		Scenario: scenario, Policy: policy, Agent: agentConfig(), Router: router.DefaultConfig(),
		Arrivals: sim.Arrivals{Process: sim.Closed, N: 4}, Sessions: 400, Seed: 3, Sink: d,
	})
	if err != nil {
		t.Fatal(err)
	}
	rate, seen := resolveRate(d.meter), float64(d.resolved)/float64(d.sessions)
	if rate <= 0.1 || rate >= 0.9 {
		t.Fatalf("the rate %.3f says little", rate)
	}
	if limit := 4 * 0.5 / math.Sqrt(float64(d.sessions)); math.Abs(rate-seen) > limit {
		t.Errorf("expected %.3f of the sessions to resolve, drawn were %.3f; more than %.3f apart", rate, seen, limit)
	}
}
