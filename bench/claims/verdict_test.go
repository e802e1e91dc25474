package claims

import (
	"math"
	"strings"
	"testing"
	"time"

	"tierlab/workloads"
)

func TestTruth(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		got  Truth
		want Truth
	}{
		{"whole interval below", Estimate{3, 1}.atMost(5), Yes},
		{"touches the limit", Estimate{4, 1}.atMost(5), Yes},
		{"holds the limit", Estimate{5, 1}.atMost(5), Open},
		{"whole interval above", Estimate{7, 1}.atMost(5), No},
		{"exact at the limit", exactly(5).atMost(5), Yes},
		{"exact beyond it", exactly(5.1).atMost(5), No},
		{"no interval", Estimate{3, nan}.atMost(5), Open},
		{"at least", Estimate{7, 1}.atLeast(5), Yes},
		{"not at least", Estimate{3, 1}.atLeast(5), No},
		{"above is strict", exactly(0).above(0), No},
		{"above", Estimate{2, 1}.above(0), Yes},
		{"perhaps above", Estimate{1, 2}.above(0), Open},
		{"in the band", Estimate{30, 5}.within(20, 50), Yes},
		{"over the band's end", Estimate{48, 5}.within(20, 50), Open},
		{"outside the band", Estimate{60, 5}.within(20, 50), No},
		{"both", both(Yes, Yes), Yes},
		{"one fails", both(Open, No), No},
		{"one open", both(Yes, Open), Open},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestDecide(t *testing.T) {
	check := func(truth Truth, where string, assumed bool) Check {
		return Check{Truth: truth, Where: where, Assumed: assumed}
	}
	for _, c := range []struct {
		name   string
		checks []Check
		want   Verdict
		where  string
	}{
		{"all true", []Check{check(Yes, "a", false), check(Yes, "b", false)}, Holds, ""},
		{"some true", []Check{check(Yes, "a", false), check(No, "b", false), check(Yes, "c", false)}, HoldsWhere, "a; c"},
		{"true and open", []Check{check(Yes, "a", false), check(Open, "b", false)}, HoldsWhere, "a"},
		{"a condition twice", []Check{check(Yes, "a", false), check(Yes, "a", false), check(No, "b", false)}, HoldsWhere, "a"},
		{"none true", []Check{check(No, "a", false), check(No, "b", false)}, Fails, ""},
		{"open only", []Check{check(Open, "a", false)}, Undecided, ""},
		{"open and false", []Check{check(Open, "a", false), check(No, "b", false)}, Undecided, ""},
		{"given to the model", []Check{check(Yes, "a", true)}, Modelled, ""},
		{"given, and independent", []Check{check(Yes, "a", true), check(Yes, "b", false)}, Holds, ""},
		{"given, and refuted", []Check{check(Yes, "a", true), check(No, "b", false)}, Fails, ""},
		{"given and yet refuted", []Check{check(No, "a", true)}, Fails, ""},
	} {
		f := Finding{Checks: c.checks}
		f.judge()
		if f.Verdict != c.want || f.Where != c.where {
			t.Errorf("%s: got %s %q, want %s %q", c.name, f.Verdict, f.Where, c.want, c.where)
		}
	}
}

func TestSeriesCheck(t *testing.T) {
	list := claimedSeries()
	for i, want := range []struct {
		sum   time.Duration
		truth Truth
	}{{6 * time.Second, Yes}, {9 * time.Second, Yes}, {2 * time.Second, No}, {15 * time.Second, No}} {
		if got := list[i].sum(); got != want.sum {
			t.Errorf("%s: sum %v, want %v", list[i].name, got, want.sum)
		}
		if got := list[i].check(list[i].sum()).Truth; got != want.truth {
			t.Errorf("%s: %s, want %s", list[i].name, got, want.truth)
		}
	}
	if got := list[2].check(1500 * time.Millisecond).Truth; got != Yes {
		t.Errorf("were the sum 1.5 s the claim would hold; got %s", got)
	}
	if got := list[3].check(61 * time.Second).Truth; got != Yes {
		t.Errorf("61 s are minutes; got %s", got)
	}
}

// madeUp is a policy's result whose replications are sessions alike, with a
// small spread.
func madeUp(policy string, seconds, usd float64, wrong int) *result {
	r := &result{policy: policy}
	for _, factor := range []float64{0.99, 1, 1.01} {
		m := &meter{fatal: 0.5, answers: 10, small: 5}
		for range 4 {
			m.sessions = append(m.sessions, sessionBill{
				active: seconds * factor, usd: workloads.Cost{Tokens: usd * factor}, steps: 10, ok: true, account: account{wrong: wrong},
			})
		}
		r.reps = append(r.reps, m)
	}
	return r
}

func TestContest(t *testing.T) {
	central, edge := madeUp(allCentral, 100, 1, 0), madeUp(allEdge, 50, 0.2, 3)
	for _, c := range []struct {
		name   string
		routed *result
		all    Truth
		wins   string
	}{
		{"wins everything", madeUp("r", 80, 0.5, 0), Yes, "time, cost, rate, edge"},
		{"slower", madeUp("r", 120, 0.5, 0), No, "cost, rate, edge"},
		{"dearer", madeUp("r", 80, 2, 0), No, "time, rate, edge"},
		{"loses tasks", madeUp("r", 80, 0.5, 1), No, "time, edge"},
		{"as bad as the edge", madeUp("r", 80, 0.1, 3), No, "time, cost"},
	} {
		k := newContest(0.5, c.routed, central, edge)
		if k.all() != c.all || !strings.HasPrefix(k.respects(), strings.Split(c.wins, ",")[0]) || c.name != "loses tasks" && k.respects() != c.wins {
			t.Errorf("%s: %s (%s), want %s (%s)", c.name, k.all(), k.respects(), c.all, c.wins)
		}
	}
}

func TestPlaced(t *testing.T) {
	central, edge := madeUp(allCentral, 100, 1, 0), madeUp(allEdge, 50, 0.2, 3)
	for _, c := range []struct {
		name   string
		fatal  float64
		routed []*result
		want   Truth
	}{
		{"one routed policy wins", 0.5, []*result{madeUp("a", 120, 2, 3), madeUp("b", 80, 0.5, 0)}, Yes},
		{"each wins in part", 0.5, []*result{madeUp("a", 120, 0.5, 0), madeUp("b", 80, 2, 0)}, No},
		{"errors are never fatal, so the edge does not fail", 0, []*result{madeUp("b", 80, 0.5, 0)}, No},
	} {
		var f Finding
		f.placed(&Table{}, cell{fatal: c.fatal}, append([]*result{central, edge}, c.routed...))
		if got := f.Checks[0].Truth; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWithoutFrontier(t *testing.T) {
	all := madeUp(allCentral, 100, 1, 0)
	sending := func(small int, r *result) *result {
		for _, m := range r.reps {
			m.small = small
		}
		return r
	}
	for _, c := range []struct {
		name  string
		by    *result
		want  Truth
		found float64
	}{
		{"enough, cheaper, as good", sending(8, madeUp("r", 100, 0.5, 0)), Yes, 80},
		{"too little", sending(6, madeUp("r", 100, 0.5, 0)), No, 60},
		{"dearer", sending(8, madeUp("r", 100, 2, 0)), No, 0},
		{"loses tasks", sending(8, madeUp("r", 100, 0.5, 1)), No, 0},
	} {
		got := withoutFrontier(&Table{}, 0.7, []*result{all, c.by})
		if got.Truth != c.want || math.Abs(got.Found.Mean-c.found) > 1e-9 {
			t.Errorf("%s: %s with %.0f %%, want %s with %.0f %%", c.name, got.Truth, got.Found.Mean, c.want, c.found)
		}
	}
}

func TestDominates(t *testing.T) {
	base := madeUp("base", 100, 1, 1)
	for _, c := range []struct {
		name  string
		other *result
		want  bool
	}{
		{"better in all", madeUp("a", 80, 0.3, 0), true},
		{"slower", madeUp("a", 120, 0.3, 0), false},
		{"resolves as much", madeUp("a", 80, 0.3, 1), false},
		{"itself", base, false},
	} {
		if got := dominates(c.other, base); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

func TestPrices(t *testing.T) {
	for _, c := range []struct {
		provider string
		price    float64
		want     Truth
	}{{"edge", 0, Yes}, {"edge", 0.01, No}, {"aws", 0.09, Yes}, {"aws", 0.01, No}, {"gcp", 0.2, No}} {
		var f Finding
		if f.priced(c.provider, c.price); f.Checks[0].Truth != c.want {
			t.Errorf("%s at %g: %s, want %s", c.provider, c.price, f.Checks[0].Truth, c.want)
		}
	}
	var f Finding
	if f.priced("nobody", 1); len(f.Checks) != 0 {
		t.Error("a provider without a claimed price was checked")
	}
}

func TestCalls(t *testing.T) {
	for mean, want := range map[float64]Truth{19.9: No, 20: Yes, 50: Yes, 50.1: No} {
		var f Finding
		if f.calls("a session", mean, false); f.Checks[0].Truth != want {
			t.Errorf("%g tool calls: %s, want %s", mean, f.Checks[0].Truth, want)
		}
	}
}
