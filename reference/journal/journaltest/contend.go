package journaltest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"tierlab/reference/journal"
)

// contendOwners lets owners take one session from each other as fast as they
// can, and checks the order that results.
func contendOwners(s *suite) {
	name := s.name("a")
	owners, turns := 8, 12
	if s.o.Small {
		owners, turns = 4, 5
	}
	var mu sync.Mutex
	acked := map[string]journal.Head{} // by body: the head that Append returned
	var taken []journal.Head           // by Own
	var wg sync.WaitGroup
	for o := range owners {
		wg.Go(func() {
			for turn := range turns {
				h, err := s.store.Own(s.ctx(), name, fmt.Sprint("owner", o), true)
				if err != nil {
					s.Errorf("Own: %v", err)
					return
				}
				mu.Lock()
				taken = append(taken, h)
				mu.Unlock()
				for k := range 5 {
					body := fmt.Sprintf("owner %d turn %d record %d", o, turn, k)
					b := journal.Batch{Session: name, Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{{At: base, Kind: "k", Body: []byte(body)}},
						Charges: []journal.Charge{{Account: s.name("acc"), Spent: journal.Amount{Steps: 1}}}}
					h2, err := s.store.Append(s.ctx(), &b)
					if errors.Is(err, journal.ErrFenced) {
						break
					}
					if err != nil {
						s.Errorf("Append: %v", err)
						return
					}
					mu.Lock()
					acked[body] = h2
					mu.Unlock()
					h = h2
				}
			}
		})
	}
	wg.Wait()
	s.oneOrder(name, acked, taken)
}

// oneOrder checks that the log holds each acknowledged record once in its place,
// nothing else, and that every epoch's records lie where its owner took over.
func (s *suite) oneOrder(name string, acked map[string]journal.Head, taken []journal.Head) {
	records := s.records(name, 0)
	if len(records) != len(acked) || s.totals("acc").Spent.Steps != int64(len(acked)) {
		s.Errorf("%d records and a total of %d, %d were acknowledged", len(records), s.totals("acc").Spent.Steps, len(acked))
	}
	for _, r := range records {
		if h, ok := acked[string(r.Body)]; !ok || h.Seq != r.Seq || h.Epoch != r.Epoch || h.Hash != r.Hash {
			s.Errorf("record %d of epoch %d, %q: acknowledged as %+v", r.Seq, r.Epoch, r.Body, h)
		}
	}
	epochs := map[uint64]bool{}
	for _, h := range taken {
		if epochs[h.Epoch] {
			s.Errorf("INV-J3: epoch %d was handed out twice", h.Epoch)
		}
		epochs[h.Epoch] = true
		for _, r := range records {
			if late := r.Seq > h.Seq; late && r.Epoch < h.Epoch || !late && r.Epoch >= h.Epoch {
				s.Fatalf("INV-J3: Own returned epoch %d after record %d, and record %d is of epoch %d", h.Epoch, h.Seq, r.Seq, r.Epoch)
			}
		}
	}
}

// contendAfter lets writers of one epoch follow the same record: one may.
func contendAfter(s *suite) {
	h := s.own(s.name("a"))
	for round := range 10 {
		var won atomic.Int32
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				_, err := s.store.Append(s.ctx(), &journal.Batch{Session: h.Session, Epoch: h.Epoch, After: h.Seq,
					Records: []journal.Entry{{At: base, Kind: "k", Body: fmt.Appendf(nil, "%d %d", round, w)}}})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, journal.ErrConflict):
					s.Errorf("Append beside others: %v", err)
				}
			})
		}
		wg.Wait()
		h2 := s.head(h.Session)
		if won.Load() != 1 || h2.Seq != h.Seq+1 {
			s.Fatalf("%d writers were acknowledged, the head went from %d to %d", won.Load(), h.Seq, h2.Seq)
		}
		h = h2
	}
	s.records(h.Session, 0) // whose chain is checked
}

// contendCharges lets sessions charge the same accounts.
func contendCharges(s *suite) {
	writers, each := 16, 25
	if s.o.Small {
		writers, each = 4, 10
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			h, err := s.store.Own(s.ctx(), s.name(fmt.Sprint("w", w)), "o", true)
			for i := 0; i < each && err == nil; i++ {
				h, err = s.store.Append(s.ctx(), &journal.Batch{Session: h.Session, Epoch: h.Epoch, After: h.Seq, Records: entries(i, 1), Charges: []journal.Charge{
					{Account: s.name("all"), Spent: journal.Amount{PicoUSD: int64(w), Steps: 1}, Reserved: journal.Amount{Tokens: 5}},
					{Account: s.name("all"), Reserved: journal.Amount{Tokens: -4}},
					{Account: s.name(fmt.Sprint("one", w%3)), Spent: journal.Amount{Units: 1}},
				}})
			}
			if err != nil {
				s.Errorf("writer %d: %v", w, err)
			}
		})
	}
	wg.Wait()
	n := int64(writers * each)
	want := journal.Totals{Spent: journal.Amount{PicoUSD: int64(each * writers * (writers - 1) / 2), Steps: n}, Reserved: journal.Amount{Tokens: n}}
	if got := s.totals("all"); got != want {
		s.Errorf("totals %+v, want %+v", got, want)
	}
	if got := s.totals("one0").Spent.Units + s.totals("one1").Spent.Units + s.totals("one2").Spent.Units; got != n {
		s.Errorf("three accounts have %d, want %d", got, n)
	}
}

// contendReaders reads a session while it is written: what a reader sees is
// whole batches in order, and no less than it saw before.
func contendReaders(s *suite) {
	name := s.name("a")
	h := s.own(name)
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			last := uint64(0)
			for !done.Load() {
				seen := uint64(0)
				err := s.store.Read(s.ctx(), name, 0, func(r journal.Record) error { seen = r.Seq; return nil })
				v, err2 := s.store.Get(s.ctx(), name, "at")
				head, err3 := s.store.Head(s.ctx(), name)
				if err := errors.Join(err, err2, err3); err != nil {
					s.Errorf("reading beside a writer: %v", err)
					return
				}
				at, _ := parseUint(v)
				if seen%3 != 0 || seen < last || at < seen || head.Seq < at || head.Seq%3 != 0 {
					s.Errorf("saw records up to %d, then the state of %d, then a head of %d; before: %d", seen, at, head.Seq, last)
					return
				}
				last = head.Seq
			}
		})
	}
	for i := range 60 {
		h = s.put(h, journal.Batch{Records: entries(3*i+1, 3), Puts: []journal.Put{{Key: "at", Value: fmt.Append(nil, 3*i+3)}}})
	}
	done.Store(true)
	wg.Wait()
}

func parseUint(b []byte) (n uint64, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	_, err = fmt.Sscan(string(b), &n)
	return n, err
}
