package faults

import (
	"context"

	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/session"
	"tierlab/workloads"
)

// money holds a session's account to its records.
func (t *Tally) money(ctx context.Context, s journal.Store, v *session.View) error {
	spent := t.spent(v)
	t.Spent = plus(t.Spent, spent)
	return t.account(ctx, s, ledger.SessionAccount(v.Spec.ID), spent)
}

// spent is what a session's records say that it has cost.
func (t *Tally) spent(v *session.View) (sum journal.Amount) {
	for i := range v.Steps {
		s := &v.Steps[i]
		for k := range s.Outcome.Attempts {
			a := &s.Outcome.Attempts[k]
			cost := journal.Amount{PicoUSD: ledger.Pico(a.USD + a.Egress), Steps: 1, Tokens: int64(a.Input + a.Output)}
			switch a.Status {
			case workloads.StatusOK:
			case workloads.StatusLost: // it may have had the longest answer
				cost.Tokens = int64(a.Input + maxTokens)
			default:
				t.wrong("F-7 %s: an attempt at step %d ended with %q", v.Spec.ID, s.Number, a.Status)
			}
			sum = plus(sum, cost)
		}
		for k := range s.Tools {
			sum.PicoUSD += ledger.Pico(s.Tools[k].USD)
		}
	}
	return sum
}

// till holds the tenant's account to all sessions' records.
func (t *Tally) till(ctx context.Context, s journal.Store) error {
	return t.account(ctx, s, ledger.TenantAccount(tenant), t.Spent)
}

func (t *Tally) account(ctx context.Context, s journal.Store, name string, spent journal.Amount) error {
	sums, err := s.Totals(ctx, name)
	if err != nil {
		return err
	}
	if want := (journal.Totals{Spent: spent}); sums != want {
		t.wrong("F-7 account %s has %+v, and the records say %+v", name, sums, want)
	}
	over, err := s.Totals(ctx, ledger.OverrunAccount(name))
	if err == nil && over != (journal.Totals{}) {
		t.wrong("F-7 account %s: %+v was spent beyond reservations", name, over)
	}
	return err
}

func plus(a, b journal.Amount) journal.Amount {
	return journal.Amount{
		PicoUSD: a.PicoUSD + b.PicoUSD, Steps: a.Steps + b.Steps, Tokens: a.Tokens + b.Tokens, Units: a.Units + b.Units,
	}
}
