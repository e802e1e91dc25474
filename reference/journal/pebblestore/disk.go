package pebblestore

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
)

// disk is the file system that Pebble writes through. Pebble ends the process
// when its log or manifest cannot be written. So the first error of a write
// freezes the disk instead: from then on nothing under the folder changes, what
// Pebble writes goes nowhere or into memory, and Pebble works on without
// noticing while the store refuses every Append.
type disk struct {
	vfs.FS
	frozen atomic.Pointer[journal.UnavailableError]
	onFail func()
	// ops is held for reading by whatever changes the folder.
	ops    sync.RWMutex
	memory *vfs.MemFS // files made after the freeze, by their last element

	mu   sync.Mutex
	logs map[string]*file // write-ahead logs written by this process
	log  atomic.Pointer[file]
}

func newDisk(base vfs.FS) *disk {
	return &disk{FS: base, memory: vfs.NewMem(), logs: map[string]*file{}}
}

// failure is why nothing can be written, or nil.
func (d *disk) failure() error {
	if f := d.frozen.Load(); f != nil {
		return f
	}
	return nil
}

// freeze is called with the first error of a write.
func (d *disk) freeze(err error) {
	if d.frozen.CompareAndSwap(nil, &journal.UnavailableError{Err: err}) && d.onFail != nil {
		d.onFail()
	}
}

// change runs what changes the folder, and reports whether it did. An error
// freezes the disk.
func (d *disk) change(f func() error) bool {
	d.ops.RLock()
	defer d.ops.RUnlock()
	if d.frozen.Load() != nil {
		return false
	}
	if err := f(); err != nil {
		d.freeze(err)
		return false
	}
	return true
}

// settle waits until nothing changes the folder any more. The disk is frozen.
func (d *disk) settle() {
	d.ops.Lock()
	defer d.ops.Unlock()
}

func (d *disk) inMemory(name string) string { return "/" + d.PathBase(name) }

// durable is how much of a log is known to be on the disk, or ok is false if
// the log was not written by this process.
func (d *disk) durable(name string) (n int64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.logs[d.PathBase(name)]
	if !ok {
		return 0, false
	}
	return f.synced.Load(), true
}

// track follows a log from its creation to its removal.
func (d *disk) track(name string, f *file) {
	number, isLog := strings.CutSuffix(d.PathBase(name), ".log")
	n, err := strconv.ParseUint(number, 10, 64)
	if !isLog || err != nil {
		return
	}
	f.log = n
	d.log.Store(f)
	d.mu.Lock()
	d.logs[d.PathBase(name)] = f
	d.mu.Unlock()
}

func (d *disk) forget(name string) {
	d.mu.Lock()
	delete(d.logs, d.PathBase(name))
	d.mu.Unlock()
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f := &file{disk: d, table: isTable(name)}
	if d.change(func() (err error) { f.File, err = d.FS.Create(name, c); return err }) {
		d.track(name, f)
		return f, nil
	}
	return d.memory.Create(d.inMemory(name), c)
}

func (d *disk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f := &file{disk: d, table: isTable(name)}
	if d.change(func() (err error) { f.File, err = d.FS.ReuseForWrite(old, name, c); return err }) {
		d.forget(old)
		d.track(name, f)
		return f, nil
	}
	return d.memory.Create(d.inMemory(name), c)
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f := &file{disk: d, table: isTable(name)}
	if d.change(func() (err error) { f.File, err = d.FS.OpenReadWrite(name, c, o...); return err }) {
		return f, nil
	}
	return d.memory.OpenReadWrite(d.inMemory(name), c, o...)
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d}, nil
}

func (d *disk) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if d.frozen.Load() != nil {
		if f, err := d.memory.Open(d.inMemory(name), o...); err == nil {
			return f, nil
		}
	}
	return d.FS.Open(name, o...)
}

func (d *disk) Stat(name string) (vfs.FileInfo, error) {
	if d.frozen.Load() != nil {
		if i, err := d.memory.Stat(d.inMemory(name)); err == nil {
			return i, nil
		}
	}
	return d.FS.Stat(name)
}

func (d *disk) Link(old, name string) error {
	if !d.change(func() error { return d.FS.Link(old, name) }) {
		_ = d.memory.Link(d.inMemory(old), d.inMemory(name)) // if it is there
	}
	return nil
}

func (d *disk) Rename(old, name string) error {
	if !d.change(func() error { return d.FS.Rename(old, name) }) {
		_ = d.memory.Rename(d.inMemory(old), d.inMemory(name))
	}
	return nil
}

// Remove does not freeze the disk: a file too many is no loss.
func (d *disk) Remove(name string) (err error) {
	d.change(func() error { err = d.FS.Remove(name); d.forget(name); return nil })
	return err
}

func (d *disk) RemoveAll(name string) (err error) {
	d.change(func() error { err = d.FS.RemoveAll(name); return nil })
	return err
}

func (d *disk) MkdirAll(name string, perm os.FileMode) error {
	d.change(func() error { return d.FS.MkdirAll(name, perm) })
	return nil
}

func (d *disk) Unwrap() vfs.FS { return d.FS }

// isTable tells files whose content Pebble reads again while it is open from
// those that only the next process reads.
func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// file is one that was opened for writing before any error. After one, a table
// reports it, so that Pebble writes that table anew, which then happens in
// memory; all else pretends to be written.
type file struct {
	vfs.File
	disk    *disk
	table   bool
	log     uint64       // a log's number
	written int64        // Pebble writes and syncs a log from one goroutine at a time
	synced  atomic.Int64 // what of written has been made durable
}

// after is a write's result for Pebble.
func (f *file) after(done bool) error {
	if !done && f.table {
		return f.disk.failure()
	}
	return nil
}

func (f *file) Write(p []byte) (int, error) {
	n := 0
	done := f.disk.change(func() (err error) {
		n, err = f.File.Write(p)
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		return err
	})
	f.written += int64(n)
	if err := f.after(done); err != nil {
		return n, err
	}
	return len(p), nil
}

func (f *file) WriteAt(p []byte, at int64) (int, error) {
	done := f.disk.change(func() error { _, err := f.File.WriteAt(p, at); return err })
	if err := f.after(done); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *file) Sync() error     { return f.sync(f.File.Sync) }
func (f *file) SyncData() error { return f.sync(f.File.SyncData) }

func (f *file) sync(sync func() error) error {
	n := f.written
	done := f.disk.change(sync)
	if done {
		f.synced.Store(n)
	}
	return f.after(done)
}

func (f *file) SyncTo(length int64) (full bool, err error) {
	done := f.disk.change(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, f.after(done)
}

// Close does not freeze the disk: what matters was synced before.
func (f *file) Close() error {
	if err := f.File.Close(); f.disk.frozen.Load() == nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
