package ledger

import (
	"math"
	"strings"

	"tierlab/reference/journal"
)

// holding is a hold as memory has it. Those of earlier ledgers come in when they
// are settled and stay, so that they are settled once.
type holding struct {
	// counted are the accounts whose totals in memory include the hold.
	counted []string
	// beyond is what a settlement that is being written books over the hold; it
	// counts as reserved meanwhile.
	beyond  vector
	settled bool
}

// Reservation is what a hold adds to its accounts. It belongs into the batch that
// writes the event which the effect follows from. It changes nothing in memory.
func (l *Ledger) Reservation(h Hold) []journal.Charge {
	var list []journal.Charge
	for _, name := range h.Accounts {
		list = append(list, journal.Charge{Account: name, Reserved: h.Amount})
	}
	return list
}

// Settle is what a hold's end adds to its accounts: what was spent, in place of
// what was reserved. It belongs into the batch that writes the event which says
// how the effect ended, and may be asked for again until that batch is written
// and Settled has been called; after that it is nothing. What was spent beyond
// the reservation is booked in full, and in the overrun accounts as well.
func (l *Ledger) Settle(h Hold, spent journal.Amount) []journal.Charge {
	if !l.ours(&h) {
		// An account that cannot be read now is not in counted: memory then keeps
		// the hold in it, and is above the store.
		_ = l.load(h.Accounts)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.holding(&h)
	if g == nil {
		return nil
	}
	held := vectorOf(h.Amount)
	l.reserve(g, vector{}.minus(g.beyond))
	g.beyond = l.room(g, vectorOf(spent).minus(held).atLeast(vector{}))
	l.reserve(g, g.beyond)
	cost := g.cost(held, spent)
	var list []journal.Charge
	for _, name := range h.Accounts {
		list = append(list, journal.Charge{Account: name, Spent: cost.amount(), Reserved: vector{}.minus(held).amount()})
		if g.beyond != (vector{}) {
			list = append(list, journal.Charge{Account: OverrunAccount(name), Spent: g.beyond.amount()})
		}
	}
	return list
}

// Settled takes a settlement into memory, once it is written: what was left of
// the hold is free from now on. It does so once for each hold.
func (l *Ledger) Settled(h Hold, spent journal.Amount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.holding(&h); g != nil {
		l.close(&h, g, g.cost(vectorOf(h.Amount), spent))
	}
}

// Drop takes a reservation back that certainly was not written: the batch with
// its Reservation was refused, or never handed to a store.
func (l *Ledger) Drop(h Hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.holding(&h); g != nil && l.ours(&h) {
		l.close(&h, g, vector{})
	}
}

// ours says that a hold was made by this ledger, not by one before it.
func (l *Ledger) ours(h *Hold) bool { return strings.HasPrefix(h.ID, l.name) }

// holding is an open hold, or nil if it was settled or is of nothing.
func (l *Ledger) holding(h *Hold) *holding {
	g := l.holds[h.ID]
	if g == nil && h.ID != "" && !l.ours(h) {
		g = new(holding)
		for _, name := range h.Accounts {
			if a := l.counts[name]; a != nil {
				a.holds++
				g.counted = append(g.counted, name)
			}
		}
		l.holds[h.ID] = g
	}
	if g == nil || g.settled {
		return nil
	}
	return g
}

// cost is what is booked for a hold: what was spent, but no more than was
// reserved and goes beyond it.
func (g *holding) cost(held vector, spent journal.Amount) vector {
	cost := vectorOf(spent).atLeast(vector{})
	for m, most := range held.plus(g.beyond) {
		cost[m] = min(cost[m], most)
	}
	return cost
}

// room cuts an amount to what the accounts of a hold can count.
func (l *Ledger) room(g *holding, want vector) vector {
	for _, name := range g.counted {
		for m := range want {
			there, _ := sum(l.counts[name].spent[m], l.counts[name].reserved[m])
			want[m] = min(want[m], math.MaxInt64-there)
		}
	}
	return want
}

func (l *Ledger) reserve(g *holding, v vector) {
	for _, name := range g.counted {
		l.counts[name].reserved = l.counts[name].reserved.plus(v)
	}
}

func (l *Ledger) close(h *Hold, g *holding, cost vector) {
	l.reserve(g, vector{}.minus(vectorOf(h.Amount).plus(g.beyond)))
	for _, name := range g.counted {
		a := l.counts[name]
		a.spent = a.spent.plus(cost)
		a.holds--
	}
	g.settled, g.counted = true, nil
	if l.ours(h) {
		delete(l.holds, h.ID)
	}
	if l.freed != nil {
		close(l.freed)
		l.freed = nil
	}
}
