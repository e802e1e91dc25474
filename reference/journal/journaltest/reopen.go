package journaltest

import (
	"fmt"
	"testing"

	"tierlab/reference/journal"
)

func reopened(s *suite) { s.again(s.o.Reopen) }

func crashed(s *suite) { s.again(s.o.Crash) }

// again checks that opening the journals again changes nothing.
func (s *suite) again(open func(*testing.T, journal.Store) journal.Store) {
	if open == nil {
		s.Skip("this store says no way to do so")
	}
	m := newModel()
	for i := range 5 {
		name := s.name(fmt.Sprint(i))
		h := s.own(name)
		m.own(name, "suite", h.Epoch)
		for k := range 4 {
			b := journal.Batch{
				Session: name, Epoch: h.Epoch, After: h.Seq, Records: entries(k, 2), Puts: []journal.Put{{Key: fmt.Sprint(k), Value: []byte(name)}},
				Timers: []journal.Timer{{Name: "t", At: base}, {Name: fmt.Sprint(k), At: base}}, Sends: []journal.Message{{ID: uint64(k), To: "x", Body: []byte{}}},
				Charges: []journal.Charge{{Account: s.name("acc"), Spent: journal.Amount{Steps: 1}}},
			}
			if k == i {
				b.Snapshot, b.Summary, b.Sent = []byte("snap"), []byte("sum"), []uint64{0}
			}
			h = s.put(h, b)
			m.append(&b)
		}
		if err := s.store.Compact(s.ctx(), name, h.Epoch); err != nil {
			s.Fatalf("Compact: %v", err)
		}
		m.compact(name)
	}
	s.store = open(s.t, s.store)
	s.compareAll(m)
	for name, x := range m.sessions {
		h, err := s.store.Own(s.ctx(), name, "after", false)
		if err != nil || h.Epoch <= x.head.Epoch {
			s.Fatalf("INV-J3: Own returned %+v, %v after epoch %d", h, err, x.head.Epoch)
		}
		m.own(name, "after", h.Epoch)
		b := journal.Batch{Session: name, Epoch: h.Epoch, After: h.Seq, Records: entries(9, 1)}
		s.put(h, b)
		m.append(&b)
	}
	s.compareAll(m)
}
