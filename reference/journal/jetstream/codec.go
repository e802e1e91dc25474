package jetstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"tierlab/reference/journal"
)

// format is the newest version of a message that this program reads, and the
// one that it writes.
const format = 1

// kind says what a message is.
type kind uint8

const (
	ownKind   kind = 1 + iota // a session has a new owner
	batchKind                 // a journal.Batch
	closeKind                 // takes the place of a write whose outcome was not known
	baseKind                  // where a session's state is from which earlier messages are dropped
	partKind                  // a part of a base's state, on a subject of its own
	pulseKind                 // a node's mark in the log
)

// writeID tells one write from every other, so that a writer finds its own.
type writeID [16]byte

// message is one message of the stream. Which fields are used follows from its
// kind.
type message struct {
	kind  kind
	id    writeID
	prev  uint64 // stream sequence of the subject's message before; 0: this is the first
	epoch uint64

	owner string         // own
	batch *journal.Batch // batch; without its session, which the subject names
	hash  journal.Hash   // batch: of the record before its first
	links []journal.Hash // batch: one per record
	parts []uint64       // base: stream sequences of its state's parts, in order
	body  []byte         // base without parts, part, pulse
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errBroken is the cause of every failure to decode.
var errBroken = errors.New("is cut short or damaged")

// encode lays a message out: version, kind, fields, CRC-32C of all before.
func (m *message) encode() []byte {
	w := writer{buf: make([]byte, 0, 256)}
	w.buf = append(w.buf, format, byte(m.kind))
	w.buf = append(w.buf, m.id[:]...)
	w.number(m.prev)
	w.number(m.epoch)
	switch m.kind {
	case ownKind:
		w.text(m.owner)
	case batchKind:
		w.batch(m)
	case baseKind:
		w.number(uint64(len(m.parts)))
		for _, p := range m.parts {
			w.number(p)
		}
		w.bytes(m.body)
	case partKind, pulseKind:
		w.bytes(m.body)
	}
	return binary.LittleEndian.AppendUint32(w.buf, crc32.Checksum(w.buf, castagnoli))
}

// decode reads what encode wrote. A newer version is a *journal.VersionError
// whose Where is for the caller to fill in.
func decode(data []byte) (*message, error) {
	if len(data) == 0 {
		return nil, errBroken
	}
	if data[0] > format {
		return nil, &journal.VersionError{Found: int(data[0]), Newest: format}
	}
	if data[0] != format || len(data) < 6 {
		return nil, errBroken
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, fmt.Errorf("%w: its checksum does not fit", errBroken)
	}
	r := reader{buf: body[2:]}
	m := &message{kind: kind(body[1])}
	copy(m.id[:], r.take(len(m.id)))
	m.prev, m.epoch = r.number(), r.number()
	switch m.kind {
	case ownKind:
		m.owner = r.text()
	case batchKind:
		r.batch(m)
	case closeKind:
	case baseKind:
		m.parts = make([]uint64, r.count(1))
		for i := range m.parts {
			m.parts[i] = r.number()
		}
		m.body = r.bytes()
	case partKind, pulseKind:
		m.body = r.bytes()
	default:
		return nil, fmt.Errorf("%w: kind %d", errBroken, m.kind)
	}
	if r.bad || len(r.buf) != 0 {
		return nil, errBroken
	}
	return m, nil
}

// writer appends fields; numbers are varints, byte strings have their length
// plus one in front so that nil and empty differ.
type writer struct{ buf []byte }

func (w *writer) number(n uint64) { w.buf = binary.AppendUvarint(w.buf, n) }
func (w *writer) signed(n int64)  { w.buf = binary.AppendVarint(w.buf, n) }

func (w *writer) text(s string) {
	w.number(uint64(len(s)))
	w.buf = append(w.buf, s...)
}

func (w *writer) bytes(b []byte) {
	if b == nil {
		w.number(0)
		return
	}
	w.number(uint64(len(b)) + 1)
	w.buf = append(w.buf, b...)
}

// time writes nanoseconds since 1970, after a flag for the zero time.
func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.buf = append(w.buf, 0)
		return
	}
	w.buf = append(w.buf, 1)
	w.signed(t.UnixNano())
}

func (w *writer) amount(a journal.Amount) {
	w.signed(a.PicoUSD)
	w.signed(a.Steps)
	w.signed(a.Tokens)
	w.signed(a.Units)
}

// reader takes fields off; bad is set once something did not fit, after which
// everything it returns is empty.
type reader struct {
	buf []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.buf) {
		r.bad, r.buf = true, nil
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.buf)
	if size <= 0 {
		r.bad, r.buf = true, nil
		return 0
	}
	r.buf = r.buf[size:]
	return n
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.buf)
	if size <= 0 {
		r.bad, r.buf = true, nil
		return 0
	}
	r.buf = r.buf[size:]
	return n
}

// count reads a number of things of at least so many bytes each, so that a
// damaged one cannot ask for more memory than the message has.
func (r *reader) count(least int) int {
	n := r.number()
	if n > uint64(len(r.buf)/least) {
		r.bad, r.buf = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) text() string { return string(r.take(r.count(1))) }

func (r *reader) bytes() []byte {
	n := r.number()
	if n == 0 || n-1 > uint64(len(r.buf)) {
		r.bad = r.bad || n != 0
		return nil
	}
	return append([]byte{}, r.take(int(n-1))...)
}

func (r *reader) time() time.Time {
	if flag := r.take(1); len(flag) == 0 || flag[0] == 0 {
		return time.Time{}
	}
	return time.Unix(0, r.signed()).UTC()
}

func (r *reader) amount() journal.Amount {
	return journal.Amount{PicoUSD: r.signed(), Steps: r.signed(), Tokens: r.signed(), Units: r.signed()}
}

func (r *reader) hash() (h journal.Hash) {
	copy(h[:], r.take(len(h)))
	return h
}
