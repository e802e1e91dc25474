package session

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tierlab/reference/journal"
)

// memory is a journal.Store for tests. hook, if set, is asked before a batch is
// taken; an error of its is Append's.
type memory struct {
	mu       sync.Mutex
	sessions map[string]*book
	totals   map[string]journal.Totals
	hook     func(b *journal.Batch) error
	appends  int
}

type book struct {
	head    journal.Head
	records []journal.Record // from First
	state   map[string][]byte
	timers  map[string]time.Time
	outbox  map[uint64]journal.Message
	body    []byte
}

func newMemory() *memory {
	return &memory{sessions: map[string]*book{}, totals: map[string]journal.Totals{}}
}

func (m *memory) book(name string) (*book, error) {
	if b := m.sessions[name]; b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("%w: %q", journal.ErrUnknown, name)
}

func (m *memory) Own(_ context.Context, name, owner string, create bool) (journal.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.sessions[name]
	if b == nil {
		if !create {
			return journal.Head{}, fmt.Errorf("%w: %q", journal.ErrUnknown, name)
		}
		b = &book{
			head: journal.Head{Session: name, Hash: journal.Root(name), First: 1}, state: map[string][]byte{},
			timers: map[string]time.Time{}, outbox: map[uint64]journal.Message{},
		}
		m.sessions[name] = b
	}
	b.head.Epoch++
	b.head.Owner = owner
	return b.head, nil
}

func (m *memory) Append(_ context.Context, b *journal.Batch) (journal.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := b.Check(); err != nil {
		return journal.Head{}, err
	}
	k, err := m.book(b.Session)
	switch {
	case err != nil:
		return journal.Head{}, err
	case b.Epoch != k.head.Epoch:
		return journal.Head{}, journal.ErrFenced
	case b.After != k.head.Seq:
		return journal.Head{}, journal.ErrConflict
	}
	if m.hook != nil {
		if err := m.hook(b); err != nil {
			return journal.Head{}, err
		}
	}
	m.appends++
	for i := range b.Records {
		e := b.Records[i]
		k.head.Seq++
		k.head.Hash = k.head.Hash.Next(k.head.Seq, b.Epoch, &e)
		k.records = append(k.records, journal.Record{Entry: e, Seq: k.head.Seq, Epoch: b.Epoch, Hash: k.head.Hash})
	}
	for _, p := range b.Puts {
		if p.Value == nil {
			delete(k.state, p.Key)
		} else {
			k.state[p.Key] = bytes.Clone(p.Value)
		}
	}
	for _, t := range b.Timers {
		if t.At.IsZero() {
			delete(k.timers, t.Name)
		} else {
			k.timers[t.Name] = t.At
		}
	}
	for _, s := range b.Sends {
		s.From = b.Session
		k.outbox[s.ID] = s
	}
	for _, id := range b.Sent {
		delete(k.outbox, id)
	}
	for _, c := range b.Charges {
		t := m.totals[c.Account]
		add := func(to *journal.Amount, by journal.Amount) {
			to.PicoUSD += by.PicoUSD
			to.Steps += by.Steps
			to.Tokens += by.Tokens
			to.Units += by.Units
		}
		add(&t.Spent, c.Spent)
		add(&t.Reserved, c.Reserved)
		m.totals[c.Account] = t
	}
	if b.Snapshot != nil {
		k.body, k.head.Snapshot = bytes.Clone(b.Snapshot), k.head.Seq
	}
	if b.Summary != nil {
		k.head.Summary = bytes.Clone(b.Summary)
	}
	return k.head, nil
}

func (m *memory) Head(_ context.Context, name string) (journal.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := m.book(name)
	if err != nil {
		return journal.Head{}, err
	}
	return b.head, nil
}

func (m *memory) Read(_ context.Context, name string, after uint64, each func(journal.Record) error) error {
	m.mu.Lock()
	b, err := m.book(name)
	var list []journal.Record
	if err == nil {
		list = slices.Clone(b.records)
		if after+1 < b.head.First {
			err = fmt.Errorf("records before %d were compacted away", b.head.First)
		}
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Seq <= after {
			continue
		}
		if err := each(list[i]); err == journal.ErrStop {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Snapshot(_ context.Context, name string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := m.book(name)
	if err != nil {
		return nil, 0, err
	}
	return b.body, b.head.Snapshot, nil
}

func (m *memory) Get(_ context.Context, name, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := m.book(name)
	if err != nil {
		return nil, err
	}
	return b.state[key], nil
}

func (m *memory) List(_ context.Context, name, prefix string, each func(journal.Put) error) error {
	m.mu.Lock()
	b, err := m.book(name)
	var list []journal.Put
	if err == nil {
		for _, k := range slices.Sorted(maps.Keys(b.state)) {
			if strings.HasPrefix(k, prefix) {
				list = append(list, journal.Put{Key: k, Value: b.state[k]})
			}
		}
	}
	m.mu.Unlock()
	return visit(list, each, err)
}

func (m *memory) Due(_ context.Context, until time.Time, each func(journal.Due) error) error {
	m.mu.Lock()
	var list []journal.Due
	for name, b := range m.sessions {
		for t, at := range b.timers {
			if !at.After(until) {
				list = append(list, journal.Due{Session: name, Timer: journal.Timer{Name: t, At: at}})
			}
		}
	}
	m.mu.Unlock()
	slices.SortFunc(list, func(a, b journal.Due) int { return a.At.Compare(b.At) })
	return visit(list, each, nil)
}

func (m *memory) Outbox(_ context.Context, name string, each func(journal.Message) error) error {
	m.mu.Lock()
	var list []journal.Message
	for from, b := range m.sessions {
		for _, s := range b.outbox {
			if name == "" || name == from {
				list = append(list, s)
			}
		}
	}
	m.mu.Unlock()
	slices.SortFunc(list, func(a, b journal.Message) int {
		return cmp.Or(strings.Compare(a.From, b.From), cmp.Compare(a.ID, b.ID))
	})
	return visit(list, each, nil)
}

func (m *memory) Totals(_ context.Context, account string) (journal.Totals, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.totals[account], nil
}

func (m *memory) Sessions(_ context.Context, after string, each func(journal.Head) error) error {
	m.mu.Lock()
	var list []journal.Head
	for _, name := range slices.Sorted(maps.Keys(m.sessions)) {
		if name > after {
			list = append(list, m.sessions[name].head)
		}
	}
	m.mu.Unlock()
	return visit(list, each, nil)
}

func (m *memory) Compact(_ context.Context, name string, epoch uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := m.book(name)
	if err != nil {
		return err
	}
	b.records = slices.DeleteFunc(b.records, func(r journal.Record) bool { return r.Seq <= b.head.Snapshot })
	b.head.First = b.head.Snapshot + 1
	return nil
}

func (m *memory) Close() error { return nil }

func visit[T any](list []T, each func(T) error, err error) error {
	for i := range list {
		if err != nil {
			break
		}
		err = each(list[i])
	}
	if err == journal.ErrStop {
		return nil
	}
	return err
}

// cut is a new store with the first n records of a session, and the state and
// messages that follow from them, as a crash after the n-th would have left it.
func (m *memory) cut(name string, n int) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMemory()
	head, _ := c.Own(context.Background(), name, "before", true)
	b := &journal.Batch{Session: name, Epoch: head.Epoch}
	for _, r := range m.sessions[name].records[:n] {
		b.Records = append(b.Records, r.Entry)
		rec, err := read(name, r.Kind, r.Seq, r.Body)
		if err != nil {
			panic(err)
		}
		if end, ok := rec.(*ran); ok {
			for _, w := range end.Writes {
				p := journal.Put{Key: w.Key}
				if w.Value != nil {
					p.Value = *w.Value
				}
				b.Puts = append(b.Puts, p)
			}
		}
	}
	if _, err := c.Append(context.Background(), b); err != nil {
		panic(err)
	}
	return c
}

// mine makes a session one that this owner has left.
func (st *stage) mine(id string) {
	st.store.mu.Lock()
	defer st.store.mu.Unlock()
	st.store.sessions[id].head.Owner = "here"
}
