package jetstream

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tierlab/reference/journal"
)

// find is a session's view. It may come with an error, and is nil if there is
// no such session. The caller holds mu.
func (v *view) find(session string) (*sessionView, error) {
	s := v.sessions[session]
	switch {
	case s == nil:
		return nil, fmt.Errorf("%w: %q", journal.ErrUnknown, session)
	case s.problem != nil:
		return s, s.problem
	case s.orphan:
		return s, &journal.CorruptError{Session: session, Seq: s.head.Seq + 1, Problem: "messages are missing from the stream"}
	case s.head.Epoch == 0:
		return s, fmt.Errorf("%w: %q", journal.ErrUnknown, session)
	}
	return s, nil
}

// look calls with a session's view while it cannot change.
func (v *view) look(session string, with func(*sessionView)) error {
	if err := journal.CheckSession(session); err != nil {
		return err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	s, err := v.find(session)
	if err == nil {
		with(s)
	}
	return err
}

func (v *view) head(session string) (h journal.Head, err error) {
	err = v.look(session, func(s *sessionView) { h = s.copyHead() })
	return h, err
}

func (s *sessionView) copyHead() journal.Head {
	h := s.head
	h.Summary = bytes.Clone(h.Summary)
	return h
}

// stop turns ErrStop into the end of an iteration.
func stop(err error) error {
	if errors.Is(err, journal.ErrStop) {
		return nil
	}
	return err
}

// value is a cell's value.
func (s *Store) value(ctx context.Context, c cell) ([]byte, error) {
	if c.seq == 0 {
		return bytes.Clone(c.value), nil
	}
	m, err := s.message(ctx, c.seq)
	if err != nil {
		return nil, err
	}
	if c.index < 0 {
		return m.body, nil
	}
	if m.kind != batchKind || c.index >= len(m.batch.Puts) {
		return nil, fmt.Errorf("jetstream: message %d of stream %q holds no put %d", c.seq, s.wire.name, c.index+1)
	}
	return m.batch.Puts[c.index].Value, nil
}

func (s *Store) message(ctx context.Context, seq uint64) (*message, error) {
	data, err := s.wire.get(ctx, seq)
	if err != nil {
		return nil, err
	}
	return decode(data)
}

// current tries to read a message that a session's view points to. That fails if
// the session is compacted meanwhile, and is then tried again, up to the store's
// timeout.
func (s *Store) current(ctx context.Context, session string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil || errors.Is(err, journal.ErrUnknown) || isProblem(err) {
			return err
		}
		if pause(ctx, lastPoll) != nil {
			return s.unavailable(fmt.Errorf("session %q: %w", session, err))
		}
	}
}

func isProblem(err error) bool {
	var corrupt *journal.CorruptError
	var newer *journal.VersionError
	return errors.As(err, &corrupt) || errors.As(err, &newer)
}

func (s *Store) getValue(ctx context.Context, session, key string) (value []byte, err error) {
	err = s.current(ctx, session, func(ctx context.Context) error {
		var c cell
		if err := s.view.look(session, func(v *sessionView) { c = v.state[key] }); err != nil {
			return err
		}
		value, err = s.value(ctx, c)
		return err
	})
	return value, err
}

func (s *Store) listState(ctx context.Context, session, prefix string, each func(journal.Put) error) error {
	var keys []string
	err := s.view.look(session, func(v *sessionView) {
		for k := range v.state {
			if strings.HasPrefix(k, prefix) {
				keys = append(keys, k)
			}
		}
	})
	slices.Sort(keys)
	for _, k := range keys {
		value, err := s.getValue(ctx, session, k)
		if err != nil {
			return err
		}
		if value == nil { // deleted since
			continue
		}
		if err := each(journal.Put{Key: k, Value: value}); err != nil {
			return stop(err)
		}
	}
	return err
}

func (s *Store) snapshot(ctx context.Context, session string) (body []byte, seq uint64, err error) {
	err = s.current(ctx, session, func(ctx context.Context) error {
		var at uint64
		if err := s.view.look(session, func(v *sessionView) { seq, at = v.head.Snapshot, v.snapshot }); err != nil || at == 0 {
			return err
		}
		m, err := s.message(ctx, at)
		if err == nil && m.kind == batchKind {
			body = m.batch.Snapshot
		}
		return err
	})
	return body, seq, err
}

func (v *view) due(until time.Time, each func(journal.Due) error) error {
	var due []journal.Due
	v.mu.RLock()
	for name, s := range v.sessions {
		for timer, at := range s.timers {
			if !at.After(until) {
				due = append(due, journal.Due{Session: name, Timer: journal.Timer{Name: timer, At: at}})
			}
		}
	}
	v.mu.RUnlock()
	slices.SortFunc(due, func(a, b journal.Due) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Name, b.Name))
	})
	return call(due, each)
}

func (v *view) unsent(session string, each func(journal.Message) error) error {
	var list []journal.Message
	gather := func(s *sessionView) {
		for _, id := range slices.Sorted(maps.Keys(s.outbox)) {
			m := s.outbox[id]
			m.Body = bytes.Clone(m.Body)
			list = append(list, m)
		}
	}
	if session != "" {
		if err := v.look(session, gather); err != nil {
			return err
		}
		return call(list, each)
	}
	names := v.after("")
	v.mu.RLock()
	for _, n := range names {
		if s := v.sessions[n]; len(s.outbox) > 0 {
			gather(s)
		}
	}
	v.mu.RUnlock()
	return call(list, each)
}

func call[T any](list []T, each func(T) error) error {
	for _, x := range list {
		if err := each(x); err != nil {
			return stop(err)
		}
	}
	return nil
}

func (v *view) total(account string) journal.Totals {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.totals[account]
}

func (v *view) heads(after string, each func(journal.Head) error) error {
	for _, name := range v.after(after) {
		h, err := v.head(name)
		if errors.Is(err, journal.ErrUnknown) {
			continue
		}
		if err == nil {
			err = each(h)
		}
		if err != nil {
			return stop(err)
		}
	}
	return nil
}
