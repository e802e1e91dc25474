package ledger_test

import (
	"context"
	"testing"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
)

// TestOverPebble carries a hold, an account and a switch over the end of a process.
func TestOverPebble(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	dollar := ledger.Config{Budgets: ledger.Budgets{Default: ledger.Budget{Total: journal.Amount{PicoUSD: ledger.PicoPerUSD}}}}
	tenth := func(n int64) journal.Amount { return journal.Amount{PicoUSD: n * ledger.PicoPerUSD / 10} }
	var head journal.Head
	process := func(do func(store journal.Store, l *ledger.Ledger)) {
		t.Helper()
		store, err := pebblestore.Open(dir, pebblestore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		l, err := ledger.Open(ctx, store, dollar)
		if err != nil {
			t.Fatal(err)
		}
		if head, err = store.Own(ctx, "s", "test", true); err != nil {
			t.Fatal(err)
		}
		do(store, l)
	}
	write := func(store journal.Store, charges []journal.Charge) {
		t.Helper()
		var err error
		head, err = store.Append(ctx, &journal.Batch{Session: "s", Epoch: head.Epoch, After: head.Seq, Charges: charges,
			Records: []journal.Entry{{At: at, Kind: "test"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var hold ledger.Hold
	process(func(store journal.Store, l *ledger.Ledger) {
		var err error
		if hold, err = l.Reserve(at, ledger.Request{Session: "s", Amount: tenth(8)}); err != nil {
			t.Fatal(err)
		}
		write(store, l.Reservation(hold))
		if _, err := l.Reserve(at, ledger.Request{Session: "s", Amount: tenth(2)}); err != nil { // never written
			t.Fatal(err)
		}
		if err := l.Kill(ctx, ledger.Switch{Scope: "tool/rm", Why: "test", By: "me", At: at}); err != nil {
			t.Fatal(err)
		}
	})
	process(func(store journal.Store, l *ledger.Ledger) {
		if off := l.Stopped(); len(off) != 1 || off[0].Scope != "tool/rm" {
			t.Errorf("stopped are %+v", off)
		}
		if _, err := l.Reserve(at, ledger.Request{Session: "s", Amount: tenth(3)}); err == nil {
			t.Error("a crash has won budget back")
		}
		write(store, l.Settle(hold, tenth(5)))
		l.Settled(hold, tenth(5))
		if _, err := l.Reserve(at, ledger.Request{Session: "s", Amount: tenth(5)}); err != nil {
			t.Error(err)
		}
		got, err := store.Totals(ctx, ledger.TenantAccount(""))
		if want := (journal.Totals{Spent: tenth(5)}); err != nil || got != want {
			t.Errorf("the store has %+v, %v, want %+v", got, err, want)
		}
	})
}
