package session

import (
	"encoding/binary"
	"fmt"
	"time"

	"tierlab/reference/journal"
)

// A snapshot is a session's records up to one of them, in one piece, so that the
// journal before it can be compacted away and a long session is read at once:
//
//	byte version | i64 unix ns of the begin | records
//	record: uvarint len(kind) | kind | uvarint ns since the begin | uvarint len(body) | body
//
// The machine's state is not in it: that follows from the records.
const snapshotVersion = 1

// snapshot puts one into the batch. It reads the journal again, since an actor
// does not keep its records; a store that cannot be read now leaves it for later.
func (a *actor) snapshot() {
	rt := a.rt
	body, from, err := rt.cfg.Store.Snapshot(rt.ctx, a.id)
	if err == nil && body == nil {
		body = binary.LittleEndian.AppendUint64([]byte{snapshotVersion}, uint64(a.life.begun.UnixNano()))
	}
	if err == nil {
		body = append([]byte(nil), body...)
		err = rt.cfg.Store.Read(rt.ctx, a.id, from, func(r journal.Record) error {
			body = appendRecord(body, a.life.begun, &r.Entry)
			return nil
		})
	}
	a.snapped = a.life.events
	if err != nil {
		rt.trouble(a.id, err)
		return
	}
	for i := range a.batch.Records {
		body = appendRecord(body, a.life.begun, &a.batch.Records[i])
	}
	if len(body) <= journal.MaxValue {
		a.batch.Snapshot = body
		if a.batch.Summary == nil {
			a.summarize(a.life.waiting(), false)
		}
	}
}

func appendRecord(b []byte, begun time.Time, e *journal.Entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(e.Kind)))
	b = append(b, e.Kind...)
	b = binary.AppendUvarint(b, uint64(max(0, e.At.Sub(begun))))
	b = binary.AppendUvarint(b, uint64(len(e.Body)))
	return append(b, e.Body...)
}

// unpack calls each with a snapshot's records, the last of which has number seq.
func unpack(id string, seq uint64, body []byte, each func(*journal.Record) error) error {
	bad := func(problem string) error {
		return &journal.CorruptError{Session: id, Seq: seq, Problem: "its snapshot: " + problem}
	}
	if len(body) < 9 {
		return bad("it is too short")
	}
	if v := int(body[0]); v > snapshotVersion {
		return &journal.VersionError{Where: fmt.Sprintf("session %q: its snapshot", id), Found: v, Newest: snapshotVersion}
	}
	begun := time.Unix(0, int64(binary.LittleEndian.Uint64(body[1:])))
	rest := body[9:]
	n := uint64(0)
	for ; len(rest) > 0; n++ {
		var e journal.Entry
		var ok bool
		if e, rest, ok = cutRecord(rest, begun); !ok {
			return bad(fmt.Sprintf("record %d is cut off", n+1))
		}
		if err := each(&journal.Record{Entry: e, Seq: n + 1}); err != nil {
			return err
		}
	}
	if n != seq {
		return bad(fmt.Sprintf("it has %d records, want %d", n, seq))
	}
	return nil
}

func cutRecord(b []byte, begun time.Time) (e journal.Entry, rest []byte, ok bool) {
	kind, b, ok := cutBytes(b)
	if !ok {
		return e, nil, false
	}
	at, n := binary.Uvarint(b)
	if n <= 0 {
		return e, nil, false
	}
	body, b, ok := cutBytes(b[n:])
	return journal.Entry{Kind: string(kind), At: begun.Add(time.Duration(at)), Body: body}, b, ok
}

func cutBytes(b []byte) (head, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}
