package pebblestore

import (
	"encoding/binary"
	"errors"
	"time"

	"tierlab/reference/journal"
)

// errShort says that a stored value ends before its last field.
var errShort = errors.New("the stored value is cut short")

// head is a session's head as it is stored.
type head struct {
	journal.Head
	anchor journal.Hash // of the record before Head.First
}

// headSize is that of the numbers and hashes in front.
const headSize = 4*8 + 2*len(journal.Hash{})

func headBytes(h *head) int {
	n := headSize + 1 + uvarintBytes(uint64(len(h.Owner))) + len(h.Owner)
	if h.Summary != nil {
		n += len(h.Summary)
	}
	return n
}

// appendHead appends headBytes(h).
func appendHead(b []byte, h *head) []byte {
	b = binary.LittleEndian.AppendUint64(b, h.Epoch)
	b = binary.LittleEndian.AppendUint64(b, h.Seq)
	b = binary.LittleEndian.AppendUint64(b, h.First)
	b = binary.LittleEndian.AppendUint64(b, h.Snapshot)
	b = append(b, h.Hash[:]...)
	b = append(b, h.anchor[:]...)
	b = binary.AppendUvarint(b, uint64(len(h.Owner)))
	b = append(b, h.Owner...)
	if h.Summary == nil {
		return append(b, 0)
	}
	return append(append(b, 1), h.Summary...)
}

// parseHead decodes a head and copies what it keeps.
func parseHead(session string, b []byte) (h head, err error) {
	if len(b) < headSize {
		return head{}, errShort
	}
	h.Session = session
	h.Epoch = binary.LittleEndian.Uint64(b)
	h.Seq = binary.LittleEndian.Uint64(b[8:])
	h.First = binary.LittleEndian.Uint64(b[16:])
	h.Snapshot = binary.LittleEndian.Uint64(b[24:])
	copy(h.Hash[:], b[32:])
	copy(h.anchor[:], b[64:])
	owner, rest, err := cutString(b[headSize:])
	if err != nil {
		return head{}, err
	}
	h.Owner = string(owner)
	switch {
	case len(rest) == 0 || rest[0] > 1 || rest[0] == 0 && len(rest) > 1:
		return head{}, errors.New("the stored head does not end as one")
	case rest[0] == 1:
		h.Summary = append([]byte{}, rest[1:]...)
	}
	if h.First < 1 || h.First > h.Seq+1 || h.Snapshot > h.Seq || h.Epoch < 1 {
		return head{}, errors.New("the stored head contradicts itself")
	}
	return h, nil
}

// recordSize is that of the numbers and the hash in front of a record.
const recordSize = 2*8 + len(journal.Hash{})

func recordBytes(e *journal.Entry) int {
	return recordSize + uvarintBytes(uint64(len(e.Kind))) + len(e.Kind) + len(e.Body)
}

// appendRecord appends recordBytes(e).
func appendRecord(b []byte, epoch uint64, hash *journal.Hash, e *journal.Entry) []byte {
	b = binary.LittleEndian.AppendUint64(b, epoch)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.At.UnixNano()))
	b = append(b, hash[:]...)
	b = binary.AppendUvarint(b, uint64(len(e.Kind)))
	b = append(b, e.Kind...)
	return append(b, e.Body...)
}

// parseRecord decodes all of a record but its number. The body is copied; the
// kind is the one given if it is the same, so that a reader does not keep one
// for each record.
func parseRecord(b []byte, kind string) (r journal.Record, err error) {
	if len(b) < recordSize {
		return r, errShort
	}
	r.Epoch = binary.LittleEndian.Uint64(b)
	r.At = time.Unix(0, int64(binary.LittleEndian.Uint64(b[8:]))).UTC()
	copy(r.Hash[:], b[16:])
	k, body, err := cutString(b[recordSize:])
	if err != nil {
		return r, err
	}
	if string(k) == kind {
		r.Kind = kind
	} else {
		r.Kind = string(k)
	}
	r.Body = append([]byte{}, body...)
	return r, nil
}

func messageBytes(m *journal.Message) int {
	return uvarintBytes(uint64(len(m.To))) + len(m.To) + len(m.Body)
}

// appendMessage appends messageBytes(m).
func appendMessage(b []byte, m *journal.Message) []byte {
	b = binary.AppendUvarint(b, uint64(len(m.To)))
	b = append(b, m.To...)
	return append(b, m.Body...)
}

// parseMessage decodes all of a message but its sender and number.
func parseMessage(b []byte) (m journal.Message, err error) {
	to, body, err := cutString(b)
	if err != nil {
		return m, err
	}
	m.To, m.Body = string(to), append([]byte{}, body...)
	return m, nil
}

// parseSnapshot cuts the number off a snapshot's body and copies the body.
func parseSnapshot(b []byte) (body []byte, seq uint64, err error) {
	if len(b) < 8 {
		return nil, 0, errShort
	}
	return append([]byte{}, b[8:]...), binary.LittleEndian.Uint64(b), nil
}

// cutString cuts a string with its length in front off b.
func cutString(b []byte) (s, rest []byte, err error) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, errShort
	}
	return b[w : w+int(n)], b[w+int(n):], nil
}

// uvarintBytes is the length of a number as binary.AppendUvarint writes it.
func uvarintBytes(n uint64) int {
	w := 1
	for ; n >= 0x80; n >>= 7 {
		w++
	}
	return w
}

// parseTimer is when a timer is set for.
func parseTimer(b []byte) (ns int64, err error) {
	if len(b) != 8 {
		return 0, errShort
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}
