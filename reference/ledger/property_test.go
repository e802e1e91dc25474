package ledger

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/reference/journal"
)

// world is a store, the ledger of the present process, and what sessions' journals
// say: a hold in written is of an effect whose end is not.
type world struct {
	m       *memory
	l       *Ledger
	cfg     Config
	at      time.Time
	memory  []Hold // granted, not written
	written []Hold
	pending map[string]journal.Amount // settlements that were computed, by the hold's ID
	spent   vector                    // that was written, of all sessions
	killed  map[string]bool
}

var (
	sessions = []string{"a", "b", "c"}
	tenants  = map[string]string{"a": "acme", "b": "acme", "c": "other"}
	limits   = Budget{
		Session: journal.Amount{PicoUSD: 60, Tokens: 90},
		Total:   journal.Amount{PicoUSD: 100, Steps: 12},
		Day:     journal.Amount{PicoUSD: 80, Units: 50},
	}
)

func amount(t *rapid.T) journal.Amount {
	n := func(name string) int64 { return rapid.Int64Range(0, 25).Draw(t, name) }
	return journal.Amount{PicoUSD: n("usd"), Steps: n("steps") / 10, Tokens: n("tokens"), Units: n("units")}
}

func (w *world) Reserve(t *rapid.T) {
	s := rapid.SampledFrom(sessions).Draw(t, "session")
	tool := rapid.SampledFrom([]string{"", "rm"}).Draw(t, "tool")
	h, err := w.l.Reserve(w.at, Request{Session: s, Tenant: tenants[s], Tool: tool, Amount: amount(t)})
	off := w.killed["session/"+s] || w.killed["tenant/"+tenants[s]] || w.killed["tool/"+tool]
	var killed *KilledError
	if errors.As(err, &killed) != off {
		t.Fatalf("killed: %v, and Reserve says %v", w.killed, err)
	}
	if err == nil {
		w.memory = append(w.memory, h)
	}
}

func take(t *rapid.T, from *[]Hold) (Hold, bool) {
	if len(*from) == 0 {
		return Hold{}, false
	}
	i := rapid.IntRange(0, len(*from)-1).Draw(t, "hold")
	h := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return h, true
}

func (w *world) Write(t *rapid.T) {
	if h, ok := take(t, &w.memory); ok {
		w.m.write(w.l.Reservation(h))
		w.written = append(w.written, h)
	}
}

func (w *world) Refused(t *rapid.T) {
	if h, ok := take(t, &w.memory); ok {
		w.l.Drop(h)
	}
}

// Settle computes a settlement, which is written later or never.
func (w *world) Settle(t *rapid.T) {
	if len(w.written) > 0 {
		h := rapid.SampledFrom(w.written).Draw(t, "hold")
		spent := amount(t)
		w.pending[h.ID] = spent
		w.l.Settle(h, spent)
	}
}

func (w *world) WriteSettlement(t *rapid.T) {
	h, ok := take(t, &w.written)
	if !ok {
		return
	}
	spent, ok := w.pending[h.ID]
	if !ok {
		spent = amount(t)
	}
	w.m.write(w.l.Settle(h, spent))
	w.spent = w.spent.plus(vectorOf(spent))
	if rapid.Bool().Draw(t, "crash before Settled") {
		w.Crash(t)
		return
	}
	w.check(t)
	w.l.Settled(h, spent)
	if rapid.Bool().Draw(t, "settle again") {
		w.m.write(w.l.Settle(h, amount(t)))
		w.l.Settled(h, amount(t))
		w.l.Drop(h)
	}
}

func (w *world) Crash(t *rapid.T) {
	l, err := Open(context.Background(), w.m, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.l, w.memory, w.pending = l, nil, map[string]journal.Amount{}
}

func (w *world) Forget(t *rapid.T) { w.l.Forget(rapid.SampledFrom(sessions).Draw(t, "session")) }

func (w *world) Midnight(*rapid.T) { w.at = w.at.Add(13 * time.Hour) }

func (w *world) Kill(t *rapid.T) {
	scope := rapid.SampledFrom([]string{"session/a", "tenant/other", "tool/rm"}).Draw(t, "scope")
	s := Switch{Scope: scope, Why: "test", By: "me", At: w.at}
	var err error
	if w.killed[scope] {
		err = w.l.Revive(context.Background(), s)
	} else {
		err = w.l.Kill(context.Background(), s)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.killed[scope] = !w.killed[scope]
}

// check holds the store and memory to INV-L1, INV-L2 and INV-L4.
func (w *world) check(t *rapid.T) {
	sums := map[string]journal.Totals{}
	for _, c := range w.m.charges {
		s := sums[c.Account]
		s.Spent = vectorOf(s.Spent).plus(vectorOf(c.Spent)).amount()
		s.Reserved = vectorOf(s.Reserved).plus(vectorOf(c.Reserved)).amount()
		sums[c.Account] = s
	}
	if !maps.Equal(sums, w.m.totals) {
		t.Fatalf("charges sum to %v, totals are %v", sums, w.m.totals)
	}
	for name, a := range w.l.counts {
		w.within(t, "memory", name, a.spent.plus(a.reserved))
		stored := w.m.totals[name]
		for m, x := range vectorOf(stored.Spent).plus(vectorOf(stored.Reserved)) {
			if a.spent[m]+a.reserved[m] < x {
				t.Fatalf("%s: memory counts %v and %v, the store %+v", name, a.spent, a.reserved, stored)
			}
		}
	}
	for name, s := range w.m.totals {
		w.within(t, "store", name, vectorOf(s.Spent).plus(vectorOf(s.Reserved)))
	}
	if got := vectorOf(w.m.totals["tenant/acme"].Spent).plus(vectorOf(w.m.totals["tenant/other"].Spent)); got != w.spent {
		t.Fatalf("tenants spent %v, settlements were %v", got, w.spent)
	}
}

func (w *world) within(t *rapid.T, where, name string, used vector) {
	limit := vector{}
	switch {
	case name[:7] == "session":
		limit = vectorOf(limits.Session)
	case name == "tenant/acme", name == "tenant/other":
		limit = vectorOf(limits.Total)
	case name[:7] == "tenant/":
		limit = vectorOf(limits.Day)
	}
	over := vectorOf(w.m.totals[OverrunAccount(name)].Spent)
	if where == "memory" { // with the overruns that are being written
		for _, g := range w.l.holds {
			if slices.Contains(g.counted, name) {
				over = over.plus(g.beyond)
			}
		}
	}
	for m := range used {
		if limit[m] > 0 && used[m] > limit[m]+over[m] {
			t.Fatalf("%s: %s: %d %s used, limit %d, overrun %d", where, name, used[m], meters[m], limit[m], over[m])
		}
	}
}

// TestNeverOvershot drives ledgers over one store with any order of reservations,
// writes, refusals, settlements, crashes and kills.
func TestNeverOvershot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			m: newMemory(), cfg: Config{Budgets: Budgets{Tenants: map[string]Budget{"acme": limits, "other": limits}}},
			at: noon, pending: map[string]journal.Amount{}, killed: map[string]bool{},
		}
		w.Crash(t)
		t.Repeat(map[string]func(*rapid.T){
			"reserve": w.Reserve, "write": w.Write, "refused": w.Refused, "settle": w.Settle,
			"write settlement": w.WriteSettlement, "crash": w.Crash, "forget": w.Forget,
			"midnight": w.Midnight, "kill": w.Kill, "": w.check,
		})
		for len(w.written) > 0 { // every session is woken and settles
			w.WriteSettlement(t)
		}
		w.Crash(t)
		w.check(t)
		for name, s := range w.m.totals {
			if s.Reserved != (journal.Amount{}) {
				t.Fatalf("%s: nothing is open, and %+v is reserved", name, s.Reserved)
			}
		}
	})
}
