package pebblestore

import (
	"bytes"
	"fmt"
	"testing"

	"tierlab/reference/journal"
)

// FuzzValues decodes anything as every kind of stored value and key: nothing
// panics, and what is accepted is the same after encoding it again.
func FuzzValues(f *testing.F) {
	hash := journal.Root("s")
	e := journal.Entry{At: began, Kind: "kind", Body: []byte("body")}
	f.Add(appendHead(nil, &head{Head: journal.Head{Session: "s", Seq: 3, Epoch: 2, Owner: "o", First: 2, Snapshot: 1, Hash: hash, Summary: []byte("sum")}, anchor: hash}))
	f.Add(appendHead(nil, &head{Head: journal.Head{Session: "s", Epoch: 1, First: 1}}))
	f.Add(appendRecord(nil, 1, &hash, &e))
	f.Add(appendMessage(nil, &journal.Message{To: "to", Body: []byte("body")}))
	f.Add(appendTotals(nil, &journal.Amount{PicoUSD: 1, Steps: -2}, &journal.Amount{Tokens: 3}))
	f.Add(appendDueKey(nil, -5, "s", "timer"))
	f.Add(appendRecordKey(nil, "s", 7))
	f.Add([]byte("tierlab journal 1\nmarks 0123456789abcdef\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		same := func(what string, x, y any, err error) {
			if err != nil || fmt.Sprintf("%#v", x) != fmt.Sprintf("%#v", y) {
				t.Errorf("%s: %#v is %#v after encoding it again, %v", what, x, y, err)
			}
		}
		if h, err := parseHead("s", b); err == nil {
			again := appendHead(nil, &h)
			h2, err := parseHead("s", again)
			same("head", h, h2, err)
			if len(again) != headBytes(&h) {
				t.Errorf("a head has %d bytes, and room for %d is made", len(again), headBytes(&h))
			}
		}
		if r, err := parseRecord(b, ""); err == nil {
			again := appendRecord(nil, r.Epoch, &r.Hash, &r.Entry)
			r2, err := parseRecord(again, r.Kind)
			same("record", r, r2, err)
			if len(again) != recordBytes(&r.Entry) {
				t.Errorf("a record has %d bytes, and room for %d is made", len(again), recordBytes(&r.Entry))
			}
		}
		if m, err := parseMessage(b); err == nil {
			again := appendMessage(nil, &m)
			m2, err := parseMessage(again)
			same("message", m, m2, err)
			if len(again) != messageBytes(&m) {
				t.Errorf("a message has %d bytes, and room for %d is made", len(again), messageBytes(&m))
			}
		}
		if sum, err := parseTotals(b); err == nil && !bytes.Equal(appendTotals(nil, &sum.Spent, &sum.Reserved), b) {
			t.Errorf("totals %+v of %x", sum, b)
		}
		if ns, session, name, ok := parseDueKey(b); ok && !bytes.Equal(appendDueKey(nil, ns, session, name), b) {
			t.Errorf("timer %d %q %q of %x", ns, session, name, b)
		}
		if session, n, ok := parseNumbered(b); ok && !bytes.Equal(appendRecordKey(nil, session, n)[1:], b[1:]) {
			t.Errorf("record %q %d of %x", session, n, b)
		}
		if body, seq, err := parseSnapshot(b); err == nil && len(body) != len(b)-8 {
			t.Errorf("snapshot %x at %d of %x", body, seq, b)
		}
		_, _ = parseTimer(b)
		_, _ = checkFormat("folder", string(b))
	})
}

// FuzzLog looks for marks and for the readable part in anything.
func FuzzLog(f *testing.F) {
	key := markKey{1, 2, 3}
	f.Add(appendMark([]byte("some bytes"), key, 7, 9))
	chunk := append([]byte{0, 0, 0, 0, 3, 0, 5, 7, 0, 0, 0}, "abc"...)
	sum := logChecksum(chunk[6:])
	copy(chunk, []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)})
	f.Add(append(chunk, chunk...))
	if at, closed := readable(append(chunk, chunk...), 7); at != 28 || closed {
		f.Fatalf("two chunks are readable up to %d", at)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, _ := readable(b, 7); at < 0 || at > len(b) {
			t.Errorf("readable up to %d of %d", at, len(b))
		}
		if n := furthestMark(b, key, 7); n < 0 || n > len(b) {
			t.Errorf("durable up to %d of %d", n, len(b))
		}
	})
}
