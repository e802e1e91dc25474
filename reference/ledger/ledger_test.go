package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"tierlab/reference/journal"
	"tierlab/workloads"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func usd(x float64) journal.Amount { return journal.Amount{PicoUSD: Pico(x)} }

func budgetOf(b Budget) Budgets { return Budgets{Default: b} }

func open(t *testing.T, m *memory, cfg Config) *Ledger {
	t.Helper()
	l, err := Open(context.Background(), m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func reserve(t *testing.T, l *Ledger, r Request) Hold {
	t.Helper()
	h, err := l.Reserve(noon, r)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wantTotals(t *testing.T, l *Ledger, account string, want journal.Totals) {
	t.Helper()
	if got, err := l.Totals(account); err != nil || got != want {
		t.Errorf("%s: totals %+v, %v, want %+v", account, got, err, want)
	}
}

// TestDollarUnderContention is the bar: a dollar under 64 concurrent attempts of
// ten cents each, which settle at what they cost, is never overshot.
func TestDollarUnderContention(t *testing.T) {
	for _, cost := range []float64{0.10, 0.07} {
		m := newMemory()
		l := open(t, m, Config{Budgets: budgetOf(Budget{Total: usd(1)})})
		var granted sync.Map
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for range 8 {
					h, err := l.Reserve(noon, Request{Session: "s" + string(rune('a'+i%26)), Tenant: "acme", Amount: usd(0.10)})
					if err != nil {
						var over *OverError
						if !errors.As(err, &over) || over.Account != "tenant/acme" || over.What != "usd" {
							t.Errorf("refused with %v", err)
						}
						continue
					}
					granted.Store(h.ID, true)
					m.write(l.Reservation(h))
					m.write(l.Settle(h, usd(cost)))
					l.Settled(h, usd(cost))
				}
			})
			wg.Go(func() {
				sums, _ := l.Totals("tenant/acme")
				if sums.Spent.PicoUSD+sums.Reserved.PicoUSD > Pico(1) {
					t.Errorf("%s spent and %s reserved of $1.00", USD(sums.Spent.PicoUSD), USD(sums.Reserved.PicoUSD))
				}
			})
		}
		wg.Wait()
		n := int64(0)
		granted.Range(func(any, any) bool { n++; return true })
		if got := m.totals["tenant/acme"].Spent.PicoUSD; got > Pico(1) || got != n*Pico(cost) || n < 10 {
			t.Errorf("at $%.2f each: %d attempts were granted and %s is spent", cost, n, USD(got))
		}
	}
}

func TestReserveIsAllOrNothing(t *testing.T) {
	l := New(Config{Budgets: budgetOf(Budget{Session: journal.Amount{Tokens: 100}, Day: usd(1)})})
	_, err := l.Reserve(noon, Request{Session: "s", Amount: journal.Amount{PicoUSD: Pico(0.5), Tokens: 101}})
	var over *OverError
	if !errors.As(err, &over) || over.Account != "session/s" || over.What != "tokens" || over.Later {
		t.Fatalf("got %v", err)
	}
	const want = "ledger: session/s: limit of 100 on tokens: 0 is spent or reserved, 101 more was asked for"
	if err.Error() != want {
		t.Errorf("said  %s\nwant %s", err, want)
	}
	for _, account := range []string{"session/s", "tenant/default", "tenant/default/2026-03-01"} {
		wantTotals(t, l, account, journal.Totals{})
	}
}

func TestLaterOrNever(t *testing.T) {
	l := New(Config{Budgets: budgetOf(Budget{Total: usd(1)})})
	h := reserve(t, l, Request{Session: "a", Amount: usd(0.9)})
	freed := l.Freed()
	_, err := l.Reserve(noon, Request{Session: "b", Amount: usd(0.2)})
	var over *OverError
	if !errors.As(err, &over) || !over.Later || over.Limit != "$1.00" || over.Totals != "$0.90" || over.Wanted != "$0.20" {
		t.Fatalf("beside a reservation: %v", err)
	}
	select {
	case <-freed:
		t.Fatal("nothing was settled, and something was freed")
	default:
	}
	l.Settle(h, usd(0.5))
	l.Settled(h, usd(0.5))
	<-freed
	h = reserve(t, l, Request{Session: "b", Amount: usd(0.2)})
	if _, err = l.Reserve(noon, Request{Session: "c", Amount: usd(0.6)}); !errors.As(err, &over) || over.Later {
		t.Errorf("beyond what is spent: %v", err)
	}
	l.Drop(h)
	reserve(t, l, Request{Session: "c", Amount: usd(0.5)})
}

func TestSessionsOwnBudget(t *testing.T) {
	l := New(Config{Budgets: budgetOf(Budget{Session: journal.Amount{Steps: 10, Tokens: 50}})})
	own := &workloads.Budget{USD: 0.3, Steps: 20, Tokens: 40}
	for _, c := range []struct {
		what string
		a    journal.Amount
		ok   bool
	}{
		{"usd", usd(0.3), true}, {"usd", journal.Amount{PicoUSD: Pico(0.3) + 1}, false},
		{"steps", journal.Amount{Steps: 10}, true}, {"steps", journal.Amount{Steps: 11}, false},
		{"tokens", journal.Amount{Tokens: 40}, true}, {"tokens", journal.Amount{Tokens: 41}, false},
		{"units", journal.Amount{Units: math.MaxInt64}, true},
	} {
		h, err := l.Reserve(noon, Request{Session: "s", Amount: c.a, Budget: own})
		if (err == nil) != c.ok {
			t.Errorf("%s %+v: %v", c.what, c.a, err)
		}
		l.Drop(h)
	}
}

// TestOverrun books what was spent beyond a reservation in full, and nothing more
// is granted.
func TestOverrun(t *testing.T) {
	m := newMemory()
	l := open(t, m, Config{Budgets: budgetOf(Budget{Session: usd(1)})})
	h := reserve(t, l, Request{Session: "s", Amount: usd(0.8)})
	m.write(l.Reservation(h))
	charges := l.Settle(h, usd(1.5))
	wantTotals(t, l, "session/s", journal.Totals{Reserved: usd(1.5)}) // before it is written
	m.write(charges)
	l.Settled(h, usd(1.5))
	wantTotals(t, l, "session/s", journal.Totals{Spent: usd(1.5)})
	wantTotals(t, l, "overrun/session/s", journal.Totals{Spent: usd(0.7)})
	if m.totals["session/s"] != (journal.Totals{Spent: usd(1.5)}) {
		t.Errorf("store has %+v", m.totals["session/s"])
	}
	if _, err := l.Reserve(noon, Request{Session: "s", Amount: journal.Amount{PicoUSD: 1}}); err == nil {
		t.Error("a session beyond its budget was granted more")
	}
}

// TestOverflow: no account wraps around.
func TestOverflow(t *testing.T) {
	m := newMemory()
	l := open(t, m, Config{})
	most := journal.Amount{Tokens: math.MaxInt64}
	small := reserve(t, l, Request{Session: "s", Amount: journal.Amount{Tokens: 5}})
	m.write(l.Reservation(small))
	var over *OverError
	if _, err := l.Reserve(noon, Request{Session: "s", Amount: most}); !errors.As(err, &over) || over.What != "tokens" {
		t.Fatalf("got %v", err)
	}
	m.write(l.Settle(small, most))
	l.Settled(small, most)
	wantTotals(t, l, "session/s", journal.Totals{Spent: most})
	if m.totals["session/s"] != (journal.Totals{Spent: most}) {
		t.Errorf("store has %+v", m.totals["session/s"])
	}
	if _, err := l.Reserve(noon, Request{Session: "s", Amount: journal.Amount{Tokens: -1}}); err == nil {
		t.Error("a negative amount was granted")
	}
}

// TestSettleTwice: a settlement may be asked for again until it is written, and
// is nothing afterwards, in this process and in the next.
func TestSettleTwice(t *testing.T) {
	m := newMemory()
	l := open(t, m, Config{})
	h := reserve(t, l, Request{Session: "s", Amount: usd(1)})
	m.write(l.Reservation(h))
	l.Settle(h, usd(2)) // its write fails
	m.write(l.Settle(h, usd(0.4)))
	l.Settled(h, usd(0.4))
	m.write(l.Settle(h, usd(0.4)))
	l.Settled(h, usd(0.4))
	l.Drop(h)
	wantTotals(t, l, "session/s", journal.Totals{Spent: usd(0.4)})

	h = reserve(t, l, Request{Session: "s", Amount: usd(1)})
	m.write(l.Reservation(h))
	next := open(t, m, Config{})
	wantTotals(t, next, "session/s", journal.Totals{Spent: usd(0.4), Reserved: usd(1)})
	next.Drop(h) // is written, and so not the next ledger's to drop
	for range 2 {
		m.write(next.Settle(h, usd(0.5)))
		next.Settled(h, usd(0.5))
	}
	wantTotals(t, next, "session/s", journal.Totals{Spent: usd(0.9)})
	if m.totals["session/s"] != (journal.Totals{Spent: usd(0.9)}) {
		t.Errorf("store has %+v", m.totals["session/s"])
	}
	if l.Settle(Hold{}, usd(1)) != nil {
		t.Error("the zero hold charges something")
	}
}

// TestHoldKeepsItsDay settles after midnight what was reserved before.
func TestHoldKeepsItsDay(t *testing.T) {
	l := New(Config{Budgets: budgetOf(Budget{Day: usd(1)})})
	evening := time.Date(2026, 3, 1, 18, 59, 0, 0, time.FixedZone("", -5*3600)) // 23:59 UTC
	h, err := l.Reserve(evening, Request{Session: "s", Tenant: "acme", Amount: usd(1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(evening, Request{Session: "s", Tenant: "acme", Amount: usd(0.1)}); err == nil {
		t.Error("the day's limit did not hold")
	}
	if _, err := l.Reserve(evening.Add(time.Minute), Request{Session: "s", Tenant: "acme", Amount: usd(1)}); err != nil {
		t.Errorf("the next day: %v", err)
	}
	l.Settle(h, usd(0.7))
	l.Settled(h, usd(0.7))
	wantTotals(t, l, DayAccount("acme", evening), journal.Totals{Spent: usd(0.7)})
	wantTotals(t, l, "tenant/acme/2026-03-02", journal.Totals{Reserved: usd(1)})
}

// TestNodesShareLimits: the parts of a limit sum to no more than it.
func TestNodesShareLimits(t *testing.T) {
	m := newMemory()
	granted := 0
	var held []Hold
	for _, node := range []string{"a", "b", "c"} {
		l := open(t, m, Config{Budgets: budgetOf(Budget{Total: journal.Amount{Steps: 10}}), Node: node, Nodes: 3})
		for i := range 10 {
			if h, err := l.Reserve(noon, Request{Session: node, Amount: journal.Amount{Steps: 1}}); err == nil {
				m.write(l.Reservation(h))
				held = append(held, h)
				granted++
			} else if i < 3 {
				t.Errorf("node %s: step %d: %v", node, i, err)
			}
		}
	}
	if granted != 9 {
		t.Errorf("%d steps granted of 10 on three nodes, want 9", granted)
	}
	other := open(t, m, Config{Budgets: budgetOf(Budget{Total: journal.Amount{Steps: 10}}), Node: "c", Nodes: 3})
	m.write(other.Settle(held[0], journal.Amount{Steps: 1})) // node a's session has moved here
	other.Settled(held[0], journal.Amount{Steps: 1})
	if got := m.totals["tenant/default@a"]; got.Spent.Steps != 1 || got.Reserved.Steps != 2 {
		t.Errorf("node a's account: %+v", got)
	}
}

// TestForget lets a session's account go and reads it again.
func TestForget(t *testing.T) {
	m := newMemory()
	l := open(t, m, Config{})
	h := reserve(t, l, Request{Session: "s", Amount: usd(1)})
	l.Forget("s")
	wantTotals(t, l, "session/s", journal.Totals{Reserved: usd(1)}) // the hold is not written
	m.write(l.Reservation(h))
	m.write(l.Settle(h, usd(1)))
	l.Settled(h, usd(1))
	l.Forget("s")
	m.write([]journal.Charge{{Account: "session/s", Spent: usd(2)}}) // by another owner
	wantTotals(t, l, "session/s", journal.Totals{Spent: usd(3)})
}

func TestHoldIsPlain(t *testing.T) {
	l := New(Config{})
	h := reserve(t, l, Request{Session: "s", Tenant: "a/b c", Amount: usd(1)})
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back Hold
	if err := json.Unmarshal(text, &back); err != nil || back.ID != h.ID || back.Amount != h.Amount || len(back.Accounts) != 3 {
		t.Errorf("%s became %+v, %v", text, back, err)
	}
	if back.Accounts[1] != "tenant/a%2Fb+c" {
		t.Errorf("tenant's account is %s", back.Accounts[1])
	}
}

func TestPico(t *testing.T) {
	for _, c := range []struct {
		usd  float64
		want int64
		text string
	}{
		{0, 0, "$0.00"}, {-1, 0, "$0.00"}, {math.NaN(), 0, "$0.00"}, {1e-30, 1, "$0.000000000001"},
		{0.07, 70_000_000_000, "$0.07"}, {0.1, 100_000_000_000, "$0.10"}, {0.1 + 0.2, 300_000_000_000, "$0.30"},
		{1234.5678, 1_234_567_800_000_000, "$1234.5678"}, {1.0000000000001e-12, 2, "$0.000000000002"},
		{math.Inf(1), math.MaxInt64, "$9223372.036854775807"},
	} {
		if got := Pico(c.usd); got != c.want || USD(got) != c.text {
			t.Errorf("Pico(%v) = %d (%s), want %d (%s)", c.usd, got, USD(got), c.want, c.text)
		}
	}
	if got := USD(math.MinInt64); got != "-$9223372.036854775808" {
		t.Errorf("USD of the least is %s", got)
	}
}
