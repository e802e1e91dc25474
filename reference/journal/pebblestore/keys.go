package pebblestore

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// The first byte of every key says what it is of; doc.go has the whole layout.
const (
	headKey     = 'h'
	recordKey   = 'r'
	stateKey    = 's'
	snapshotKey = 'p'
	timerKey    = 'm'
	dueKey      = 't'
	outboxKey   = 'o'
	accountKey  = 'a'
)

// end follows a session's name, which holds no such byte.
const end = 0

func appendHeadKey(k []byte, session string) []byte {
	return append(append(k, headKey), session...)
}

func appendSnapshotKey(k []byte, session string) []byte {
	return append(append(k, snapshotKey), session...)
}

func appendAccountKey(k []byte, account string) []byte {
	return append(append(k, accountKey), account...)
}

// appendSessionKey begins a key of something that a session has many of.
func appendSessionKey(k []byte, kind byte, session string) []byte {
	k = append(append(k, kind), session...)
	return append(k, end)
}

func appendRecordKey(k []byte, session string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(appendSessionKey(k, recordKey, session), seq)
}

func appendOutboxKey(k []byte, session string, id uint64) []byte {
	return binary.BigEndian.AppendUint64(appendSessionKey(k, outboxKey, session), id)
}

func appendStateKey(k []byte, session, key string) []byte {
	return append(appendSessionKey(k, stateKey, session), key...)
}

func appendTimerKey(k []byte, session, name string) []byte {
	return append(appendSessionKey(k, timerKey, session), name...)
}

// appendDueKey puts timers in order of time over all sessions.
func appendDueKey(k []byte, ns int64, session, name string) []byte {
	k = binary.BigEndian.AppendUint64(append(k, dueKey), ordered(ns))
	k = append(k, session...)
	return append(append(k, end), name...)
}

// ordered maps int64 to uint64 in order: the sign bit is turned over.
func ordered(ns int64) uint64 { return uint64(ns) ^ 1<<63 }

// nanoseconds are a time's since 1970, at the ends of their range for times
// beyond it.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// after is the first key that does not begin with k.
func after(k []byte) []byte {
	k = bytes.Clone(k)
	for i := len(k) - 1; i >= 0; i-- {
		if k[i]++; k[i] != 0 {
			return k[:i+1]
		}
	}
	return nil
}

// parseDueKey undoes appendDueKey.
func parseDueKey(k []byte) (ns int64, session, name string, ok bool) {
	if len(k) < 9 || k[0] != dueKey {
		return 0, "", "", false
	}
	ns = int64(binary.BigEndian.Uint64(k[1:]) ^ 1<<63)
	s, n, ok := bytes.Cut(k[9:], []byte{end})
	return ns, string(s), string(n), ok
}

// parseNumbered undoes appendRecordKey and appendOutboxKey.
func parseNumbered(k []byte) (session string, n uint64, ok bool) {
	if len(k) < 10 || k[len(k)-9] != end {
		return "", 0, false
	}
	return string(k[1 : len(k)-9]), binary.BigEndian.Uint64(k[len(k)-8:]), true
}
