package journaltest

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"tierlab/reference/journal"
)

// property drives random batches beside the model. One store serves all runs,
// each with sessions and accounts of its own.
func property(s *suite) {
	run := 0
	rapid.Check(s.t, func(t *rapid.T) {
		if run++; s.o.Small && run > 15 {
			return
		}
		own := &suite{TB: t, t: s.t, o: s.o, store: s.store, prefix: fmt.Sprintf("%s%d-", s.prefix, run)}
		defer func() { s.store = own.store }()
		p := &driver{suite: own, model: newModel()}
		steps := map[string]func(*rapid.T){
			"own": p.own, "append": p.append, "append again": p.append, "append more": p.append,
			"refused": p.refused, "compact": p.compact, "": func(*rapid.T) {},
		}
		if s.o.Reopen != nil {
			steps["reopen"] = func(*rapid.T) { own.store = s.o.Reopen(s.t, own.store) }
		}
		if s.o.Crash != nil {
			steps["crash"] = func(*rapid.T) { own.store = s.o.Crash(s.t, own.store) }
		}
		steps["compare"] = func(*rapid.T) { own.compareAll(p.model) }
		t.Repeat(steps)
		own.compareAll(p.model)
	})
}

// driver draws what to do next.
type driver struct {
	*suite
	model   *model
	message uint64 // the last message's number
}

func (p *driver) session(t *rapid.T) string {
	return p.name(rapid.SampledFrom([]string{"a", "a0", "b"}).Draw(t, "session"))
}

func (p *driver) own(t *rapid.T) {
	name, owner := p.session(t), rapid.SampledFrom([]string{"n1", "n2", ""}).Draw(t, "owner")
	create := rapid.Bool().Draw(t, "create")
	before := p.model.sessions[name]
	h, err := p.store.Own(p.ctx(), name, owner, create)
	if before == nil && !create {
		p.wantErr("Own", err, journal.ErrUnknown)
		return
	}
	if err != nil {
		t.Fatalf("Own: %v", err)
	}
	if before != nil && h.Epoch <= before.head.Epoch {
		t.Fatalf("INV-J3: epoch %d after %d", h.Epoch, before.head.Epoch)
	}
	if want := p.model.own(name, owner, h.Epoch); !sameHead(h, want) {
		t.Fatalf("Own returned %+v, want %+v", h, want)
	}
}

// batch draws a batch that follows the session's head.
func (p *driver) batch(t *rapid.T, name string) *journal.Batch {
	b := &journal.Batch{Session: name}
	if x := p.model.sessions[name]; x != nil {
		b.Epoch, b.After = x.head.Epoch, x.head.Seq
	}
	value := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(v []byte) []byte { return append([]byte{}, v...) }) // never nil
	key := rapid.SampledFrom([]string{"k", "k\x00", "kk", "l"})
	at := func(label string) time.Time {
		return base.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, label)) * time.Second)
	}
	for range rapid.IntRange(0, 4).Draw(t, "records") {
		b.Records = append(b.Records, journal.Entry{At: at("at"), Kind: key.Draw(t, "kind"), Body: value.Draw(t, "body")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "puts") {
		put := journal.Put{Key: key.Draw(t, "key")}
		if !rapid.Bool().Draw(t, "delete") {
			put.Value = value.Draw(t, "value")
		}
		b.Puts = append(b.Puts, put)
	}
	for range rapid.IntRange(0, 3).Draw(t, "timers") {
		timer := journal.Timer{Name: key.Draw(t, "timer")}
		if !rapid.Bool().Draw(t, "clear") {
			timer.At = at("due")
		}
		b.Timers = append(b.Timers, timer)
	}
	for range rapid.IntRange(0, 2).Draw(t, "sends") {
		p.message++
		b.Sends = append(b.Sends, journal.Message{ID: p.message, To: p.session(t), Body: value.Draw(t, "message")})
	}
	if x := p.model.sessions[name]; x != nil {
		for id := range x.outbox {
			if (id+b.After)%3 == 0 { // no draw: a map's order does not repeat
				b.Sent = append(b.Sent, id)
			}
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "charges") {
		amount := func(label string) journal.Amount {
			n := rapid.Int64Range(-1000, 1<<40).Draw(t, label)
			return journal.Amount{PicoUSD: n, Steps: n % 7, Tokens: -n, Units: 1}
		}
		b.Charges = append(b.Charges, journal.Charge{Account: p.name(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "account")), Spent: amount("spent"), Reserved: amount("reserved")})
	}
	if rapid.IntRange(0, 3).Draw(t, "snapshot") == 0 {
		b.Snapshot = value.Draw(t, "snapshot body")
	}
	if rapid.IntRange(0, 3).Draw(t, "summary") == 0 {
		b.Summary = value.Draw(t, "summary body")
	}
	return b
}

func (p *driver) append(t *rapid.T) {
	b := p.batch(t, p.session(t))
	if want := p.model.accepts(b); want != nil {
		_, err := p.store.Append(p.ctx(), b)
		p.wantErr("Append", err, want)
		return
	}
	h, err := p.store.Append(p.ctx(), b)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if want := p.model.append(b); !sameHead(h, want) {
		t.Fatalf("Append returned %+v, want %+v", h, want)
	}
}

// refused appends a batch of another epoch or place, which changes nothing.
func (p *driver) refused(t *rapid.T) {
	b := p.batch(t, p.session(t))
	if rapid.Bool().Draw(t, "epoch") {
		b.Epoch += uint64(rapid.SampledFrom([]int{-1, 1}).Draw(t, "by"))
	} else {
		b.After += uint64(rapid.SampledFrom([]int{-1, 1, 5}).Draw(t, "by"))
	}
	want := p.model.accepts(b)
	_, err := p.store.Append(p.ctx(), b)
	if want == nil || !errors.Is(err, want) {
		t.Fatalf("Append: %v, want %v", err, want)
	}
}

func (p *driver) compact(t *rapid.T) {
	name := p.session(t)
	x := p.model.sessions[name]
	if x == nil {
		p.wantErr("Compact", p.store.Compact(p.ctx(), name, 1), journal.ErrUnknown)
		return
	}
	if err := p.store.Compact(p.ctx(), name, x.head.Epoch); err != nil {
		t.Fatalf("Compact: %v", err)
	}
	p.model.compact(name)
}
