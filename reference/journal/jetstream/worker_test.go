package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/session/placement"
)

// worker is one node's load: it takes sessions as its placement says, appends to
// those that it has, and reads all, and writes down what it did.
type worker struct {
	node    string
	local   *Local
	store   journal.Store
	hist    *history
	place   *placement.Placement
	every   time.Duration // between appends to a session
	life    context.Context
	end     context.CancelFunc
	running sync.WaitGroup
	driving sync.WaitGroup

	mu     sync.Mutex
	prefix string // of the sessions that are worked on
	loops  map[string]*loop
}

// loop is one that appends to a session.
type loop struct{ stop context.CancelFunc }

func newWorker(node string, s *Store, store journal.Store, hist *history, every time.Duration) (*worker, error) {
	w := &worker{node: node, local: s.Local(), store: store, hist: hist, every: every, loops: map[string]*loop{}, prefix: "none"}
	w.life, w.end = context.WithCancel(context.Background())
	var err error
	w.place, err = placement.New(placement.Config{
		Node: node, Log: s, Sessions: w.local.Sessions, Take: w.take, Drop: w.drop,
		Wanted: func(h journal.Head) bool { return w.wants(h.Session) },
	})
	if err != nil {
		return nil, err
	}
	w.running.Go(func() { w.place.Run(w.life) })
	w.running.Go(w.readAll)
	return w, nil
}

func (w *worker) wants(session string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.HasPrefix(session, w.prefix)
}

// round begins a round: the sessions that begin with prefix are worked on, and
// those named are made.
func (w *worker) round(prefix string, sessions []string) {
	w.mu.Lock()
	w.prefix = prefix
	w.mu.Unlock()
	for _, s := range sessions {
		w.running.Go(func() {
			for w.life.Err() == nil && w.wants(s) && w.take(w.life, s) != nil {
				pause(w.life, 100*time.Millisecond)
			}
		})
	}
}

// rest ends all loops, and then reads every session once more.
func (w *worker) rest(sessions []string) {
	w.mu.Lock()
	w.prefix = "none"
	for _, l := range w.loops {
		l.stop()
	}
	w.mu.Unlock()
	w.driving.Wait()
	for _, s := range sessions {
		w.read(s)
	}
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return outOK
	case errors.Is(err, journal.ErrFenced):
		return outFenced
	case errors.Is(err, journal.ErrConflict):
		return outConflict
	}
	return outUnknown
}

func (w *worker) take(ctx context.Context, session string) error {
	w.mu.Lock()
	_, here := w.loops[session]
	w.mu.Unlock()
	if here {
		return nil
	}
	id := w.hist.call(line{Op: opOwn, Session: session})
	h, err := w.store.Own(ctx, session, w.node, true)
	w.hist.returned(id, outcomeOf(err), h, err)
	if err != nil {
		return err
	}
	w.place.Adopt(session, h.Epoch)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, here := w.loops[session]; here || !strings.HasPrefix(session, w.prefix) {
		return nil
	}
	running, stop := context.WithCancel(w.life)
	l := &loop{stop}
	w.loops[session] = l
	w.driving.Go(func() {
		w.drive(running, h)
		stop()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.loops[session] == l {
			delete(w.loops, session)
		}
	})
	return nil
}

// drop ends a loop, because another node owns its session.
func (w *worker) drop(session string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.loops[session]; l != nil {
		l.stop()
		delete(w.loops, session)
	}
}

// drive appends to a session until it is dropped or fenced.
func (w *worker) drive(ctx context.Context, h journal.Head) {
	for n := 0; ctx.Err() == nil; n++ {
		now := time.Now().UnixNano()
		call := line{Op: opAppend, Session: h.Session, Epoch: h.Epoch, Seq: h.Seq, Time: now, Body: fmt.Sprintf("%s %d %d", w.node, h.Epoch, n)}
		id := w.hist.call(call)
		next, err := w.store.Append(context.Background(), &journal.Batch{Session: h.Session, Epoch: h.Epoch, After: h.Seq, Records: []journal.Entry{call.entryOf()}})
		w.hist.returned(id, outcomeOf(err), next, err)
		if err != nil {
			if next, err = w.read(h.Session); err != nil {
				pause(ctx, 100*time.Millisecond)
				continue
			}
			// This node may have taken the session twice at once: it is its own
			// then, under the later epoch, and nobody else would write to it.
			if next.Epoch != h.Epoch && next.Owner != w.node {
				return
			}
		}
		h = next
		pause(ctx, w.every)
	}
}

func (w *worker) read(session string) (journal.Head, error) {
	id := w.hist.call(line{Op: opRead, Session: session})
	h, err := w.store.Head(context.Background(), session)
	w.hist.returned(id, outcomeOf(err), h, err)
	return h, err
}

// readAll reads any of the sessions, this node's or not, ten times a second.
func (w *worker) readAll() {
	for pause(w.life, 100*time.Millisecond) == nil {
		var names []string
		w.local.Sessions(w.life, "", func(h journal.Head) error {
			if w.wants(h.Session) {
				names = append(names, h.Session)
			}
			return nil
		})
		if len(names) > 0 {
			w.read(names[rand.IntN(len(names))])
		}
	}
}

// leave lets go of all sessions and says so, as a node does that is stopped.
func (w *worker) leave() error {
	w.mu.Lock()
	w.prefix = "none"
	for _, l := range w.loops {
		l.stop()
	}
	w.mu.Unlock()
	w.driving.Wait()
	err := w.place.Leave(context.Background())
	w.end()
	w.running.Wait()
	return err
}
