package pebblestore

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
)

// TestMain lets the test's binary stand in for a process that has a folder open.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PEBBLESTORE_CHILD"); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// child writes to sessions and prints what is acknowledged, until it is killed.
func child(dir string) {
	s, err := Open(dir, Options{MemTableBytes: 64 << 10})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open")
	w := newHammer(8)
	go w.run(s)
	for {
		fmt.Println(w.acks())
	}
}

func (w *hammer) acks() string {
	return strings.Trim(fmt.Sprint(load(w.acked)), "[]")
}

// startChild starts a process that has the folder open.
func startChild(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "PEBBLESTORE_CHILD="+dir)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "open" {
		t.Fatalf("the other process says %q", lines.Text())
	}
	return c, lines
}

// TestSecondProcess checks the lock against another process, which is then
// killed while it writes.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	w := newHammer(8)
	for round := range 3 {
		c, lines := startChild(t, dir)
		for _, o := range []Options{{}, {ReadOnly: true}} {
			_, err := Open(dir, o)
			if !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "end the process") {
				t.Errorf("Open of a folder in use: %v", err)
			}
		}
		kill := time.AfterFunc(time.Duration(20+40*round)*time.Millisecond, func() { _ = c.Process.Kill() })
		defer kill.Stop()
		last := ""
		for lines.Scan() {
			if n := strings.Count(lines.Text(), " "); n == w.sessions-1 {
				last = lines.Text()
			}
		}
		_ = c.Wait()
		for i, f := range strings.Fields(last) {
			var n uint64
			if _, err := fmt.Sscan(f, &n); err != nil {
				t.Fatal(err)
			}
			w.acked[i].Store(max(n, w.acked[i].Load())) // a cut line's last number may be short, not long
		}
		s := mustOpen(t, dir, Options{})
		w.check(t, s, nil)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSameProcess(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	if _, err := Open(filepath.Join(dir, ".", "x", ".."), Options{}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("Open twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err == nil {
		t.Error("Close of a closed store has no error")
	}
	if _, err := s.Head(t.Context(), "a"); err == nil || errors.Is(err, journal.ErrUnknown) {
		t.Errorf("Head of a closed store: %v", err)
	}
}

// content is every file under a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestRefusedFolders checks that a folder that is not this program's to open is
// named, and left as it was.
func TestRefusedFolders(t *testing.T) {
	ours := func(t *testing.T, dir, format string) {
		s := mustOpen(t, dir, Options{})
		newerThan := newHammer(1)
		newerThan.batches = 3
		newerThan.run(s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, formatFile), format)
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string)
		want string
	}{
		"newer":       {func(t *testing.T, dir string) { ours(t, dir, "tierlab journal 7\n") }, "has format 7, and this program reads up to 1"},
		"no number":   {func(t *testing.T, dir string) { ours(t, dir, "tierlab journal x\n") }, `its file FORMAT says "tierlab journal x`},
		"no marks":    {func(t *testing.T, dir string) { ours(t, dir, "tierlab journal 1\n") }, "in a second line"},
		"number zero": {func(t *testing.T, dir string) { ours(t, dir, "tierlab journal 0\n") }, "its file FORMAT says"},
		"empty":       {func(t *testing.T, dir string) { ours(t, dir, "") }, "its file FORMAT says"},
		"foreign":     {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "notes.txt"), "mine") }, "holds notes.txt and is no journal's"},
		"half ours": {func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "x"), "")
			write(t, filepath.Join(dir, "FORMAT.new"), "")
		}, "holds x"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.make(t, dir)
			before := content(t, dir)
			for _, readOnly := range []bool{false, true} {
				_, err := Open(dir, Options{ReadOnly: readOnly})
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
					t.Errorf("Open: %v, want %q", err, c.want)
				}
				var v *journal.VersionError
				if errors.As(err, &v) != (name == "newer") || v != nil && (v.Found != 7 || v.Newest != 1) {
					t.Errorf("Open: a VersionError is %+v", v)
				}
			}
			if after := content(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("files changed from %q to %q", before, after)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "mine")
	if _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Open of a file: %v", err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestHalfMade opens what a process leaves that ends while it makes a folder.
func TestHalfMade(t *testing.T) {
	for at := range 3 {
		dir := filepath.Join(t.TempDir(), "j")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if at > 0 {
			if err := os.MkdirAll(filepath.Join(dir, dataFolder), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if at > 1 {
			write(t, filepath.Join(dir, "FORMAT.new"), "tier")
		}
		s := mustOpen(t, dir, Options{})
		w := newHammer(1)
		w.batches = 1
		w.run(s)
		w.check(t, s, nil)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadOnly checks that reading alone changes nothing, also after a crash,
// when there is a log to replay.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none"), Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none") {
		t.Errorf("Open of nothing: %v", err)
	}
	c, lines := startChild(t, dir)
	for lines.Scan() && strings.HasPrefix(lines.Text(), "0 ") { // nothing yet in the first session
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	before := content(t, dir)
	s := mustOpen(t, dir, Options{ReadOnly: true})
	w := newHammer(8)
	heads := w.check(t, s, nil)
	if heads[0].Seq == 0 {
		t.Error("nothing was written")
	}
	wantUnavailable(t, s, "for reading only")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := content(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("reading changed a file")
	}
	s = mustOpen(t, dir, Options{})
	w.check(t, s, seqs(heads))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCloseLeavesNoLog checks that nothing is in the log alone after an orderly
// end. What files of logs are left, Pebble keeps to write over.
func TestCloseLeavesNoLog(t *testing.T) {
	base := vfs.NewMem()
	s := mustOpen(t, "j", small(base))
	w := newHammer(2)
	w.batches = 5
	w.run(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data := base.PathJoin("j", dataFolder)
	names, err := base.List(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasSuffix(n, ".log") {
			if err := base.Remove(base.PathJoin(data, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s = mustOpen(t, "j", small(base))
	w.check(t, s, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
