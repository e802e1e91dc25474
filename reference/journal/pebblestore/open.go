package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
)

// Options say how a store is opened. The zero value is right for a node.
type Options struct {
	// ReadOnly opens what is there and changes nothing.
	ReadOnly bool
	// FS is the file system; nil: the machine's.
	FS vfs.FS
	// CacheBytes is for blocks of tables that were read; 0: 16 MiB.
	CacheBytes int64
	// MemTableBytes is for what was written and is not in a table yet, up to
	// four times; 0: 16 MiB.
	MemTableBytes uint64
}

// Open opens the journals in a folder, which it makes if it is not there. The
// folder is this process's until the store is closed.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
		whole, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("journal: folder %q: %w", dir, err)
		}
		dir = whole
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real // the lock goes by name within a process
		}
	}
	key, err := prepareFolder(o.FS, dir, o.ReadOnly)
	if err != nil {
		return nil, err
	}
	data := o.FS.PathJoin(dir, dataFolder)
	lock, err := lockFolder(o.FS, dir, data)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: data, disk: newDisk(o.FS), lock: lock, readOnly: o.ReadOnly, marks: key, sessions: newLocks()}
	s.disk.onFail = s.failed
	s.options = func() *pebble.Options { return pebbleOptions(o, s.disk) }
	var db *pebble.DB
	if err = checkLog(o.FS, dir, data, key); err == nil {
		db, err = openPebble(dir, data, s.options(), lock)
	}
	if err == nil {
		if err = s.disk.failure(); err != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.open.Add(1)
	s.mu.Lock()
	s.current = &database{DB: db, users: 1, durable: o.ReadOnly}
	s.mu.Unlock()
	if s.disk.failure() != nil { // by now
		s.failed()
	}
	return s, nil
}

// OpenMemory is a store without a disk, for tests.
func OpenMemory() (*Store, error) {
	return Open("journal", Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 1 << 20})
}

func lockFolder(base vfs.FS, dir, data string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(data, base)
	if err == nil {
		return lock, nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, fmt.Errorf("journal: folder %s cannot be locked: %w", dir, err)
	}
	return nil, fmt.Errorf("%w: %s: end the process that has it open, or name another folder (%v)", journal.ErrLocked, dir, err)
}

// openPebble opens the database. Pebble panics over some damaged files.
func openPebble(dir, data string, o *pebble.Options, lock *pebble.Lock) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &journal.CorruptError{Problem: fmt.Sprintf("%s cannot be opened: %v", dir, r)}
		}
	}()
	o.Lock = lock
	db, err = pebble.Open(data, o)
	switch {
	case err == nil && o.ReadOnly:
		return db, nil
	case err == nil:
		// Pebble begins the first log of a new folder in an older format, whose
		// damage it cannot tell from a write that was cut short.
		if err := db.Flush(); err != nil {
			return nil, errors.Join(fmt.Errorf("journal: %s cannot be written: %w", dir, err), db.Close())
		}
		return db, nil
	case pebble.IsCorruptionError(err), errors.Is(err, record.ErrInvalidChunk), errors.Is(err, record.ErrZeroedChunk), errors.Is(err, record.ErrUnexpectedEOF):
		return nil, &journal.CorruptError{Problem: fmt.Sprintf("%s is damaged: %v", dir, err)}
	}
	return nil, fmt.Errorf("journal: %s cannot be opened: %w", dir, err)
}

// pebbleOptions are for many small batches on a node that has its memory for
// other things.
func pebbleOptions(o Options, d *disk) *pebble.Options {
	p := &pebble.Options{
		FS: d, ReadOnly: o.ReadOnly, Merger: merger, Logger: quiet{d}, FormatMajorVersion: pebbleFormat,
		CacheSize: o.CacheBytes, MemTableSize: o.MemTableBytes, MemTableStopWritesThreshold: 4,
		MaxOpenFiles: 256, L0CompactionThreshold: 4, L0StopWritesThreshold: 24,
		CompactionConcurrencyRange: func() (lower, upper int) { return 1, 2 },
		EventListener:              &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}, // its reader reports it
	}
	if p.CacheSize == 0 {
		p.CacheSize = 16 << 20
	}
	if p.MemTableSize == 0 {
		p.MemTableSize = 16 << 20
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most timers looked up are new
	}
	return p
}

// quiet drops Pebble's log. What Pebble would end the process for freezes the disk.
type quiet struct{ disk *disk }

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (q quiet) Fatalf(format string, args ...any) {
	q.disk.freeze(fmt.Errorf(format, args...))
}
