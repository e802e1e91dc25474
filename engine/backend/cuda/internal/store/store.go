package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// renewAfter is how old an entry's modification time gets before a read renews
// it: not every start needs to write.
const renewAfter = time.Hour

// maxEntryBytes bounds what Get reads; a compiled kernel has some hundred KiB.
const maxEntryBytes = 256 << 20

// Store is a folder of entries. It may be used by several goroutines at once. A
// nil Store holds nothing and keeps nothing, for a machine without a folder to
// write to.
type Store struct {
	dir string
}

// UserDir is the folder that kernels are kept in where nothing else is asked
// for: tierlab/kernels in the user's cache folder.
func UserDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the user has no cache folder: %w", err)
	}
	return filepath.Join(dir, "tierlab", "kernels"), nil
}

// Open makes the folder where it is missing ("" is UserDir) and drops what is
// beyond the limit. It fails where the folder cannot be made or written to.
func Open(dir string, limit Limit) (*Store, error) {
	if dir == "" {
		var err error
		if dir, err = UserDir(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("compiled kernels are not kept: %w", err)
	}
	f, err := os.CreateTemp(dir, temporary)
	if err != nil {
		return nil, fmt.Errorf("compiled kernels are not kept: %w", err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return nil, fmt.Errorf("compiled kernels are not kept: %w", err)
	}
	drop(dir, limit, time.Now())
	return &Store{dir}, nil
}

// Dir is the store's folder, "" for a nil Store.
func (s *Store) Dir() string {
	if s == nil {
		return ""
	}
	return s.dir
}

// Get is the image and the log kept for a key. The error is fs.ErrNotExist where
// there is none, and says what is wrong with an entry that cannot be used.
func (s *Store) Get(key Key) (image []byte, log string, err error) {
	if s == nil {
		return nil, "", fs.ErrNotExist
	}
	path := s.path(key)
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxEntryBytes {
		return nil, "", fmt.Errorf("%s: it is no file, or has more than %d bytes", path, maxEntryBytes)
	}
	b, err := io.ReadAll(io.LimitReader(f, info.Size()))
	if err != nil {
		return nil, "", err
	}
	if image, log, err = decode(key, b); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	if now := time.Now(); now.Sub(info.ModTime()) > renewAfter {
		_ = os.Chtimes(path, now, now) // a folder that is only read keeps its old times
	}
	return image, log, nil
}

// Put keeps an image and the compiler's log under a key, in place of what is
// there.
func (s *Store) Put(key Key, image []byte, log string) error {
	if s == nil {
		return nil
	}
	b, err := encode(key, image, log)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, temporary)
	if err != nil {
		return fmt.Errorf("a compiled kernel is not kept: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path(key))
	}
	if err != nil {
		return fmt.Errorf("a compiled kernel is not kept: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// Made is what Make returns. Notes are lines about the store itself: why an entry
// was made again, or could not be kept.
type Made struct {
	Image  []byte
	Log    string
	Cached bool
	Notes  []string
}

// Make is what is kept for a key, or what make makes and is kept from now on. It
// fails where make fails only.
func (s *Store) Make(key Key, make func() (image []byte, log string, err error)) (m Made, err error) {
	if m.Image, m.Log, err = s.Get(key); err == nil {
		m.Cached = true
		return m, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		m.Notes = append(m.Notes, fmt.Sprintf("compiled again: %v", err))
	}
	if m.Image, m.Log, err = make(); err != nil {
		return m, err
	}
	if err := s.Put(key, m.Image, m.Log); err != nil {
		m.Notes = append(m.Notes, err.Error())
	}
	return m, nil
}

func (s *Store) path(key Key) string { return filepath.Join(s.dir, key.String()+extension) }
