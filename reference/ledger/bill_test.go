package ledger

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/configs"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

func billing(t *testing.T) (*Catalogue, *topology.World) {
	t.Helper()
	c, err := LoadBooks(configs.FS)
	if err != nil {
		t.Fatal(err)
	}
	w, err := topology.Load(configs.FS, "agent-cloud")
	if err != nil {
		t.Fatal(err)
	}
	return c, w
}

// served8B is a site of the world with an 8B model.
func served8B(t *testing.T, w *topology.World) string {
	t.Helper()
	m := w.ModelByName("llama-3.1-8b")
	for _, s := range w.ServingSites(m) {
		if w.Sites[s].Tier == topology.Metro {
			return w.Sites[s].Name
		}
	}
	t.Fatal("no metro site serves an 8B model")
	return ""
}

// TestBillByHand bills one session by every book, against sums done by hand.
func TestBillByHand(t *testing.T) {
	c, w := billing(t)
	site := served8B(t, w)
	u := &Use{
		Session: "s1", Tenant: "acme", StepTokens: []int64{1_100, 20_001, 0}, Active: 90 * time.Second,
		Calls: []Calls{
			{Site: site, Tier: "metro", Model: "llama-3.1-8b", N: 2, Input: 20_000, Cached: 5_000, Output: 1_100, USD: 0.0013224},
			{Site: "device", Tier: "device", Model: "llama-3.2-1b", N: 1, Input: 10, Output: 10},
		},
		Cost: workloads.Cost{Tokens: 0.0013224, Egress: 0.0001, State: 0.000006},
	}
	for _, want := range []struct {
		book  string
		total string
	}{
		// 15,000 * 0.045 + 5,000 * 0.045 + 1,100 * 0.384 a million, and the platform
		{"tokens", "$0.0014284"},
		{"steps", "$0.002"},  // the third has no answer
		{"actions", "$0.40"}, // 1 + 3
		{"sessions", "$2.00"},
		// (20,000 * 4,119 + 1,100 * 34,868) / 1e6 = 120.7348 neurons, and the platform
		{"neurons", "$0.0014340828"},
		// 90 / 3,600 * 0.04937, the tokens and the platform
		{"compute", "$0.00266265"},
	} {
		book, err := c.Find(want.book)
		if err != nil {
			t.Fatal(err)
		}
		b := c.Bill(book, w, u)
		if got := USD(b.Total); got != want.total || len(b.Unlisted) > 0 {
			t.Errorf("%s: %s, want %s: %+v", want.book, got, want.total, b)
		}
	}
}

// TestBillElsewhere bills what the world does not price at what was recorded, and
// names models without a rate.
func TestBillElsewhere(t *testing.T) {
	c, w := billing(t)
	u := &Use{Calls: []Calls{{Site: "their site", Tier: "central", Model: "their model", N: 1, Input: 100, Output: 10, USD: 0.25}}}
	tokens, _ := c.Find("tokens")
	if b := c.Bill(tokens, w, u); USD(b.Total) != "$0.25" {
		t.Errorf("billed %s", USD(b.Total))
	}
	neurons, _ := c.Find("neurons")
	if b := c.Bill(neurons, w, u); b.Total != 0 || !slices.Equal(b.Unlisted, []string{"their model"}) {
		t.Errorf("billed %+v", b)
	}
}

// TestLinesAreExact compares lines with rational arithmetic, and totals with sums.
func TestLinesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Bill
		total := int64(0)
		for range rapid.IntRange(0, 5).Draw(t, "lines") {
			quantity := rapid.Int64Range(0, 1e13).Draw(t, "quantity")
			price := rapid.Int64Range(0, 1e13).Draw(t, "price")
			per := rapid.SampledFrom([]int64{1, 1000, 3600, 1_000_000}).Draw(t, "per")
			n := len(b.Lines)
			b.line("x", "", quantity, "x", price, per)
			if quantity == 0 {
				if len(b.Lines) != n {
					t.Fatal("a line of nothing")
				}
				continue
			}
			r := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(quantity), big.NewInt(price)), big.NewInt(per*millionths))
			half := r.Add(r, big.NewRat(1, 2))
			want := new(big.Int).Quo(half.Num(), half.Denom())
			if !want.IsInt64() {
				want.SetInt64(math.MaxInt64)
			}
			if got := b.Lines[n].Amount; got != want.Int64() {
				t.Fatalf("%d millionths at %d for %d: %d, want %s", quantity, price, per, got, want)
			}
			total, _ = sum(total, b.Lines[n].Amount)
		}
		if b.Total != total {
			t.Fatalf("total %d, lines sum to %d", b.Total, total)
		}
	})
}

// TestMeter reads uses off outcomes: attempts that were refused or answered from a
// cache of answers cost no tokens, and sessions do not mix.
func TestMeter(t *testing.T) {
	var uses []*Use
	m := Meter{Each: func(u *Use) error { uses = append(uses, u); return nil }}
	attempt := func(status workloads.Status, input, output int, usd float64) workloads.Attempt {
		a := workloads.Attempt{Site: "x", Tier: "metro", Model: "m", Status: status, Input: input, Output: output, USD: usd}
		if usd > 0 {
			a.Decode = 1
		}
		return a
	}
	for _, o := range []workloads.Outcome{
		{Session: "a", Step: "1", Status: workloads.StatusOK, Attempts: []workloads.Attempt{
			attempt(workloads.StatusRejected, 100, 0, 0), attempt(workloads.StatusInvalid, 100, 9, 2), attempt(workloads.StatusOK, 100, 11, 3),
		}},
		{Session: "b", Step: "1", Status: workloads.StatusOK, Attempts: []workloads.Attempt{attempt(workloads.StatusOK, 50, 5, 0)}},
		{Session: "a", Step: "2", Status: workloads.StatusError, Attempts: []workloads.Attempt{attempt(workloads.StatusError, 200, 0, 0)}},
	} {
		if err := m.Step(&o); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"b", "a", "idle"} {
		o := &workloads.Outcome{Session: id, Status: workloads.StatusOK, Result: &workloads.Result{
			Tenant: "acme", Active: workloads.Millis(time.Second), USD: workloads.Cost{Tokens: 5}, Measured: true,
		}}
		if err := m.Session(o); err != nil {
			t.Fatal(err)
		}
	}
	if len(uses) != 3 || len(uses[0].Calls) != 0 || uses[0].StepTokens[0] != 55 || uses[2].Session != "idle" {
		t.Fatalf("uses %+v", uses)
	}
	a := uses[1]
	want := Calls{Site: "x", Tier: "metro", Model: "m", N: 2, Input: 200, Output: 20, USD: 5}
	if len(a.Calls) != 1 || a.Calls[0] != want || !slices.Equal(a.StepTokens, []int64{111, 0}) || a.Tenant != "acme" || a.Active != time.Second {
		t.Errorf("session a: %+v", a)
	}
}
