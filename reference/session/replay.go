package session

import (
	"context"
	"errors"
	"fmt"

	"tierlab/reference/journal"
)

// To is how far to follow a session's records; the zero To is to the last.
type To struct {
	// Step, from 1, is the last to be followed: to its end.
	Step int
	// Record is the last record to be followed.
	Record uint64
	// before stops where Step begins.
	before bool
}

// Rebuild shows a session as its journal has it, at any point of its life. It
// needs nothing but the store, and does not disturb the session's owner.
func Rebuild(ctx context.Context, store journal.Store, id string, to To) (*View, error) {
	head, err := store.Head(ctx, id)
	if err != nil {
		return nil, err
	}
	var l life
	if err := l.replay(ctx, store, id, to); err != nil {
		return nil, err
	}
	v := l.view()
	v.Owner, v.Epoch = head.Owner, head.Epoch
	return v, nil
}

// replay follows a session's records: those of its snapshot, then those of the
// journal behind it.
func (l *life) replay(ctx context.Context, store journal.Store, id string, to To) error {
	reached := false
	each := func(r *journal.Record) error {
		if err := l.follow(id, r); err != nil {
			return err
		}
		if reached = l.at(to); reached {
			return journal.ErrStop
		}
		return nil
	}
	body, after, err := store.Snapshot(ctx, id)
	if err == nil && body != nil {
		err = unpack(id, after, body, each)
	} else {
		after = 0
	}
	if err == nil {
		err = store.Read(ctx, id, after, func(r journal.Record) error { return each(&r) })
	}
	switch {
	case err != nil && !errors.Is(err, journal.ErrStop):
		return err
	case reached || to == To{}:
		return l.whole(id)
	case to.Step > 0:
		return fmt.Errorf("session %q: step %d is not there: it has come to step %d", id, to.Step, len(l.steps))
	}
	return fmt.Errorf("session %q: record %d is not there: its last is %d", id, to.Record, l.seq)
}

// whole says whether there is a session.
func (l *life) whole(id string) error {
	if l.seq == 0 {
		return fmt.Errorf("session %q: its journal has no record", id)
	}
	return nil
}

// at says that a point has been reached.
func (l *life) at(to To) bool {
	if to.Step > 0 {
		s := to.Step - 1
		return s < len(l.steps) && (l.steps[s].over || to.before && l.steps[s].begun)
	}
	return to.Record > 0 && l.seq >= to.Record
}

// follow applies a record as the journal has it.
func (l *life) follow(id string, r *journal.Record) error {
	rec, err := read(id, r.Kind, r.Seq, r.Body)
	if err != nil {
		return err
	}
	if l.created.Key == 0 {
		if _, first := rec.(*created); !first {
			return &journal.CorruptError{Session: id, Seq: r.Seq, Problem: fmt.Sprintf("the session begins with a record of kind %q", r.Kind)}
		}
		l.begun = r.At
	}
	if l.seen != nil {
		l.seen(r)
	}
	l.take(r.Seq, r.At.Sub(l.begun), rec)
	l.effects = l.effects[:0]
	return l.err
}
