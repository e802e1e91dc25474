package jetstream

import (
	"time"

	"tierlab/reference/journal"
)

// batch writes the fields of a batch message.
func (w *writer) batch(m *message) {
	b := m.batch
	w.number(b.After)
	w.buf = append(w.buf, m.hash[:]...)
	w.number(uint64(len(b.Records)))
	for i, e := range b.Records {
		w.signed(e.At.UnixNano())
		w.text(e.Kind)
		w.bytes(e.Body)
		w.buf = append(w.buf, m.links[i][:]...)
	}
	w.number(uint64(len(b.Puts)))
	for _, p := range b.Puts {
		w.text(p.Key)
		w.bytes(p.Value)
	}
	w.number(uint64(len(b.Timers)))
	for _, t := range b.Timers {
		w.text(t.Name)
		w.time(t.At)
	}
	w.number(uint64(len(b.Sends)))
	for _, s := range b.Sends {
		w.message(s)
	}
	w.number(uint64(len(b.Sent)))
	for _, id := range b.Sent {
		w.number(id)
	}
	w.number(uint64(len(b.Charges)))
	for _, c := range b.Charges {
		w.charge(c)
	}
	w.bytes(b.Snapshot)
	w.bytes(b.Summary)
}

func (w *writer) message(s journal.Message) {
	w.number(s.ID)
	w.text(s.To)
	w.bytes(s.Body)
}

func (w *writer) charge(c journal.Charge) {
	w.text(c.Account)
	w.amount(c.Spent)
	w.amount(c.Reserved)
}

// batch reads what the writer's batch wrote.
func (r *reader) batch(m *message) {
	b := &journal.Batch{After: r.number(), Epoch: m.epoch}
	m.batch, m.hash = b, r.hash()
	b.Records = list(r, 3+len(journal.Hash{}), func() journal.Entry {
		e := journal.Entry{At: time.Unix(0, r.signed()).UTC(), Kind: r.text(), Body: r.bytes()}
		m.links = append(m.links, r.hash())
		return e
	})
	b.Puts = list(r, 2, func() journal.Put { return journal.Put{Key: r.text(), Value: r.bytes()} })
	b.Timers = list(r, 2, func() journal.Timer { return journal.Timer{Name: r.text(), At: r.time()} })
	b.Sends = list(r, 3, r.message)
	b.Sent = list(r, 1, r.number)
	b.Charges = list(r, 9, r.charge)
	b.Snapshot, b.Summary = r.bytes(), r.bytes()
}

func (r *reader) message() journal.Message {
	return journal.Message{ID: r.number(), To: r.text(), Body: r.bytes()}
}

func (r *reader) charge() journal.Charge {
	return journal.Charge{Account: r.text(), Spent: r.amount(), Reserved: r.amount()}
}

// list reads a count and as many things, each at least so many bytes long.
func list[T any](r *reader, least int, one func() T) []T {
	n := r.count(least)
	if n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for range n {
		out = append(out, one())
	}
	return out
}
