package pebblestore

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
)

// step is a batch as a session writes it for a step's event: a record of 300
// bytes, a key of state, a timer moved, a charge to each of three accounts.
func step(h journal.Head, n int) *journal.Batch {
	charge := journal.Amount{PicoUSD: 5, Steps: 1, Tokens: 300, Units: 2}
	return &journal.Batch{
		Session: h.Session, Epoch: h.Epoch, After: h.Seq,
		Records: []journal.Entry{{At: began.Add(time.Duration(n)), Kind: "event", Body: make([]byte, 300)}},
		Puts:    []journal.Put{{Key: "note", Value: make([]byte, 64)}},
		Timers:  []journal.Timer{{Name: "watchdog", At: began.Add(time.Duration(n) * time.Second)}},
		Charges: []journal.Charge{{Account: "tenant", Spent: charge}, {Account: "day", Spent: charge}, {Account: h.Session, Spent: charge}},
		Summary: make([]byte, 80),
	}
}

// percentiles reports the median and the p99 of durations, in milliseconds.
func percentiles(b *testing.B, name string, list []time.Duration) {
	slices.Sort(list)
	if len(list) == 0 {
		return
	}
	at := func(p float64) float64 { return float64(list[int(p*float64(len(list)-1))]) / 1e6 }
	b.ReportMetric(at(0.5), name+"p50-ms")
	b.ReportMetric(at(0.99), name+"p99-ms")
}

// rawSyncs times writing 512 bytes to a file that has its blocks, and syncing.
func rawSyncs(b *testing.B, dir string, n int) []time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 512*n)); err != nil {
		b.Fatal(err)
	}
	file, err := vfs.Default.OpenReadWrite(f.Name(), vfs.WriteCategoryUnspecified)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	if err := file.Sync(); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for i := range n {
		begin := time.Now()
		_, err := file.WriteAt(make([]byte, 512), int64(512*i))
		if err == nil {
			err = file.SyncData()
		}
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	return took
}

// each runs one writer for each session until b.N is reached, and reports the
// durations, and those of raw syncs before and after.
func each(b *testing.B, dir string, sessions int, write func(session, n int) error) {
	raw := rawSyncs(b, dir, 400)
	var next atomic.Int64
	took := make([][]time.Duration, sessions)
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range sessions {
		wg.Go(func() {
			for n := 0; next.Add(1) <= int64(b.N); n++ {
				begin := time.Now()
				if err := write(i, n); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	percentiles(b, "", slices.Concat(took...))
	percentiles(b, "fsync-", append(raw, rawSyncs(b, dir, 400)...))
}

// BenchmarkCommit commits a step's batch with fsync, and beside it the same
// bytes under one key by Pebble with nothing around it.
func BenchmarkCommit(b *testing.B) {
	for _, sessions := range []int{1, 64} {
		b.Run(fmt.Sprintf("store/sessions=%d", sessions), func(b *testing.B) {
			b.ReportAllocs()
			dir := b.TempDir()
			s := mustOpen(b, filepath.Join(dir, "j"), Options{})
			defer s.Close()
			heads := make([]journal.Head, sessions)
			for i := range heads {
				h, err := s.Own(b.Context(), session(i), "o", true)
				if err != nil {
					b.Fatal(err)
				}
				heads[i] = h
			}
			each(b, dir, sessions, func(i, n int) (err error) {
				heads[i], err = s.Append(context.Background(), step(heads[i], n))
				return err
			})
		})
		b.Run(fmt.Sprintf("pebble/sessions=%d", sessions), func(b *testing.B) {
			b.ReportAllocs()
			dir := b.TempDir()
			db, err := pebble.Open(filepath.Join(dir, "p"), &pebble.Options{Logger: quiet{newDisk(vfs.Default)}, MemTableSize: 16 << 20, MemTableStopWritesThreshold: 4, FormatMajorVersion: pebbleFormat})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			value := make([]byte, 1000)
			each(b, dir, sessions, func(i, n int) error {
				key := binary.BigEndian.AppendUint64([]byte(session(i)), uint64(n))
				return db.Set(key, value, pebble.Sync)
			})
		})
	}
}

// filled is a store without a disk that holds some sessions with some records.
func filled(b *testing.B, sessions, records int) *Store {
	b.Helper()
	s := mustOpen(b, "j", Options{FS: vfs.NewMem()})
	b.Cleanup(func() { s.Close() })
	for i := range sessions {
		h, err := s.Own(b.Context(), session(i), "o", true)
		for n := 0; n < records && err == nil; n++ {
			h, err = s.Append(b.Context(), step(h, n))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkRead reads a session of 300 records and checks its chain.
func BenchmarkRead(b *testing.B) {
	s := filled(b, 10, 300)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := s.Read(b.Context(), session(5), 0, func(journal.Record) error { n++; return nil }); err != nil || n != 300 {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkHead reads the head of one of many sessions.
func BenchmarkHead(b *testing.B) {
	s := filled(b, 10_000, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Head(b.Context(), session(i%10_000)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDue finds 100 due timers among those of 100,000 sessions.
func BenchmarkDue(b *testing.B) {
	s := mustOpen(b, "j", Options{FS: vfs.NewMem()})
	b.Cleanup(func() { s.Close() })
	for i := range 100_000 {
		h, err := s.Own(b.Context(), session(i), "o", true)
		if err == nil {
			_, err = s.Append(b.Context(), &journal.Batch{Session: h.Session, Epoch: h.Epoch, Timers: []journal.Timer{{Name: "wake", At: began.Add(time.Duration(i*7919%100_000) * time.Second)}}})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := s.Due(b.Context(), began.Add(99*time.Second), func(journal.Due) error { n++; return nil }); err != nil || n != 100 {
			b.Fatal(n, err)
		}
	}
}
