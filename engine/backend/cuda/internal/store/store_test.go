package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "kernels"), DefaultLimit())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPutThenGet(t *testing.T) {
	s := open(t)
	key := Sum("nvrtc 13.0", "sm_90a", "source")
	if _, _, err := s.Get(key); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an empty store says %v, want that there is none", err)
	}
	for _, image := range []string{"first", "second, longer", ""} {
		if err := s.Put(key, []byte(image), "log of "+image); err != nil {
			t.Fatal(err)
		}
		got, log, err := s.Get(key)
		if err != nil || string(got) != image || log != "log of "+image {
			t.Fatalf("put %q, got %q with log %q, error %v", image, got, log, err)
		}
	}
	if n, bytes, err := Usage(s.Dir()); n != 1 || bytes != headerBytes+int64(len("log of ")) || err != nil {
		t.Errorf("usage is %d entries of %d bytes, error %v", n, bytes, err)
	}
	if files, _ := os.ReadDir(s.Dir()); len(files) != 1 {
		t.Errorf("%d files are left, want the entry alone", len(files))
	}
}

func TestSumSeparatesItsParts(t *testing.T) {
	seen := map[Key]string{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {}, {""}} {
		k, name := Sum(parts...), fmt.Sprintf("%q", parts)
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[k] = name
	}
}

// TestDamage alters an entry in every way that its format tells apart.
func TestDamage(t *testing.T) {
	s := open(t)
	key := Sum("a")
	if err := s.Put(key, bytes.Repeat([]byte("image"), 40), "log"); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(s.path(key))
	if err != nil {
		t.Fatal(err)
	}
	other, err := encode(Sum("b"), []byte("image"), "")
	if err != nil {
		t.Fatal(err)
	}
	alter := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name, says string
		content    []byte
	}{
		{"empty", "cut off", nil},
		{"half a header", "cut off", whole[:50]},
		{"half an image", "bytes behind its header", whole[:150]},
		{"longer", "bytes behind its header", append(bytes.Clone(whole), 0)},
		{"another program's", "no kernel of this store", append([]byte("\x7fELF...."), whole[8:]...)},
		{"another version", "format version 0", alter(8)},
		{"another log's length", "bytes behind its header", alter(12)},
		{"another image's length", "bytes behind its header", alter(23)},
		{"another key's", "another key", other},
		{"checksum", "checksum", alter(60)},
		{"log", "checksum", alter(headerBytes)},
		{"image", "checksum", alter(len(whole) - 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(s.path(key), c.content, 0o644); err != nil {
				t.Fatal(err)
			}
			_, _, err := s.Get(key)
			if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("the error is %v, want one with %q", err, c.says)
			}
			if err := s.Put(key, []byte("again"), ""); err != nil {
				t.Fatal(err)
			}
			if got, _, err := s.Get(key); err != nil || string(got) != "again" {
				t.Errorf("after Put it holds %q, error %v", got, err)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	for _, c := range []struct {
		name  string
		limit Limit
		want  string // of entries a (1 day old), b (10), c (20), d (40), 1,000 bytes each
	}{
		{"no bound", Limit{}, "abcd"},
		{"age", Limit{Age: 15 * day}, "ab"},
		{"bytes", Limit{Bytes: 3000}, "abc"},
		{"both", Limit{Age: 15 * day, Bytes: 1500}, "a"},
		{"nothing fits", Limit{Bytes: 999}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			for name, days := range map[string]int{"a": 1, "b": 10, "c": 20, "d": 40} {
				if err := s.Put(Sum(name), make([]byte, 1000-headerBytes), ""); err != nil {
					t.Fatal(err)
				}
				age(t, s.path(Sum(name)), now, time.Duration(days)*day)
			}
			for name, days := range map[string]int{"README": 400, ".writing-old": 1, ".writing-new": 0} {
				path := filepath.Join(s.Dir(), name)
				if err := os.WriteFile(path, nil, 0o644); err != nil {
					t.Fatal(err)
				}
				age(t, path, now, time.Duration(days)*day)
			}
			if _, err := Open(s.Dir(), c.limit); err != nil {
				t.Fatal(err)
			}
			var left string
			for _, name := range []string{"a", "b", "c", "d"} {
				if _, _, err := s.Get(Sum(name)); err == nil {
					left += name
				}
			}
			if left != c.want {
				t.Errorf("%q are left, want %q", left, c.want)
			}
			for name, want := range map[string]bool{"README": true, ".writing-old": false, ".writing-new": true} {
				if _, err := os.Stat(filepath.Join(s.Dir(), name)); (err == nil) != want {
					t.Errorf("%s is there: %t, want %t", name, err == nil, want)
				}
			}
		})
	}
}

func age(t *testing.T, path string, now time.Time, by time.Duration) {
	t.Helper()
	if err := os.Chtimes(path, now.Add(-by), now.Add(-by)); err != nil {
		t.Fatal(err)
	}
}

func TestGetRenews(t *testing.T) {
	s := open(t)
	key := Sum("a")
	if err := s.Put(key, []byte("image"), ""); err != nil {
		t.Fatal(err)
	}
	age(t, s.path(key), time.Now(), 20*24*time.Hour)
	if _, _, err := s.Get(key); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.path(key))
	if err != nil {
		t.Fatal(err)
	}
	if old := time.Since(info.ModTime()); old > 24*time.Hour {
		t.Errorf("an entry just read counts as unused for %v", old)
	}
}

func TestNoFolder(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Open(filepath.Join(blocked, "kernels"), Limit{})
	if err == nil || !strings.Contains(err.Error(), "not kept") {
		t.Fatalf("a folder inside a file opens with error %v", err)
	}
	if err := s.Put(Sum("a"), []byte("image"), ""); err != nil {
		t.Errorf("a nil Store fails: %v", err)
	}
	if _, _, err := s.Get(Sum("a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a nil Store says %v", err)
	}
	if n, _, err := Usage(filepath.Join(blocked, "..", "none")); n != 0 || err != nil {
		t.Errorf("no folder has %d entries, error %v", n, err)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("folders are always writable to this user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Limit{}); err == nil {
		t.Error("a folder that cannot be written opens")
	}
}

// TestManyWriters lets readers and writers of one key meet: a reader sees one
// of the whole entries.
func TestManyWriters(t *testing.T) {
	s := open(t)
	key := Sum("a")
	if err := s.Put(key, bytes.Repeat([]byte{'0'}, 5000), "0"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			mine := byte('0' + w)
			for range 30 {
				err := s.Put(key, bytes.Repeat([]byte{mine}, 5000), string(mine))
				if err != nil && runtime.GOOS != "windows" { // where an open file cannot be replaced
					t.Error(err)
				}
				image, log, err := s.Get(key)
				if err != nil && runtime.GOOS == "windows" {
					continue
				}
				if err != nil || len(image) != 5000 || log != string(image[:1]) || bytes.Count(image, image[:1]) != 5000 {
					t.Errorf("read %d bytes with log %q, error %v", len(image), log, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestMake(t *testing.T) {
	s := open(t)
	key := Sum("a")
	made := 0
	one := func() ([]byte, string, error) { made++; return []byte("image"), "log", nil }
	check := func(when string, cached bool, times int, note string) {
		t.Helper()
		m, err := s.Make(key, one)
		if err != nil || string(m.Image) != "image" || m.Log != "log" || m.Cached != cached || made != times {
			t.Errorf("%s: %+v, made %d times, error %v", when, m, made, err)
		}
		if got := strings.Join(m.Notes, "\n"); note == "" && got != "" || !strings.Contains(got, note) {
			t.Errorf("%s: the notes are %q, want %q in them", when, got, note)
		}
	}
	check("first", false, 1, "")
	check("second", true, 1, "")
	if err := os.WriteFile(s.path(key), []byte("tlkern"), 0o644); err != nil {
		t.Fatal(err)
	}
	check("damaged", false, 2, "compiled again")
	check("after damage", true, 2, "")
	if err := os.RemoveAll(s.Dir()); err != nil {
		t.Fatal(err)
	}
	check("folder gone", false, 3, "not kept")

	broken := errors.New("no such instruction")
	if _, err := s.Make(key, func() ([]byte, string, error) { return nil, "", broken }); !errors.Is(err, broken) {
		t.Errorf("a failed compilation gives %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	key := Sum("a")
	whole, err := encode(key, []byte("image"), "log")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:headerBytes])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		image, log, err := decode(key, b)
		if err != nil {
			return
		}
		again, err := encode(key, image, log)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is accepted as an image of %d bytes, which is encoded otherwise", b, len(image))
		}
	})
}
