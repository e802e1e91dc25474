package claims

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
	"tierlab/workloads"
)

// sessionLimit is the budget that P14 gives every simulated session, in dollars.
const sessionLimit = 0.2

// The live half of P14: so many sessions at once ask for so much, of a tenant that
// has so much, in US dollars.
const (
	rivals      = 64
	attemptUSD  = 0.10
	tenantUSD   = 1.00
	rivalRounds = 3
	rivalTenant = "rivals"
)

// budgets is P14.
func budgets(ctx context.Context, l *Lab, f *Finding) error {
	if err := f.simulatedBudgets(ctx, l); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tierlab-claims-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := rush{dir: dir}
	for round := range rivalRounds {
		if err := r.round(ctx, round == rivalRounds-1); err != nil {
			return err
		}
	}
	f.check(Check{Statement: fmt.Sprintf("of $%.2f under %d attempts at once of $%.2f, the most that was spent and reserved, in the store", tenantUSD, rivals, attemptUSD),
		Criterion: "at most $1.00", Found: exactly(r.most()), Unit: "USD", Truth: exactly(r.most()).atMost(tenantUSD)})
	f.check(Check{Statement: "of it spent when every reservation was settled, some after the journal was opened again",
		Criterion: "at most $1.00", Found: exactly(r.spent), Unit: "USD", Truth: exactly(r.spent).atMost(tenantUSD)})
	f.check(Check{Statement: "effects granted after a kill switch was thrown", Criterion: "none",
		Found: exactly(float64(r.afterKill)), Truth: exactly(float64(r.afterKill)).atMost(0)})
	calls := callsUntilStop()
	f.check(Check{Statement: "calls of a tool with the same arguments and result before a session is stopped", Criterion: "at most 5",
		Found: exactly(float64(calls)), Truth: exactly(float64(calls)).atMost(5)})
	f.judge()
	f.Says = fmt.Sprintf("%d of %d attempts were granted in %d rounds with the journal opened again between them. %s", r.granted.Load(), r.asked.Load(), rivalRounds, f.inWords())
	f.How += fmt.Sprintf("; measured: the live ledger over Pebble with fsync on this machine, %d writers", rivals)
	return nil
}

// simulatedBudgets holds every session to a budget that many would exceed.
func (f *Finding) simulatedBudgets(ctx context.Context, l *Lab) error {
	w, err := l.world(l.Edge)
	if err != nil {
		return err
	}
	lib, err := l.embedded()
	if err != nil {
		return err
	}
	results, err := l.play(ctx, setting{world: w, library: lib, limits: workloads.Budget{USD: sessionLimit}, once: true}, allCentral)
	if err != nil {
		return err
	}
	m, over := results[0].reps[0], 0
	for i := range m.sessions {
		if m.sessions[i].usd.Total() > sessionLimit {
			over++
		}
	}
	f.check(Check{Statement: fmt.Sprintf("simulated sessions that spent more than their $%g (%d of %d were stopped by it)", sessionLimit, m.ended[workloads.StatusBudget], len(m.sessions)),
		Criterion: "none", Found: exactly(float64(over)), Truth: exactly(float64(over)).atMost(0)})
	f.How = fmt.Sprintf("simulated: embedded on %s, %s, %d sessions, every one limited to $%g", l.Edge, allCentral, l.Sessions, sessionLimit)
	return nil
}

// callsUntilStop shows the loop detector one call again and again.
func callsUntilStop() int {
	var loops ledger.Loops
	for n := 1; n <= 100; n++ {
		v := loops.Next(ledger.DefaultLoopLimits(), ledger.Call{Tool: "search", Arguments: []byte(`{"q":"x"}`), Result: []byte(`[]`)})
		if v.Action == ledger.Stop {
			return n
		}
	}
	return 100
}

// rush is many sessions of one tenant that ask for its money at once.
type rush struct {
	dir            string
	asked, granted atomic.Int64
	mu             sync.Mutex
	peak           int64                  // picodollars, of what the store said
	open           map[string]ledger.Hold // by session
	spent          float64
	afterKill      int
}

func (c *rush) most() float64 { return float64(c.peak) / ledger.PicoPerUSD }

// round opens the journal, settles what the round before has left open, and lets all
// sessions ask. Every third leaves its attempt open, as a process that ends would;
// the last round settles all.
func (c *rush) round(ctx context.Context, last bool) error {
	store, err := pebblestore.Open(c.dir, pebblestore.Options{})
	if err != nil {
		return err
	}
	budget := ledger.Budget{Total: journal.Amount{PicoUSD: ledger.Pico(tenantUSD)}}
	l, err := ledger.Open(ctx, store, ledger.Config{Budgets: ledger.Budgets{Default: budget}})
	if err != nil {
		return errors.Join(err, store.Close())
	}
	left := c.open
	c.open = map[string]ledger.Hold{}
	failed := make([]error, rivals)
	var wg sync.WaitGroup
	for i := range rivals {
		wg.Go(func() {
			r := rival{rush: c, store: store, ledger: l, name: fmt.Sprintf("rival-%d", i), leaves: i%3 == 0 && !last}
			failed[i] = r.run(ctx, left)
		})
	}
	wg.Wait()
	err = errors.Join(failed...)
	if err == nil && last {
		err = c.killAndCount(ctx, store, l)
	}
	return errors.Join(err, store.Close())
}

// killAndCount throws the tenant's switch and counts what is granted afterwards.
func (c *rush) killAndCount(ctx context.Context, store journal.Store, l *ledger.Ledger) error {
	sums, err := store.Totals(ctx, ledger.TenantAccount(rivalTenant))
	if err != nil {
		return err
	}
	c.spent = float64(sums.Spent.PicoUSD+sums.Reserved.PicoUSD) / ledger.PicoPerUSD
	s := ledger.Switch{Scope: "tenant/" + rivalTenant, Why: "the rush is over", By: "claims", At: time.Now()}
	if err := l.Kill(ctx, s); err != nil {
		return err
	}
	for i := range rivals {
		_, err := l.Reserve(time.Now(), ledger.Request{Session: fmt.Sprintf("rival-%d", i), Tenant: rivalTenant})
		var killed *ledger.KilledError
		if !errors.As(err, &killed) {
			c.afterKill++
		}
	}
	return nil
}

// rival is one session in a round.
type rival struct {
	*rush
	store  journal.Store
	ledger *ledger.Ledger
	name   string
	leaves bool
	head   journal.Head
}

// run settles what the session has left open, and makes an attempt.
func (r *rival) run(ctx context.Context, left map[string]ledger.Hold) error {
	var err error
	if r.head, err = r.store.Own(ctx, r.name, "claims", true); err != nil {
		return err
	}
	if h, open := left[r.name]; open {
		if err := r.settle(ctx, h); err != nil {
			return err
		}
	}
	r.asked.Add(1)
	h, err := r.ledger.Reserve(time.Now(), ledger.Request{Session: r.name, Tenant: rivalTenant,
		Amount: journal.Amount{PicoUSD: ledger.Pico(attemptUSD)}})
	var over *ledger.OverError
	if errors.As(err, &over) {
		return nil
	}
	if err != nil {
		return err
	}
	r.granted.Add(1)
	if err := r.write(ctx, "reserved", r.ledger.Reservation(h)); err != nil {
		return err
	}
	if r.leaves {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.open[r.name] = h
		return nil
	}
	return r.settle(ctx, h)
}

// settle books three quarters of what was reserved.
func (r *rival) settle(ctx context.Context, h ledger.Hold) error {
	cost := journal.Amount{PicoUSD: ledger.Pico(attemptUSD * 0.75)}
	if err := r.write(ctx, "settled", r.ledger.Settle(h, cost)); err != nil {
		return err
	}
	r.ledger.Settled(h, cost)
	return nil
}

// write appends a record with its charges and looks at what the store then has.
func (r *rival) write(ctx context.Context, kind string, charges []journal.Charge) error {
	head, err := r.store.Append(ctx, &journal.Batch{
		Session: r.name, Epoch: r.head.Epoch, After: r.head.Seq, Charges: charges,
		Records: []journal.Entry{{At: time.Now(), Kind: kind}},
	})
	if err != nil {
		return err
	}
	r.head = head
	sums, err := r.store.Totals(ctx, ledger.TenantAccount(rivalTenant))
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peak = max(r.peak, sums.Spent.PicoUSD+sums.Reserved.PicoUSD)
	return nil
}
