package pebblestore

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
	"tierlab/reference/journal/journaltest"
)

// small makes a test's store cheap to open.
func small(base vfs.FS) Options {
	return Options{FS: base, CacheBytes: 1 << 20, MemTableBytes: 1 << 20}
}

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// TestConformance runs the suite in memory, with crashes that keep what was synced.
func TestConformance(t *testing.T) {
	var base *vfs.MemFS
	journaltest.RunOptions(t, journaltest.Options{
		Open: func(t *testing.T) journal.Store {
			base = vfs.NewCrashableMem()
			return mustOpen(t, "j", small(base))
		},
		Reopen: func(t *testing.T, s journal.Store) journal.Store {
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return mustOpen(t, "j", small(base))
		},
		Crash: func(t *testing.T, s journal.Store) journal.Store {
			base = base.CrashClone(vfs.CrashCloneCfg{})
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return mustOpen(t, "j", small(base))
		},
	})
}

// TestConformanceOnDisk runs the suite on the machine's file system.
func TestConformanceOnDisk(t *testing.T) {
	journaltest.RunOptions(t, journaltest.Options{
		Small: true,
		Open:  func(t *testing.T) journal.Store { return mustOpen(t, t.TempDir(), Options{}) },
		Reopen: func(t *testing.T, s journal.Store) journal.Store {
			dir := s.(*Store).dir
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			return mustOpen(t, vfs.Default.PathDir(dir), Options{})
		},
	})
}
