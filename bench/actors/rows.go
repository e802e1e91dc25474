package actors

import (
	"context"
	"fmt"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
)

func commitRows(ctx context.Context, o *Options) ([]Row, error) {
	folder, remove, err := scratch(o.Folder, "commit")
	if err != nil {
		return nil, err
	}
	defer remove()
	store, err := pebblestore.Open(folder, pebblestore.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	// The disk's own time before and after: neighbours move it.
	before, err := Fsync(o.Folder, o.repeat(500, 50))
	if err != nil {
		return nil, err
	}
	one, err := Commit(ctx, store, 1, o.repeat(2000, 50))
	if err != nil {
		return nil, err
	}
	many, err := Commit(ctx, store, 64, o.repeat(1000, 20))
	if err != nil {
		return nil, err
	}
	after, err := Fsync(o.Folder, o.repeat(500, 50))
	if err != nil {
		return nil, err
	}
	raw := max(before.P99, after.P99)
	bar := max(time.Millisecond, 5*raw)
	return []Row{
		{What: "the disk: 1 KB appended and fsynced", Reached: fmt.Sprintf("%s, then %s", quantiles(before), quantiles(after)), Figures: times(after)},
		{What: "one event, 1 session", Reached: quantiles(one), Bar: fmt.Sprintf("p99 <= max(1 ms, 5x fsync) = %s", ms(bar)), Met: met(one.P99 <= bar), Figures: times(one)},
		{What: "one event, 64 sessions", Reached: fmt.Sprintf("%s, %.0f/s", quantiles(many), many.PerSecond), Bar: "p99 <= 40 ms, >= 20,000/s",
			Met: met(many.P99 <= 40*time.Millisecond && many.PerSecond >= 20_000), Figures: times(many)},
	}, nil
}

func budgetRows(context.Context, *Options) ([]Row, error) {
	budgets := ledger.Budgets{Tenants: map[string]ledger.Budget{"bench": {Total: journal.Amount{PicoUSD: 100 * cent}}}}
	l := ledger.New(ledger.Config{Budgets: budgets})
	b, err := Overspend(l, "bench")
	if err != nil {
		return nil, err
	}
	return []Row{{
		What:    "$1.00, 64 at once try to spend $0.10 each, 4 times",
		Reached: fmt.Sprintf("%d of %d granted: $%.2f", b.Granted, b.Attempts, b.Peak/100), Bar: "never above $1.00",
		Met:     met(b.Peak <= 100 && b.Granted == 10),
		Figures: map[string]float64{"granted": float64(b.Granted), "attempts": float64(b.Attempts), "usd": b.Peak / 100},
	}}, nil
}

func sandboxRows(ctx context.Context, o *Options) ([]Row, error) {
	p, end, err := o.Open(0)
	if err != nil {
		return nil, err
	}
	defer end()
	if _, err := Warm(ctx, p, 20); err != nil {
		return nil, err
	}
	warm, err := Warm(ctx, p, o.repeat(2000, 50))
	if err != nil {
		return nil, err
	}
	burst, err := Burst(ctx, p, o.repeat(5000, 100))
	if err != nil {
		return nil, err
	}
	stop, err := Stop(ctx, p, o.repeat(50, 5), 50*time.Millisecond)
	if err != nil {
		return nil, err
	}
	cold, err := Cold(ctx, func() (Runner, func() error, error) { return o.Open(1) }, o.repeat(20, 3))
	if err != nil {
		return nil, err
	}
	return []Row{
		{What: "request to first result, warm pool", Reached: quantiles(warm), Bar: "p50 <= 0.6 ms, p99 <= 2 ms",
			Met: met(warm.P50 <= 600*time.Microsecond && warm.P99 <= 2*time.Millisecond), Figures: times(warm)},
		{What: "from a new process to its first result", Reached: quantiles(cold), Figures: times(cold)},
		{What: fmt.Sprintf("burst of %d, each in a fresh instance", burst.N), Reached: fmt.Sprintf("all in %s, %.0f/s", ms(burst.Max), burst.PerSecond), Figures: times(burst)},
		{What: "an endless loop outlives its limit by", Reached: quantiles(stop), Bar: "p99 <= 5 ms", Met: met(stop.P99 <= 5*time.Millisecond), Figures: times(stop)},
	}, nil
}
