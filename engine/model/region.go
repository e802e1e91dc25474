package model

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync/atomic"
)

// region is a file's bytes. It may be read by several goroutines.
type region interface {
	io.ReaderAt
	size() int64
	// bytes are the n bytes at off, which lie within the file; they are not to
	// be written to.
	bytes(off int64, n int) ([]byte, error)
	close() error
}

// openRegion maps a file into memory, so that weights are paged in as they are read
// and shared between processes; where the system or the file system has no
// mapping it reads instead.
func openRegion(path string) (region, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file", path), f.Close())
	}
	n := info.Size()
	if n > 0 && n <= math.MaxInt {
		if data, err := mapFile(f, int(n)); err == nil {
			return &mapped{File: f, data: data}, nil
		}
	}
	return &unmapped{f, n}, nil
}

// mapped is a file in memory. Its bytes are those of the file, so a program
// that shortens the file meanwhile makes reads beyond its end fault: who reads is
// ready for that.
//
// The file stays open for ReadAt: a large read into memory of one's own costs no
// fault for every page.
type mapped struct {
	*os.File
	data   []byte
	closed atomic.Bool
}

func (m *mapped) size() int64 { return int64(len(m.data)) }

func (m *mapped) bytes(off int64, n int) ([]byte, error) {
	if m.closed.Load() {
		return nil, os.ErrClosed
	}
	return m.data[off : off+int64(n)], nil
}

func (m *mapped) close() error {
	if m.closed.Swap(true) {
		return nil
	}
	return errors.Join(unmapFile(m.data), m.Close())
}

// unmapped is a file that is read piece by piece.
type unmapped struct {
	*os.File
	n int64
}

func (u *unmapped) size() int64 { return u.n }

func (u *unmapped) bytes(off int64, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := u.ReadAt(b, off)
	return b, err
}

func (u *unmapped) close() error { return u.Close() }
