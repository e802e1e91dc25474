package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tierlab/reference/journal"
)

// memory is as much of a journal.Store as a ledger uses. What Append has taken is
// there after a crash, which a test makes by opening another ledger over it.
type memory struct {
	journal.Store // the rest: a nil call fails the test

	mu      sync.Mutex
	totals  map[string]journal.Totals
	charges []journal.Charge
	records []journal.Record // of SwitchSession
	epoch   uint64
	fail    error // of the next Append
}

func newMemory() *memory { return &memory{totals: map[string]journal.Totals{}} }

func (m *memory) Totals(_ context.Context, name string) (journal.Totals, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.totals[name], nil
}

// write is the write of a session's batch.
func (m *memory) write(list []journal.Charge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.charges = append(m.charges, list...)
	for _, c := range list {
		t := m.totals[c.Account]
		t.Spent = vectorOf(t.Spent).plus(vectorOf(c.Spent)).amount()
		t.Reserved = vectorOf(t.Reserved).plus(vectorOf(c.Reserved)).amount()
		m.totals[c.Account] = t
	}
}

func (m *memory) Own(context.Context, string, string, bool) (journal.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	return m.head(), nil
}

func (m *memory) Head(context.Context, string) (journal.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epoch == 0 {
		return journal.Head{}, journal.ErrUnknown
	}
	return m.head(), nil
}

func (m *memory) head() journal.Head {
	return journal.Head{Session: SwitchSession, Epoch: m.epoch, Seq: uint64(len(m.records))}
}

func (m *memory) Append(_ context.Context, b *journal.Batch) (journal.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail; err != nil {
		m.fail = nil
		return journal.Head{}, err
	}
	switch {
	case b.Session != SwitchSession:
		return journal.Head{}, fmt.Errorf("unexpected session %q", b.Session)
	case b.Epoch != m.epoch:
		return journal.Head{}, journal.ErrFenced
	case b.After != uint64(len(m.records)):
		return journal.Head{}, journal.ErrConflict
	}
	for _, e := range b.Records {
		m.records = append(m.records, journal.Record{Entry: e, Seq: uint64(len(m.records) + 1), Epoch: b.Epoch})
	}
	return m.head(), nil
}

func (m *memory) Read(_ context.Context, _ string, after uint64, each func(journal.Record) error) error {
	m.mu.Lock()
	records := m.records[after:]
	m.mu.Unlock()
	for _, r := range records {
		if err := each(r); errors.Is(err, journal.ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}
