package pebblestore

import (
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// viewOptions are for reading a folder on which a write has failed.
func viewOptions(o *pebble.Options, d *disk) *pebble.Options {
	o.ReadOnly = true
	o.FS = view{FS: d.FS, disk: d}
	return o
}

// view is the folder on a frozen disk: its logs end where the last sync that
// succeeded found them. What was written after that may be read from the
// machine's memory and lost with it, so nobody is shown it.
type view struct {
	vfs.FS
	disk *disk
}

func (v view) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := v.FS.Open(name, o...)
	if err != nil {
		return nil, err
	}
	if n, ok := v.disk.durable(name); ok {
		return &prefix{File: f, left: n}, nil
	}
	return f, nil
}

// Lock does nothing: the store holds the folder's lock.
func (v view) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (v view) Unwrap() vfs.FS { return v.FS }

// prefix is a log up to an offset. Pebble reads logs from the start.
type prefix struct {
	vfs.File
	left int64
}

func (p *prefix) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, io.EOF
	}
	n, err := p.File.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	return n, err
}
