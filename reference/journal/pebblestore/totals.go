package pebblestore

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"

	"tierlab/reference/journal"
)

// totalsSize is that of an account's stored sums, and of a charge to it.
const totalsSize = 8 * 8

// appendTotals appends totalsSize bytes.
func appendTotals(b []byte, spent, reserved *journal.Amount) []byte {
	for _, a := range [...]*journal.Amount{spent, reserved} {
		for _, n := range [...]int64{a.PicoUSD, a.Steps, a.Tokens, a.Units} {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
	}
	return b
}

// parseTotals undoes appendTotals.
func parseTotals(b []byte) (t journal.Totals, err error) {
	if len(b) != totalsSize {
		return t, fmt.Errorf("stored totals have %d bytes, not %d", len(b), totalsSize)
	}
	at := func(i int) int64 { return int64(binary.LittleEndian.Uint64(b[8*i:])) }
	t.Spent = journal.Amount{PicoUSD: at(0), Steps: at(1), Tokens: at(2), Units: at(3)}
	t.Reserved = journal.Amount{PicoUSD: at(4), Steps: at(5), Tokens: at(6), Units: at(7)}
	return t, nil
}

// merger adds charges to an account's totals where Pebble merges them, so that
// sessions charge one account without waiting for each other. Sums wrap around
// as Go's do: a total is exact whenever the true sum is an int64, whatever the
// order of the charges.
var merger = &pebble.Merger{
	Name: "tierlab.totals.1",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		s := &sum{}
		return s, s.add(value)
	},
}

// sum is one account's.
type sum [8]int64

func (s *sum) add(value []byte) error {
	if len(value) != totalsSize {
		return fmt.Errorf("journal: a charge of %d bytes, not %d", len(value), totalsSize)
	}
	for i := range s {
		s[i] += int64(binary.LittleEndian.Uint64(value[8*i:]))
	}
	return nil
}

func (s *sum) MergeNewer(value []byte) error { return s.add(value) }
func (s *sum) MergeOlder(value []byte) error { return s.add(value) }

func (s *sum) Finish(bool) ([]byte, io.Closer, error) {
	b := make([]byte, 0, totalsSize)
	for _, n := range s {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b, nil, nil
}
