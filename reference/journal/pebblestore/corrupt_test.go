package pebblestore

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
)

// damaged writes a session of ten records beside others, lets edit change what
// is stored behind the store's back, and opens it again.
func damaged(t *testing.T, edit func(t *testing.T, db *pebble.DB)) *Store {
	t.Helper()
	base := vfs.NewMem()
	s := mustOpen(t, "j", small(base))
	w := newHammer(3)
	w.batches = 5
	if err := errors.Join(w.run(s)...); err != nil {
		t.Fatal(err)
	}
	h, err := s.Head(t.Context(), session(1))
	if err == nil {
		_, err = s.Append(t.Context(), &journal.Batch{Session: h.Session, Epoch: h.Epoch, After: h.Seq, Snapshot: []byte("snap"), Puts: []journal.Put{{Key: "k", Value: []byte("v")}}})
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open(base.PathJoin("j", dataFolder), &pebble.Options{FS: base, Merger: merger, Logger: quiet{newDisk(base)}, FormatMajorVersion: pebbleFormat})
	if err != nil {
		t.Fatal(err)
	}
	edit(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, "j", small(base))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// stored is one value.
func stored(t *testing.T, db *pebble.DB, key []byte) []byte {
	t.Helper()
	v, closer, err := db.Get(key)
	if err != nil {
		t.Fatalf("%q: %v", key, err)
	}
	defer closer.Close()
	return bytes.Clone(v)
}

func set(t *testing.T, db *pebble.DB, key, value []byte) {
	t.Helper()
	if err := db.Set(key, value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
}

func recordAt(seq uint64) []byte { return appendRecordKey(nil, session(1), seq) }

func drop(seq uint64) func(*testing.T, *pebble.DB) {
	return func(t *testing.T, db *pebble.DB) {
		if err := db.Delete(recordAt(seq), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedRecords finds a changed byte anywhere, a missing and a swapped
// record, and a log that ends early or late, and names the record.
func TestDamagedRecords(t *testing.T) {
	type edit func(t *testing.T, db *pebble.DB)
	cases := map[string]struct {
		edit edit
		seq  uint64
	}{
		"the first is missing":  {drop(1), 1},
		"the fourth is missing": {drop(4), 4},
		"the last is missing":   {drop(10), 10},
		"two are swapped": {func(t *testing.T, db *pebble.DB) {
			a, b := stored(t, db, recordAt(4)), stored(t, db, recordAt(6))
			set(t, db, recordAt(4), b)
			set(t, db, recordAt(6), a)
		}, 4},
		"one is another session's": {func(t *testing.T, db *pebble.DB) {
			set(t, db, recordAt(4), stored(t, db, appendRecordKey(nil, session(2), 4)))
		}, 4},
		"one is cut short": {func(t *testing.T, db *pebble.DB) { set(t, db, recordAt(4), stored(t, db, recordAt(4))[:30]) }, 4},
		"one is empty":     {func(t *testing.T, db *pebble.DB) { set(t, db, recordAt(4), nil) }, 4},
		"the last is one that a forger chained": {func(t *testing.T, db *pebble.DB) {
			r9, err := parseRecord(stored(t, db, recordAt(9)), "")
			if err != nil {
				t.Fatal(err)
			}
			e := journal.Entry{At: began, Kind: "k", Body: []byte("forged")}
			hash := r9.Hash.Next(10, 1, &e)
			set(t, db, recordAt(10), appendRecord(nil, 1, &hash, &e))
		}, 10},
	}
	length := recordSize + 2 + 100 // kind "k", and a body of 100 bytes
	for at := 0; at < length; at += 1 + at/60*3 {
		cases[fmt.Sprintf("byte %d is changed", at)] = struct {
			edit edit
			seq  uint64
		}{func(t *testing.T, db *pebble.DB) {
			v := stored(t, db, recordAt(4))
			v[at] ^= 0x10
			set(t, db, recordAt(4), v)
		}, 4}
	}
	for name, c := range cases {
		s := damaged(t, c.edit)
		read := uint64(0)
		err := s.Read(t.Context(), session(1), 0, func(r journal.Record) error { read = r.Seq; return nil })
		var bad *journal.CorruptError
		if !errors.As(err, &bad) || bad.Session != session(1) || bad.Seq != c.seq || read > c.seq || read < c.seq-1 {
			t.Errorf("%s: Read handed out %d records, then %v; want a CorruptError of record %d", name, read, err, c.seq)
		}
		if err := s.Read(t.Context(), session(0), 0, func(journal.Record) error { return nil }); err != nil {
			t.Errorf("%s: reading another session: %v", name, err)
		}
	}
}

// TestDamagedValues cuts every kind of value short.
func TestDamagedValues(t *testing.T) {
	ctx := t.Context()
	at := began.Add(10)
	for name, c := range map[string]struct {
		key []byte
		ask func(s *Store) error
	}{
		"head":              {appendHeadKey(nil, session(1)), func(s *Store) error { _, err := s.Head(ctx, session(1)); return err }},
		"head, listed":      {appendHeadKey(nil, session(1)), func(s *Store) error { return s.Sessions(ctx, "", func(journal.Head) error { return nil }) }},
		"head, for a write": {appendHeadKey(nil, session(1)), func(s *Store) error { _, err := s.Own(ctx, session(1), "o", true); return err }},
		"snapshot":          {appendSnapshotKey(nil, session(1)), func(s *Store) error { _, _, err := s.Snapshot(ctx, session(1)); return err }},
		"message":           {appendOutboxKey(nil, session(1), 10), func(s *Store) error { return s.Outbox(ctx, "", func(journal.Message) error { return nil }) }},
		"record before":     {recordAt(4), func(s *Store) error { return s.Read(ctx, session(1), 4, func(journal.Record) error { return nil }) }},
		"record to compact": {recordAt(10), func(s *Store) error { return s.Compact(ctx, session(1), 1) }},
		"timer": {appendTimerKey(nil, session(1), "t"), func(s *Store) error {
			_, err := s.Append(ctx, &journal.Batch{Session: session(1), Epoch: 1, After: 10, Timers: []journal.Timer{{Name: "t", At: at}}})
			return err
		}},
	} {
		s := damaged(t, func(t *testing.T, db *pebble.DB) {
			set(t, db, c.key, stored(t, db, c.key)[:min(5, len(stored(t, db, c.key))-1)][:0])
		})
		err := c.ask(s)
		var bad *journal.CorruptError
		if !errors.As(err, &bad) || bad.Session != session(1) {
			t.Errorf("%s: %v, want a CorruptError of the session", name, err)
		}
		if h, err := s.Head(ctx, session(0)); err != nil || h.Seq != 10 {
			t.Errorf("%s: another session's head: %+v, %v", name, h, err)
		}
	}
	s := damaged(t, func(t *testing.T, db *pebble.DB) { set(t, db, appendAccountKey(nil, "all"), []byte("short")) })
	var bad *journal.CorruptError
	if _, err := s.Totals(ctx, "all"); !errors.As(err, &bad) || !strings.Contains(err.Error(), `account "all"`) {
		t.Errorf("totals: %v", err)
	}
}

// TestDamagedFiles changes bytes of Pebble's files. Whatever is read afterwards
// is right, or an error that says so; nothing is silently shorter. The second
// log is one of many blocks that sessions have written together, where what
// Pebble itself knows to be durable lags behind.
func TestDamagedFiles(t *testing.T) {
	found := map[string]int{}
	for _, w := range []*hammer{newHammer(3), newHammer(16)} {
		w.batches, w.size, w.keep = 40, 100+150*w.sessions, w.sessions > 3
		base := vfs.NewCrashableMem()
		s := mustOpen(t, "j", Options{FS: base})
		w.run(s)
		unclean := base.CrashClone(vfs.CrashCloneCfg{}) // whose records are in the log
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		// For the last sync's batches no later one vouches.
		last := int64(2 * w.sessions * (2*w.size + 1000))
		for step := range 20 {
			fs := unclean.CrashClone(vfs.CrashCloneCfg{})
			flip(t, fs, ".log", last, step)
			found["log: "+w.outcome(t, fs)]++
			fs = base.CrashClone(vfs.CrashCloneCfg{})
			flip(t, fs, ".sst", 0, step)
			found["table: "+w.outcome(t, fs)]++
		}
	}
	t.Logf("what a changed byte leads to: %v", found)
	if found["log: error on opening"] < 35 || found["table: error on reading"]+found["table: error on opening"] < 20 {
		t.Error("too few changed bytes were found")
	}
}

// flip changes a byte of the largest file of a kind, at one of 20 places before
// its last bytes.
func flip(t *testing.T, fs *vfs.MemFS, kind string, last int64, step int) {
	t.Helper()
	data := fs.PathJoin("j", dataFolder)
	names, err := fs.List(data)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var size int64
	for _, n := range names {
		if i, err := fs.Stat(fs.PathJoin(data, n)); err == nil && strings.HasSuffix(n, kind) && i.Size() > size {
			name, size = fs.PathJoin(data, n), i.Size()
		}
	}
	if size < last+1000 {
		t.Fatalf("%s has %d bytes", name, size)
	}
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := (size - last) * int64(step+1) / 20
	b := []byte{0}
	if _, err := f.ReadAt(b, at-1); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x04
	if _, err := f.WriteAt(b, at-1); err != nil {
		t.Fatal(err)
	}
}

// outcome opens and reads all, which has to be right or an error.
func (w *hammer) outcome(t *testing.T, fs vfs.FS) string {
	t.Helper()
	var bad *journal.CorruptError
	s, err := Open("j", small(fs))
	if err != nil {
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), "j") {
			t.Errorf("Open: %v, want a CorruptError", err)
		}
		return "error on opening"
	}
	defer s.Close() // a compaction may have met the damage
	for i := range w.sessions {
		h, err := s.Head(t.Context(), session(i))
		n := h.First - 1
		if err == nil {
			err = s.Read(t.Context(), session(i), n, func(journal.Record) error { n++; return nil })
		}
		if err == nil {
			err = s.Due(t.Context(), began.Add(time.Hour), func(journal.Due) error { return nil })
		}
		switch {
		case errors.As(err, &bad):
			return "error on reading"
		case err != nil:
			t.Errorf("reading: %v, want a CorruptError", err)
		case n != w.acked[i].Load():
			t.Errorf("INV-J1: session %s has %d records, and %d were acknowledged", session(i), n, w.acked[i].Load())
		}
	}
	return "nothing lost"
}
