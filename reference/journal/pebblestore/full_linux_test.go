package pebblestore

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tierlab/reference/journal"
)

// TestFullFileSystem fills a real file system, and goes on when there is room.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tierlab", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("a file system to fill takes the right to mount one: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	rest := filepath.Join(dir, "rest")
	s := mustOpen(t, filepath.Join(dir, "j"), Options{MemTableBytes: 256 << 10})
	if err := os.WriteFile(rest, make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newHammer(8)
	w.size, w.keep = 2000+rand.IntN(1000), true
	for i, err := range w.run(s) {
		var u *journal.UnavailableError
		if !errors.As(err, &u) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("writer %d ended by %v", i, err)
		}
	}
	wantUnavailable(t, s, "no space left on device")
	heads := w.check(t, s, nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := fill(filepath.Join(dir, "more")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	s = mustOpen(t, filepath.Join(dir, "j"), Options{ReadOnly: true})
	w.check(t, s, seqs(heads))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(dir, "j"), Options{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Open for writing on a full disk: %v", err)
	}
	if err := os.Remove(rest); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, filepath.Join(dir, "j"), Options{})
	w.check(t, s, seqs(heads))
	w.batches = 10
	if err := errors.Join(w.run(s)...); err != nil {
		t.Errorf("with room again: %v", err)
	}
	w.check(t, s, nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// fill writes a file until an error.
func fill(name string) error {
	f, err := os.Create(name)
	for err == nil {
		_, err = f.Write(make([]byte, 1<<10))
	}
	return errors.Join(err, f.Close())
}
