package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	extension = ".kernel"
	temporary = ".writing-*" // os.CreateTemp's pattern
	// abandonedAfter is when a temporary file belongs to no process any more.
	abandonedAfter = time.Hour
)

// Limit bounds a store. A zero field is no bound.
type Limit struct {
	Age   time.Duration // since an entry was read or written
	Bytes int64         // of all entries
}

// DefaultLimit holds the kernels of some hundred shapes of models.
func DefaultLimit() Limit { return Limit{Age: 30 * 24 * time.Hour, Bytes: 1 << 30} }

type kept struct {
	path  string
	bytes int64
	used  time.Time
}

// Usage is how many entries a folder has and their bytes; none where there is no
// such folder.
func Usage(dir string) (entries int, bytes int64, err error) {
	all, _, err := list(dir)
	for _, e := range all {
		bytes += e.bytes
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return len(all), bytes, err
}

// list is the folder's entries and its temporary files. Other files are not the
// store's: it neither counts nor drops them.
func list(dir string) (entries, temporaries []kept, err error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	prefix, _, _ := strings.Cut(temporary, "*")
	for _, f := range found {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // another process has dropped it, or it is a folder
		}
		e := kept{filepath.Join(dir, f.Name()), info.Size(), info.ModTime()}
		stem, ours := strings.CutSuffix(f.Name(), extension)
		switch {
		case ours && len(stem) == len(Key{})*2:
			entries = append(entries, e)
		case strings.HasPrefix(f.Name(), prefix):
			temporaries = append(temporaries, e)
		}
	}
	return entries, temporaries, nil
}

// drop removes what is beyond the limit. What cannot be removed stays: another
// process may have been faster, or have the file open.
func drop(dir string, limit Limit, now time.Time) {
	entries, temporaries, err := list(dir)
	if err != nil {
		return
	}
	for _, t := range temporaries {
		if now.Sub(t.used) > abandonedAfter {
			_ = os.Remove(t.path)
		}
	}
	slices.SortFunc(entries, func(a, b kept) int {
		return cmp.Or(b.used.Compare(a.used), strings.Compare(a.path, b.path))
	})
	var total int64
	for _, e := range entries { // the last used first
		total += e.bytes
		if limit.Age > 0 && now.Sub(e.used) > limit.Age || limit.Bytes > 0 && total > limit.Bytes {
			_ = os.Remove(e.path)
		}
	}
}
