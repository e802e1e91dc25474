package jetstream

import (
	"context"
	"time"

	"tierlab/reference/journal"
)

// Head implements journal.Store. After an Append of this store whose outcome was
// not known, it first closes that write's place in the stream, so that what it
// returns is final.
func (s *Store) Head(ctx context.Context, session string) (journal.Head, error) {
	if err := s.settle(ctx, session); err != nil {
		return journal.Head{}, err
	}
	if err := s.reach(ctx); err != nil {
		return journal.Head{}, err
	}
	return s.view.head(session)
}

// settle makes sure that no write of this store to a session can still arrive.
func (s *Store) settle(ctx context.Context, session string) error {
	s.mu.Lock()
	known := s.grips[session] != nil
	s.mu.Unlock()
	if !known {
		return nil
	}
	g, release, err := s.hold(session)
	if err != nil {
		return err
	}
	defer release()
	if !g.unsure {
		return nil
	}
	return s.refresh(ctx, g, session)
}

// Read implements journal.Store.
func (s *Store) Read(ctx context.Context, session string, after uint64, each func(journal.Record) error) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.read(ctx, session, after, each)
}

// Snapshot implements journal.Store.
func (s *Store) Snapshot(ctx context.Context, session string) ([]byte, uint64, error) {
	if err := s.reach(ctx); err != nil {
		return nil, 0, err
	}
	return s.snapshot(ctx, session)
}

// Get implements journal.Store.
func (s *Store) Get(ctx context.Context, session, key string) ([]byte, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.getValue(ctx, session, key)
}

// List implements journal.Store.
func (s *Store) List(ctx context.Context, session, prefix string, each func(journal.Put) error) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.listState(ctx, session, prefix, each)
}

// Due implements journal.Store.
func (s *Store) Due(ctx context.Context, until time.Time, each func(journal.Due) error) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.view.due(until, each)
}

// Outbox implements journal.Store.
func (s *Store) Outbox(ctx context.Context, session string, each func(journal.Message) error) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.view.unsent(session, each)
}

// Totals implements journal.Store.
func (s *Store) Totals(ctx context.Context, account string) (journal.Totals, error) {
	if err := s.reach(ctx); err != nil {
		return journal.Totals{}, err
	}
	return s.view.total(account), nil
}

// Sessions implements journal.Store.
func (s *Store) Sessions(ctx context.Context, after string, each func(journal.Head) error) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.view.heads(after, each)
}

// Freshness says how old this node's copy of a session may be, and the last
// record that the copy has. The age is the time since the beginning of the latest
// barrier that the copy has reached: everything acknowledged before that is in
// it. A copy that has never reached one, which Open does, has the largest age.
func (s *Store) Freshness(session string) (age time.Duration, seq uint64, err error) {
	v := s.view
	err = v.look(session, func(sv *sessionView) { seq = sv.head.Seq })
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.freshAt.IsZero() {
		return 1<<63 - 1, seq, err
	}
	return time.Since(v.freshAt), seq, err
}

// Local is the same store with reads of this node's copy as it stands, without
// asking any other node. They may be behind, by Freshness.
func (s *Store) Local() *Local { return &Local{s} }

// Local reads a node's own copy; its writes and Close are the store's.
type Local struct{ *Store }

var _ journal.Store = (*Local)(nil)

// Head implements journal.Store.
func (l *Local) Head(_ context.Context, session string) (journal.Head, error) {
	return l.view.head(session)
}

// Read implements journal.Store.
func (l *Local) Read(ctx context.Context, session string, after uint64, each func(journal.Record) error) error {
	return l.read(ctx, session, after, each)
}

// Snapshot implements journal.Store.
func (l *Local) Snapshot(ctx context.Context, session string) ([]byte, uint64, error) {
	return l.snapshot(ctx, session)
}

// Get implements journal.Store.
func (l *Local) Get(ctx context.Context, session, key string) ([]byte, error) {
	return l.getValue(ctx, session, key)
}

// List implements journal.Store.
func (l *Local) List(ctx context.Context, session, prefix string, each func(journal.Put) error) error {
	return l.listState(ctx, session, prefix, each)
}

// Due implements journal.Store.
func (l *Local) Due(_ context.Context, until time.Time, each func(journal.Due) error) error {
	return l.view.due(until, each)
}

// Outbox implements journal.Store.
func (l *Local) Outbox(_ context.Context, session string, each func(journal.Message) error) error {
	return l.view.unsent(session, each)
}

// Totals implements journal.Store.
func (l *Local) Totals(_ context.Context, account string) (journal.Totals, error) {
	return l.view.total(account), nil
}

// Sessions implements journal.Store.
func (l *Local) Sessions(_ context.Context, after string, each func(journal.Head) error) error {
	return l.view.heads(after, each)
}
