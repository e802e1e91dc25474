package claims

import (
	"context"
	"math"
	"testing"

	"tierlab/configs"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/sim"
)

// TestBillByTokensIsTheRunsCost bills simulated sessions by their tokens, from the
// topology's prices, and compares with what the simulator charged them: the two come
// to it apart, by counts in whole picodollars and by sums of floating point.
func TestBillByTokensIsTheRunsCost(t *testing.T) {
	l := NewLab(smallOptions())
	catalogue, err := ledger.LoadBooks(configs.FS)
	if err != nil {
		t.Fatal(err)
	}
	book, err := catalogue.Find(byTokens)
	if err != nil {
		t.Fatal(err)
	}
	for _, world := range []string{"tiny", "hyperscaler-aws"} { // the latter has prices for egress and transitions
		w, err := l.world(world)
		if err != nil {
			t.Fatal(err)
		}
		lib, err := l.embedded()
		if err != nil {
			t.Fatal(err)
		}
		scenario, err := sim.NewScenario(w, lib)
		if err != nil {
			t.Fatal(err)
		}
		for _, policy := range []string{"cascade", "hedged"} {
			p, err := router.Parse(policy)
			if err != nil {
				t.Fatal(err)
			}
			sessions := 0
			meter := &ledger.Meter{Each: func(u *ledger.Use) error {
				sessions++
				bill := catalogue.Bill(book, w, u)
				got, want := float64(bill.Total)/ledger.PicoPerUSD, u.Cost.Total()
				if math.Abs(got-want) > 1e-9*want+1e-11 {
					t.Errorf("%s, %s: session %s is billed $%.12f and cost $%.12f: %+v", world, policy, u.Session, got, want, bill)
				}
				return nil
			}}
			_, err = sim.Run(context.Background(), sim.Config{
				Scenario: scenario, Policy: p, Agent: agentConfig(), Router: router.DefaultConfig(),
				Arrivals: sim.Arrivals{Process: sim.Closed, N: 4}, Sessions: 30, Seed: 3, Sink: meter,
			})
			if err != nil {
				t.Fatal(err)
			}
			if sessions < 30 {
				t.Errorf("%s, %s: %d sessions were billed", world, policy, sessions)
			}
		}
	}
}
