package faults

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/session"
	"tierlab/workloads"
)

func (c *Child) open() (*pebblestore.Store, error) {
	return pebblestore.Open(filepath.Join(c.Folder, "journal"), pebblestore.Options{})
}

// begunSessions is how many sessions there are: those below the highest number,
// and the one that it waits for a word of.
func begunSessions(ctx context.Context, c *Child) (int, error) {
	store, err := c.open()
	if err != nil {
		return 0, err
	}
	defer store.Close()
	begun := c.Live
	err = store.Sessions(ctx, "", func(h journal.Head) error {
		w, err := parseWork(h.Session)
		begun = max(begun, w.number+1)
		return err
	})
	if (work{number: begun - 1}).hears() {
		begun++
	}
	return begun, err
}

func (t *Tally) wrong(format string, args ...any) {
	if len(t.Wrong) < 100 {
		t.Wrong = append(t.Wrong, fmt.Sprintf(format, args...))
	}
}

// compare holds the killed run to F-1 to F-7.
func (t *Tally) compare(ctx context.Context, killed, calm *Child, seen, unseen *outside) error {
	a, err := killed.open()
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := calm.open()
	if err != nil {
		return err
	}
	defer b.Close()
	t.Notices = seen.notices
	keys := map[string]bool{}
	var names []string
	if err := a.Sessions(ctx, "", func(h journal.Head) error { names = append(names, h.Session); return nil }); err != nil {
		return err
	}
	for _, name := range names {
		t.Sessions++
		v, err := session.Rebuild(ctx, a, name, session.To{})
		if err != nil {
			t.wrong("F-6 %s: %v", name, err)
			continue
		}
		t.one(v, seen, keys)
		if err := t.money(ctx, a, v); err != nil {
			return err
		}
		if w, _ := parseWork(name); w.rings {
			continue
		}
		u, err := session.Rebuild(ctx, b, name, session.To{})
		if err != nil {
			return err
		}
		t.same(ctx, v, u, a, b)
	}
	t.outside(seen, unseen, keys)
	return t.till(ctx, a)
}

// one checks a session by itself.
func (t *Tally) one(v *session.View, seen *outside, keys map[string]bool) {
	id := v.Spec.ID
	if v.Status != workloads.StatusOK {
		t.wrong("F-4 %s ended with %q", id, v.Status)
	}
	have := map[string]bool{"ended " + string(v.Status): true}
	for i := range v.Messages {
		if v.Messages[i].Role == "assistant" {
			have[answerFact(v.Messages[i].Content)] = true
		}
	}
	for i := range v.Steps {
		s := &v.Steps[i]
		t.Steps++
		for k := range s.Outcome.Attempts {
			if s.Outcome.Attempts[k].Status == workloads.StatusLost {
				t.Lost++
			}
		}
		for k := range s.Tools {
			t.Tools++
			have[toolFact(s.Number, &s.Tools[k])] = true
			switch s.Tools[k].Name {
			case "deposit":
				keys[s.Tools[k].Key] = true
			case "ring":
				if s.Tools[k].Status != workloads.StatusOK {
					t.Unknown++
				}
			}
		}
	}
	for fact := range seen.facts[id] {
		if !have[fact] {
			t.wrong("F-1 %s: was told %q, and the journal does not have it", id, fact)
		}
	}
}

// same compares a session with its undisturbed twin.
func (t *Tally) same(ctx context.Context, v, u *session.View, a, b journal.Store) {
	id := v.Spec.ID
	if v.Answer != u.Answer || len(v.Messages) != len(u.Messages) {
		t.wrong("F-5 %s: %d messages and answer %q, undisturbed %d and %q", id, len(v.Messages), v.Answer, len(u.Messages), u.Answer)
		return
	}
	for i := range v.Messages {
		x, y := v.Messages[i], u.Messages[i]
		if x.Role != y.Role || x.Content != y.Content || x.CallID != y.CallID || !slices.Equal(x.Calls, y.Calls) {
			t.wrong("F-5 %s: message %d is %v, undisturbed %v", id, i, x, y)
			return
		}
	}
	x, err1 := state(ctx, a, id)
	y, err2 := state(ctx, b, id)
	if err1 != nil || err2 != nil || !slices.Equal(x, y) {
		t.wrong("F-5 %s: state %v, undisturbed %v (%v, %v)", id, x, y, err1, err2)
	}
}

func state(ctx context.Context, s journal.Store, id string) (list []string, err error) {
	err = s.List(ctx, id, "", func(p journal.Put) error {
		list = append(list, p.Key+"="+string(p.Value))
		return nil
	})
	return list, err
}

// outside checks the effects.
func (t *Tally) outside(seen, unseen *outside, keys map[string]bool) {
	for key := range keys {
		d, ok := seen.deposits[key]
		switch {
		case !ok:
			t.wrong("F-2 deposit %s is in a journal and not at the bank", key)
		case d.changed:
			t.wrong("F-2 deposit %s was asked for with two amounts", key)
		default:
			t.Deposits++
			t.DepositRequests += d.requests
			t.Again += d.requests - 1
		}
	}
	for key := range seen.deposits {
		if !keys[key] {
			t.wrong("F-2 deposit %s is at the bank and in no journal", key)
		}
	}
	for key, n := range seen.rings {
		t.Rings++
		if n != 1 {
			t.wrong("F-3 the bell rang %d times for %s", n, key)
		}
	}
	if len(unseen.deposits) != len(seen.deposits) {
		t.wrong("F-5 %d deposits, undisturbed %d", len(seen.deposits), len(unseen.deposits))
	}
}
