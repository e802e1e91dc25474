package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/reference/journal"
)

// forgetful is a store with a planted bug: a writer that was fenced takes over
// the epoch of whoever fenced it.
type forgetful struct{ journal.Store }

func (f forgetful) Append(ctx context.Context, b *journal.Batch) (journal.Head, error) {
	for {
		h, err := f.Store.Append(ctx, b)
		if !errors.Is(err, journal.ErrFenced) && !errors.Is(err, journal.ErrConflict) {
			return h, err
		}
		if h, err = f.Head(ctx, b.Session); err != nil {
			return h, err
		}
		again := *b
		again.Epoch, again.After = h.Epoch, h.Seq
		b = &again
	}
}

// hasty is a store with a planted bug: it acknowledges some batches that it does
// not write.
type hasty struct {
	journal.Store
	n *int
}

func (f hasty) Append(ctx context.Context, b *journal.Batch) (journal.Head, error) {
	h, err := f.Head(ctx, b.Session)
	if *f.n++; *f.n%7 != 0 || err != nil || h.Epoch != b.Epoch || h.Seq != b.After {
		return f.Store.Append(ctx, b)
	}
	h.Seq++
	h.Hash = h.Hash.Next(h.Seq, h.Epoch, &b.Records[0])
	return h, nil
}

// stale is a store with a planted bug: it answers some reads with what it said
// the time before.
type stale struct {
	journal.Store
	last map[string]journal.Head
}

func (f stale) Head(ctx context.Context, session string) (journal.Head, error) {
	if h, ok := f.last[session]; ok {
		delete(f.last, session)
		return h, nil
	}
	h, err := f.Store.Head(ctx, session)
	f.last[session] = h
	return h, err
}

// TestChecker shows that the checker of histories finds bugs: two owners take a
// session from each other, on sound stores and on ones with a bug planted.
func TestChecker(t *testing.T) {
	first := serve(t, t.TempDir())
	second, err := Open(t.Context(), Config{URL: first.server.URL(), Node: "n2"})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	for name, wrap := range map[string]func(journal.Store) journal.Store{
		"sound":     same,
		"forgetful": func(s journal.Store) journal.Store { return forgetful{s} },
		"hasty":     func(s journal.Store) journal.Store { return hasty{s, new(int)} },
		"stale":     func(s journal.Store) journal.Store { return stale{s, map[string]journal.Head{}} },
	} {
		t.Run(name, func(t *testing.T) {
			out := &sink{}
			var owners sync.WaitGroup
			for _, s := range []*Store{first.Store, second} {
				store, hist := wrap(s), &history{node: s.node, w: out}
				owners.Go(func() { fight(t.Context(), store, hist, "fight-"+name) })
			}
			owners.Wait()
			err := verify(gather(out.lines(t)))
			if name == "sound" && err != nil {
				t.Errorf("a sound store: %v", err)
			}
			if name != "sound" && (err == nil || !strings.Contains(err.Error(), "not linearizable (Illegal)")) {
				t.Errorf("the planted bug was not found: %v", err)
			}
		})
	}
}

// fight owns a session again and again, appends to it and reads it.
func fight(ctx context.Context, s journal.Store, hist *history, session string) {
	for turn := range 15 {
		id := hist.call(line{Op: opOwn, Session: session})
		h, err := s.Own(ctx, session, hist.node, true)
		hist.returned(id, outcomeOf(err), h, err)
		for k := 0; k < 4 && err == nil; k++ {
			call := line{Op: opAppend, Session: session, Epoch: h.Epoch, Seq: h.Seq, Time: time.Now().UnixNano(), Body: fmt.Sprint(hist.node, turn, k)}
			id := hist.call(call)
			h, err = s.Append(ctx, &journal.Batch{Session: session, Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{call.entryOf()}})
			hist.returned(id, outcomeOf(err), h, err)
			pause(ctx, time.Millisecond)
		}
		id = hist.call(line{Op: opRead, Session: session})
		h, err = s.Head(ctx, session)
		hist.returned(id, outcomeOf(err), h, err)
	}
}
