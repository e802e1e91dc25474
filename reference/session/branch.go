package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tierlab/reference/journal"
	"tierlab/workloads"
)

// Branch begins a session that shares another one's past and goes its own way
// from step at on, counted from 1: that is the first step that is its own. The
// past is copied, moved in time so that it ends now; nothing of it is charged
// again. The branch has no owner until a runtime wakes it.
func Branch(ctx context.Context, store journal.Store, id string, at int, newID string) error {
	if err := checkName(newID); err != nil {
		return err
	}
	if at < 1 {
		return fmt.Errorf("session %q: a branch at step %d: steps count from 1", id, at)
	}
	switch head, err := store.Head(ctx, newID); {
	case err == nil && head.Seq > 0:
		return &ExistsError{newID}
	case err != nil && !errors.Is(err, journal.ErrUnknown):
		return err
	}
	var l life
	past, err := l.history(ctx, store, id, To{Step: at, before: true})
	if err != nil {
		return err
	}
	b := journal.Batch{Session: newID}
	if err := l.copyTo(&b, past, &Origin{Session: id, Step: at, Record: l.seq}); err != nil {
		return err
	}
	if err := b.Check(); err != nil {
		return err
	}
	head, err := store.Own(ctx, newID, "", true)
	if err != nil {
		return err
	}
	if head.Seq > 0 {
		return &ExistsError{newID}
	}
	b.Epoch = head.Epoch
	last := moved{Epoch: head.Epoch}
	body, err := json.Marshal(&last)
	if err != nil {
		return err
	}
	b.Records = append(b.Records, journal.Entry{At: b.Records[len(b.Records)-1].At, Kind: last.kind(), Body: body})
	_, err = store.Append(ctx, &b)
	return err
}

// history follows a session's records and returns them.
func (l *life) history(ctx context.Context, store journal.Store, id string, to To) ([]journal.Entry, error) {
	var past []journal.Entry
	l.seen = func(r *journal.Record) { past = append(past, r.Entry) }
	defer func() { l.seen = nil }()
	err := l.replay(ctx, store, id, to)
	return past, err
}

// copyTo puts a session's past and what follows from it into a batch.
func (l *life) copyTo(b *journal.Batch, past []journal.Entry, from *Origin) error {
	shift := time.Since(l.begun.Add(l.now))
	for i := range past {
		e := past[i]
		rec, err := read(from.Session, e.Kind, uint64(i+1), e.Body)
		if err != nil {
			return err
		}
		switch r := rec.(type) { // reservations stay with whoever made them
		case *created:
			r.Spec.ID, r.Spec.Branch = b.Session, from
			e.Body, err = json.Marshal(r)
		case *routed:
			r.Hold = nil
			e.Body, err = json.Marshal(r)
		case *approved:
			r.Epoch = 0 // which counts in its own session
			e.Body, err = json.Marshal(r)
		case *started:
			continue
		}
		if err != nil {
			return err
		}
		e.At = e.At.Add(shift).Round(0)
		b.Records = append(b.Records, e)
	}
	for k, v := range l.state {
		b.Puts = append(b.Puts, journal.Put{Key: k, Value: v})
	}
	for sender, id := range l.high {
		b.Puts = append(b.Puts, journal.Put{Key: hadKey(sender), Value: fmt.Append(nil, id)})
	}
	slices.SortFunc(b.Puts, func(x, y journal.Put) int {
		if x.Key < y.Key {
			return -1
		}
		return 1
	})
	s := l.summary()
	s.Begun, s.Parent, s.Waiting = s.Begun.Add(shift), from.Session, "a process to run it"
	body, err := json.Marshal(&s)
	b.Summary = body
	return err
}

// summary is what the head of the session's journal says of it.
func (l *life) summary() Summary {
	spec := &l.created.Spec
	s := Summary{
		Begun: l.begun, Tenant: spec.Tenant, Task: beginning(spec.Task), Steps: l.machine.Done(), USD: l.machine.Cost().Total(),
	}
	if l.over {
		s.Status = l.status
	}
	if spec.Branch != nil {
		s.Parent = spec.Branch.Session
	}
	return s
}

// toolStatus is a tool call's status as a workload has it.
func toolStatus(s workloads.Status) string {
	switch s {
	case "", workloads.StatusOK:
		return ""
	case workloads.StatusTimeout:
		return "timeout"
	}
	return "error"
}
