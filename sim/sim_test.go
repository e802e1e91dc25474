package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// book keeps copies of all outcomes.
type book struct {
	steps, sessions []workloads.Outcome
}

func (b *book) Step(o *workloads.Outcome) error {
	c := *o
	c.Attempts = slices.Clone(o.Attempts)
	b.steps = append(b.steps, c)
	return nil
}

func (b *book) Session(o *workloads.Outcome) error {
	c := *o
	r := *o.Result
	c.Result = &r
	b.sessions = append(b.sessions, c)
	return nil
}

func (b *book) digest(t *testing.T) string {
	h := sha256.New()
	e := json.NewEncoder(h)
	for _, list := range [][]workloads.Outcome{b.steps, b.sessions} {
		for i := range list {
			if err := e.Encode(&list[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func spec(t testing.TB, text string) router.Spec {
	t.Helper()
	s, err := router.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// smallPoint is a busy point: validation, hedges, budgets and faults on.
func smallPoint(t testing.TB, policy string, change ...func(*topology.World)) Config {
	t.Helper()
	sc, err := NewScenario(smallWorld(t, change...), smallLibrary(t, 40))
	if err != nil {
		t.Fatal(err)
	}
	a := agent.DefaultConfig()
	a.Validate, a.CommitEach = true, true
	return Config{
		Scenario: sc, Policy: spec(t, policy), Agent: a, Router: router.DefaultConfig(),
		Arrivals: Arrivals{Process: Poisson, Rate: 2}, Sessions: 60, Seed: 5, ReportAll: true,
	}
}

// pointAt is smallPoint at a fidelity. At that of the engine the caches are small
// and the prompts retained, so that blocks are evicted and sequences preempted.
func pointAt(t testing.TB, f Fidelity, policy string, change ...func(*topology.World)) Config {
	t.Helper()
	if f == Engine {
		change = append(change, tight)
	}
	cfg := smallPoint(t, policy, change...)
	cfg.Fidelity, cfg.Retain = f, AutoRetain
	return cfg
}

func tight(w *topology.World) {
	for i := range w.Sites {
		for k := range w.Sites[i].Deployments {
			d := &w.Sites[i].Deployments[k]
			d.KVTokens, d.Context = 12_000, 4000
			d.Batching = topology.Batching{BlockTokens: 16 << (i % 2), BudgetTokens: 512, Stall: 30 * time.Millisecond, Ahead: i % 2, KeepShare: 0.3}
		}
	}
}

// eachFidelity runs a test at both fidelities.
func eachFidelity(t *testing.T, test func(*testing.T, Fidelity)) {
	for f := Queue; f <= Engine; f++ {
		t.Run(f.String(), func(t *testing.T) { test(t, f) })
	}
}

func play(t testing.TB, cfg Config) (*book, Totals) {
	t.Helper()
	b := &book{}
	cfg.Sink = b
	totals, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b, totals
}

func everyPolicy() []string {
	var names []string
	for _, e := range router.Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

func withFault(w *topology.World) {
	w.Faults = []topology.Fault{
		{Site: 1, Start: 5 * time.Second, Length: 4 * time.Second, Every: 15 * time.Second, Probability: 1, Down: true},
		{Site: topology.None, From: 6, To: 4, Start: 8 * time.Second, Length: 10 * time.Second, Probability: 1, Slow: 4},
	}
}

func TestTimeIsConserved(t *testing.T) { eachFidelity(t, timeIsConserved) } // INV-4

func timeIsConserved(t *testing.T, f Fidelity) {
	for _, policy := range everyPolicy() {
		b, _ := play(t, pointAt(t, f, policy, withFault))
		for _, o := range b.sessions {
			if got := o.Result.Split.Total(); got != o.Result.Makespan || o.Result.Makespan != o.End-o.Start {
				t.Fatalf("%s, session %s: parts sum to %v, makespan %v", policy, o.Session, got.D(), o.Result.Makespan.D())
			}
			if o.Result.Active != o.Result.Makespan-o.Result.Split.Think {
				t.Fatalf("%s, session %s: active makespan %v", policy, o.Session, o.Result.Active.D())
			}
		}
		for _, o := range b.steps {
			for _, a := range o.Attempts {
				if a.Queue+a.Prefill+a.Decode+a.Network != a.Done-a.Sent {
					t.Fatalf("%s, step %s/%s: parts of attempt sum to %v of %v", policy, o.Session, o.Step,
						(a.Queue + a.Prefill + a.Decode + a.Network).D(), (a.Done - a.Sent).D())
				}
				if a.Network < 0 || a.Queue < 0 || a.Prefill < 0 || a.Decode < 0 || a.Sent < a.Due {
					t.Fatalf("%s, step %s/%s: negative part in %+v", policy, o.Session, o.Step, a)
				}
			}
		}
	}
}

func TestTokensAreConserved(t *testing.T) { eachFidelity(t, tokensAreConserved) } // INV-5

func tokensAreConserved(t *testing.T, f Fidelity) {
	cfg := pointAt(t, f, "cascade")
	b, _ := play(t, cfg)
	nodes := map[string]*workloads.Node{}
	for _, g := range cfg.Scenario.Library.Sessions {
		for i := range g.Steps {
			nodes[g.Session.ID+"/"+g.Steps[i].Step.ID] = &g.Steps[i]
		}
	}
	accepted := 0
	for _, o := range b.steps {
		n := nodes[o.Template+"/"+o.Step]
		for _, a := range o.Attempts {
			if a.Input != n.Input || a.Cached < 0 || a.Cached >= a.Input {
				t.Fatalf("step %s/%s: %d tokens sent, %d cached, recorded %d", o.Template, o.Step, a.Input, a.Cached, n.Input)
			}
			if a.Status == workloads.StatusOK {
				accepted++
				if a.Output != n.Output {
					t.Fatalf("step %s/%s: %d tokens answered, recorded %d", o.Template, o.Step, a.Output, n.Output)
				}
			}
		}
	}
	if accepted < len(b.steps)/2 {
		t.Fatalf("only %d of %d steps have an accepted attempt", accepted, len(b.steps))
	}
}

func TestMoneyIsConserved(t *testing.T) { eachFidelity(t, moneyIsConserved) } // INV-6

func moneyIsConserved(t *testing.T, f Fidelity) {
	for _, policy := range []string{"static-central", "hedged", "cascade"} {
		cfg := pointAt(t, f, policy, withFault)
		cfg.Arrivals = Arrivals{Process: Recorded}
		b, totals := play(t, cfg)
		var sum float64
		for _, o := range b.sessions {
			sum += o.Result.USD.Total()
		}
		if totals.Active != 0 {
			t.Fatalf("%s: %d sessions left of a recorded load", policy, totals.Active)
		}
		if math.Abs(sum-totals.USD) > 1e-9*totals.USD || math.Abs(sum-totals.SessionUSD) > 1e-9*sum {
			t.Errorf("%s: sessions were charged $%.9f, the work cost $%.9f", policy, sum, totals.USD)
		}
	}
}

func TestPrivateDataStays(t *testing.T) { eachFidelity(t, privateDataStays) } // INV-7

func privateDataStays(t *testing.T, f Fidelity) {
	for _, policy := range everyPolicy() {
		cfg := pointAt(t, f, policy, withFault)
		b, totals := play(t, cfg)
		if totals.PrivateOffDevice != 0 || totals.ResidencyBroken != 0 {
			t.Errorf("%s: %d private steps off the device, %d out of region", policy, totals.PrivateOffDevice, totals.ResidencyBroken)
		}
		private := 0
		for _, o := range b.steps {
			for _, a := range o.Attempts {
				if a.Tier == "device" {
					private++
				}
			}
		}
		if private == 0 {
			t.Errorf("%s: the workload has private steps, none ran on a device", policy)
		}
	}
}

func TestNoStepRunsAhead(t *testing.T) { eachFidelity(t, noStepRunsAhead) } // INV-9

func noStepRunsAhead(t *testing.T, f Fidelity) {
	cfg := pointAt(t, f, "p2c", withFault)
	cfg.Arrivals = Arrivals{Process: Recorded}
	b, _ := play(t, cfg)
	ended := map[string]workloads.Millis{}
	for _, o := range b.steps {
		ended[o.Session+"/"+o.Step] = o.End
	}
	steps := map[string]*workloads.Step{}
	for _, g := range cfg.Scenario.Library.Sessions {
		for i := range g.Steps {
			steps[g.Session.ID+"/"+g.Steps[i].Step.ID] = g.Steps[i].Step
		}
	}
	for _, o := range b.steps {
		for _, a := range steps[o.Template+"/"+o.Step].After {
			if a.Step == "" {
				continue
			}
			if before, ok := ended[o.Session+"/"+a.Step]; !ok || o.Start < before+a.Delay {
				t.Errorf("step %s/%s is due at %v, before %s has ended at %v", o.Session, o.Step, o.Start.D(), a.Step, before.D())
			}
		}
	}
}

func TestPoliciesMeetTheSameWorld(t *testing.T) { eachFidelity(t, policiesMeetTheSameWorld) } // INV-10

func policiesMeetTheSameWorld(t *testing.T, f Fidelity) {
	type arrival struct {
		start            workloads.Millis
		template, origin string
	}
	var want map[string]arrival
	for _, policy := range []string{"static-central", "random", "oracle"} {
		b, _ := play(t, pointAt(t, f, policy))
		got := map[string]arrival{}
		for _, o := range b.sessions {
			if o.Result.Measured {
				got[o.Session] = arrival{o.Start, o.Template, o.Result.Origin}
			}
		}
		if want == nil {
			want = got
		}
		if len(got) != 60 {
			t.Fatalf("%s: %d measured sessions, want 60", policy, len(got))
		}
		for id, a := range want {
			if got[id] != a {
				t.Fatalf("%s: session %s is %+v, under the first policy %+v", policy, id, got[id], a)
			}
		}
	}
}

func TestSameBytes(t *testing.T) { eachFidelity(t, sameBytes) } // INV-11

func sameBytes(t *testing.T, f Fidelity) {
	policies := []router.Spec{spec(t, "keyword"), spec(t, "p2c"), spec(t, "hedged")}
	sweep := func(procs, workers int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		books := map[Point]*book{}
		for i := range policies {
			for r := range 3 {
				books[Point{i, r}] = &book{}
			}
		}
		_, err := Sweep(context.Background(), pointAt(t, f, "p2c", withFault), policies, 3, workers,
			func(p Point) workloads.Sink { return books[p] }, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for i := range policies {
			for r := range 3 {
				all += books[Point{i, r}].digest(t)
			}
		}
		return all
	}
	want := sweep(1, 1)
	for _, c := range [][2]int{{2, 1}, {2, 4}} {
		if got := sweep(c[0], c[1]); got != want {
			t.Errorf("GOMAXPROCS %d with %d workers gives other bytes than 1 with 1", c[0], c[1])
		}
	}
}

func TestStoppedRunIsPartial(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cfg := smallPoint(t, "p2c")
	cfg.Sessions = 5000
	totals, err := Run(ctx, cfg)
	if err != nil || !totals.Partial || len(totals.Invalid()) == 0 {
		t.Errorf("a stopped run: partial %t, invalid %v, error %v", totals.Partial, totals.Invalid(), err)
	}
}

// TestFixedService is claim C1 in closed form: 30 calls of 200 ms service with
// no network and no tools make 6 s.
func TestFixedService(t *testing.T) {
	var steps []workloads.Step
	for k := range 30 {
		s := workloads.Step{ID: string(rune('A' + k)), LLM: workloads.LLM{OutputTokens: 1, Context: workloads.Context{Add: 4000}}}
		if k > 0 {
			s.After = []workloads.After{{Step: string(rune('A' + k - 1))}}
		}
		steps = append(steps, s)
	}
	g, err := workloads.Compile(workloads.Session{ID: "chain"}, steps, &workloads.Prefixes{})
	if err != nil {
		t.Fatal(err)
	}
	w := smallWorld(t, func(w *topology.World) {
		w.Platform = topology.Platform{KeepAlive: time.Hour, InitialWindow: 1 << 30}
		w.Sites[0].Deployments[0].PrefillTokS = 20_000 // 4,000 tokens in 200 ms
	})
	sc, err := NewScenario(w, &workloads.Library{Sessions: []*workloads.Graph{g}})
	if err != nil {
		t.Fatal(err)
	}
	home, err := router.ParseHome("device")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := play(t, Config{
		Scenario: sc, Policy: spec(t, "static-device"), Home: home, Agent: agent.DefaultConfig(),
		Router: router.DefaultConfig(), Arrivals: Arrivals{Process: Closed, N: 1}, Sessions: 1, Seed: 1,
	})
	if got := b.sessions[0].Result.Split.Prefill.D(); got != 6*time.Second {
		t.Errorf("30 calls of 200 ms take %v of service, want 6 s", got)
	}
}
