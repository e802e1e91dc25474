package pebblestore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tierlab/reference/journal"
)

// TestCrash takes what a crash of the machine would leave, at random moments,
// under sessions that write: all that was acknowledged, or shown to a reader, by
// then is there, and of the rest whole batches (INV-J1).
func TestCrash(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 15 {
		base := vfs.NewCrashableMem()
		s := mustOpen(t, "j", small(base))
		w := newHammer(6)
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { w.run(s) })
		wg.Go(func() { w.watch(s, done) })
		time.Sleep(time.Duration(rng.IntN(20_000)) * time.Microsecond)
		acked, shown := load(w.acked), load(w.shown)
		after := base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[round%3], RNG: rng})
		w.stop.Store(true)
		close(done)
		wg.Wait()
		s2 := mustOpen(t, "j", small(after))
		for i := range acked {
			acked[i] = max(acked[i], shown[i])
		}
		heads := w.check(t, s2, acked)
		w.check(t, s, nil)
		if err := errors.Join(s.Close(), s2.Close()); err != nil {
			t.Fatal(err)
		}
		s3 := mustOpen(t, "j", small(after)) // and stays there
		w.check(t, s3, seqs(heads))
		if err := s3.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWriteErrors lets one write fail, or all from one on, of any kind and at
// any place: log, tables, manifest, folder. The process lives, every later
// Append says so, reads go on, and no reader is shown what opening the folder
// again does not bring back, even if the machine's memory is lost by then.
func TestWriteErrors(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	refused := map[string]int{}
	for round := range 25 {
		base := vfs.NewCrashableMem()
		var writes, failAt atomic.Int64
		var mu sync.Mutex
		where := ""
		injector := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose || op.Kind == errorfs.OpLock || failAt.Load() == 0 {
				return nil
			}
			if n := writes.Add(1); n == failAt.Load() || n > failAt.Load() && round%2 == 0 {
				mu.Lock()
				defer mu.Unlock()
				if where == "" {
					where = fmt.Sprintf("%d %s", op.Kind, kindOf(op.Path))
				}
				return fmt.Errorf("injected at %s: %w", op.Path, syscall.EIO)
			}
			return nil
		})
		s := mustOpen(t, "j", Options{FS: errorfs.Wrap(base, injector), CacheBytes: 1 << 20, MemTableBytes: 64 << 10}) // tables and logs change often
		failAt.Store(1 + int64(rng.IntN([]int{30, 800, 3000}[round%3])))
		w := newHammer(4)
		w.batches, w.size = 700, 300
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { w.watch(s, done) })
		errs := w.run(s)
		close(done)
		wg.Wait()
		refused[where]++
		if s.disk.failure() != nil {
			for i, err := range errs {
				var u *journal.UnavailableError
				through := err == nil && w.acked[i].Load() == uint64(2*w.batches)
				if !through && (!errors.As(err, &u) || !errors.Is(err, syscall.EIO)) {
					t.Fatalf("round %d: writer %d ended by %v", round, i, err)
				}
			}
			wantUnavailable(t, s, "injected at")
		} else if err := errors.Join(errs...); err != nil {
			t.Fatalf("round %d: no write failed, but %v", round, err)
		}
		checkAgain(t, s, w, base, rng)
		if t.Failed() {
			t.Fatalf("round %d: the failure was %q", round, where)
		}
	}
	t.Logf("the first failure by operation and file: %v", refused)
}

// checkAgain checks a store that has failed, and what the folder holds for the
// next process, with the machine's memory lost and without.
func checkAgain(t *testing.T, s *Store, w *hammer, base *vfs.MemFS, rng *rand.Rand) {
	t.Helper()
	heads := w.check(t, s, nil)
	for i, h := range heads {
		if shown := w.shown[i].Load(); shown > h.Seq {
			t.Errorf("a reader was shown record %d of %s, whose last is %d", shown, h.Session, h.Seq)
		}
	}
	lost := base.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(2) * 50, RNG: rng})
	failed := s.disk.failure() != nil // if not, closing may be what fails
	if err := s.Close(); err != nil && failed {
		t.Errorf("Close: %v", err)
	}
	for _, fs := range []vfs.FS{lost, base} {
		s := mustOpen(t, "j", small(fs))
		w.check(t, s, seqs(heads))
		h, err := s.Own(t.Context(), session(0), "next", true)
		if err == nil {
			_, err = s.Append(t.Context(), w.batch(h))
		}
		if err := errors.Join(err, s.Close()); err != nil {
			t.Errorf("after the fault: %v", err)
		}
	}
}

// kindOf is a file's name without its number.
func kindOf(path string) string {
	name := vfs.Default.PathBase(path)
	if at := strings.LastIndexByte(name, '.'); at >= 0 && !strings.HasPrefix(name, "marker") {
		return "*" + name[at:]
	}
	return strings.TrimRight(name, "-0123456789")
}

// TestFull fills a file system at every possible byte within a range, so that
// writes end halfway.
func TestFull(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 25 {
		base := vfs.NewCrashableMem()
		full := &fullFS{FS: base}
		full.room.Store(1 << 40)
		s := mustOpen(t, "j", Options{FS: full, CacheBytes: 1 << 20, MemTableBytes: 64 << 10})
		full.room.Store(int64(rng.IntN(400_000)))
		w := newHammer(4)
		w.size = 300
		for i, err := range w.run(s) {
			var u *journal.UnavailableError
			if !errors.As(err, &u) || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("round %d: writer %d ended by %v", round, i, err)
			}
		}
		wantUnavailable(t, s, "no space left on device")
		full.room.Store(0)
		if _, err := Open("other", small(full)); err == nil || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Open on a full disk: %v", err)
		}
		checkAgain(t, s, w, base, rng)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// fullFS has room for a number of bytes.
type fullFS struct {
	vfs.FS
	room atomic.Int64
}

func (f *fullFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	return &fullFile{File: file, fs: f}, err
}

func (f *fullFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(old, name, c)
	return &fullFile{File: file, fs: f}, err
}

type fullFile struct {
	vfs.File
	fs *fullFS
}

func (f *fullFile) Write(p []byte) (int, error) {
	left := f.fs.room.Add(-int64(len(p)))
	if left >= 0 {
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:max(0, int64(len(p))+left)])
	return n, errors.Join(syscall.ENOSPC, err)
}
