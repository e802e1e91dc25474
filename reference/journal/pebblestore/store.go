package pebblestore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"tierlab/reference/journal"
)

// Store keeps journals in a folder. It is a journal.Store.
type Store struct {
	dir      string // that of Pebble's files
	disk     *disk
	lock     *pebble.Lock
	options  func() *pebble.Options
	readOnly bool
	marks    markKey
	sessions *locks
	// writing counts batches that may be visible to readers and not yet durable.
	writing atomic.Int64

	mu      sync.Mutex
	current *database     // nil while a durable view is being opened, if it could not be, and once closed
	ready   chan struct{} // closed once current is set, or never will be
	lost    error         // why there is no durable view
	closed  bool
	open    sync.WaitGroup // databases that are not closed, and views under way
}

// database is Pebble's, and how many use it.
type database struct {
	*pebble.DB
	users   int  // the store itself is one
	durable bool // nothing in it can be lost: it is a view of what is on the disk
}

var (
	errClosed   = errors.New("journal: the store is closed")
	errReadOnly = &journal.UnavailableError{Err: errors.New("the store was opened for reading only")}
)

// acquire takes the database for reading, waiting for a view under way.
func (s *Store) acquire(ctx context.Context) (*database, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.mu.Lock()
		db, ready, lost, closed := s.current, s.ready, s.lost, s.closed
		if db != nil {
			db.users++
		}
		s.mu.Unlock()
		switch {
		case closed:
			return nil, errClosed
		case db != nil:
			return db, nil
		case lost != nil:
			return nil, lost
		}
		select {
		case <-ready:
		case <-ctx.Done():
		}
	}
}

// acquireWriter takes the database for writing.
func (s *Store) acquireWriter(ctx context.Context) (*database, error) {
	if s.readOnly {
		return nil, errReadOnly
	}
	if err := s.disk.failure(); err != nil {
		return nil, err
	}
	db, err := s.acquire(ctx)
	if err != nil || !db.durable {
		return db, err
	}
	s.release(db)
	return nil, s.disk.failure()
}

func (s *Store) release(db *database) {
	s.mu.Lock()
	db.users--
	last := db.users == 0
	s.mu.Unlock()
	if last {
		s.closeDatabase(db)
	}
}

// closeDatabase is called when nobody uses it any more. After an orderly end
// everything is in tables, so that the next process has no log to replay and a
// damaged byte cannot be taken for a write that was cut short.
func (s *Store) closeDatabase(db *database) {
	defer s.open.Done()
	if !db.durable && s.disk.failure() == nil && !s.readOnly {
		if err := db.Flush(); err != nil {
			s.disk.freeze(err)
		}
	}
	if err := db.Close(); err != nil {
		s.disk.freeze(err)
	}
}

// reading is one that sees only what is durable. take is called with nothing of
// the session under way (of any session, if it is empty), and again if writes
// fail meanwhile; it may leave an iterator, which the caller closes before it
// releases the database.
func (s *Store) reading(ctx context.Context, session string, take func(db *database) (*pebble.Iterator, error)) (*database, *pebble.Iterator, error) {
	for {
		db, err := s.acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		it, err := s.take(db, session, take)
		if !db.durable && s.disk.failure() != nil {
			err = errFailedMeanwhile
		}
		if err == nil {
			return db, it, nil
		}
		if it != nil {
			err = errors.Join(err, it.Close())
		}
		s.release(db)
		if !errors.Is(err, errFailedMeanwhile) {
			return nil, nil, err
		}
	}
}

var errFailedMeanwhile = errors.New("journal: a write failed")

func (s *Store) take(db *database, session string, take func(db *database) (*pebble.Iterator, error)) (*pebble.Iterator, error) {
	if session != "" {
		k := s.sessions.get(session)
		defer s.sessions.put(session, k)
		k.RLock()
		defer k.RUnlock()
		return take(db)
	}
	it, err := take(db)
	if err == nil && !db.durable && s.writing.Load() > 0 {
		// Pebble shows a batch before it is durable. Once this write is, all that
		// the iterator sees is: the log is in order.
		err = db.LogData(nil, pebble.Sync)
	}
	return it, err
}

// failed is called from whatever write failed first, which may be under Open.
func (s *Store) failed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.current == nil || s.current.durable {
		return
	}
	old := s.current
	s.current, s.ready = nil, make(chan struct{})
	s.open.Add(1)
	go func() {
		defer s.open.Done()
		s.release(old)
		s.disk.settle()
		s.openView()
	}()
}

// openView reads the folder as it is, up to what is known to be durable.
func (s *Store) openView() {
	db, err := pebble.Open(s.dir, viewOptions(s.options(), s.disk))
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(s.ready)
	if err != nil {
		s.lost = &journal.UnavailableError{Err: errors.Join(s.disk.failure(), err)}
		return
	}
	v := &database{DB: db, users: 1, durable: true}
	s.open.Add(1)
	if s.closed {
		go s.closeDatabase(v)
		return
	}
	s.current = v
}

// Close waits for calls under way, and closes the folder.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	s.closed = true
	db := s.current
	s.current = nil
	s.mu.Unlock()
	before := s.disk.failure()
	if db != nil {
		s.release(db)
	}
	s.open.Wait()
	err := s.lock.Close()
	if after := s.disk.failure(); before == nil && after != nil {
		return after
	}
	return err
}
