package jetstream

import (
	"slices"
	"strings"
	"sync"
	"time"

	"tierlab/reference/journal"
)

// view is what the stream's messages add up to, up to one of them. A node keeps
// one in memory and applies every message to it, in the stream's order.
type view struct {
	prefix string // of subjects: the stream's name and a dot
	node   string // ours

	mu       sync.RWMutex
	applied  uint64        // stream sequence up to which the view is complete but for gaps
	gaps     uint64        // how often sequences were missing: their messages had been dropped
	moved    chan struct{} // closed when applied moves
	freshAt  time.Time     // when a barrier that the view has reached was begun
	pending  []pulse       // barriers that it has not reached
	sessions map[string]*sessionView
	names    []string // of sessions, sorted; nil: to be sorted anew
	totals   map[string]journal.Totals
	members  map[string]member
	marked   ownPulse
	turnout  chan struct{} // closed when members change
}

func newView(stream, node string) *view {
	return &view{
		prefix: stream + ".", node: node, moved: make(chan struct{}), turnout: make(chan struct{}),
		sessions: map[string]*sessionView{}, totals: map[string]journal.Totals{}, members: map[string]member{},
	}
}

// load fetches a part of a base's state.
type load func(seq uint64) ([]byte, error)

// apply takes the stream's next message. An error is one of load's: the message
// has to be applied again.
func (v *view) apply(seq uint64, subject string, data []byte, fetch load) error {
	session, sort, _ := strings.Cut(strings.TrimPrefix(subject, v.prefix), ".")
	var m *message
	var problem error
	var base *baseState
	if sort == "" {
		if m, problem = decode(data); problem == nil && m.kind == baseKind {
			var err error
			if base, problem, err = readBase(m, fetch); err != nil {
				return err
			}
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq != v.applied+1 {
		v.gaps++
	}
	switch sort {
	case "":
		v.session(session).take(v, seq, m, base, problem)
	case memberSort:
		v.takeMember(session, seq, data)
	case pulseSort:
		v.takePulse(session, seq, data)
	}
	v.advance(seq)
	return nil
}

// advance says that the view has come as far as seq.
func (v *view) advance(seq uint64) {
	v.applied = seq
	v.refresh()
	close(v.moved)
	v.moved = make(chan struct{})
}

func (v *view) session(name string) *sessionView {
	s := v.sessions[name]
	if s == nil {
		s = newSessionView(name)
		v.sessions[name] = s
		v.names = nil
	}
	return s
}

// after lists the names of sessions after one, in order.
func (v *view) after(name string) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.names == nil {
		v.names = make([]string, 0, len(v.sessions))
		for n := range v.sessions {
			v.names = append(v.names, n)
		}
		slices.Sort(v.names)
	}
	i, found := slices.BinarySearch(v.names, name)
	if found {
		i++
	}
	return v.names[i:]
}

// charge adds to an account's sums, or takes away from them.
func (v *view) charge(account string, spent, reserved journal.Amount, sign int64) {
	t := v.totals[account]
	add(&t.Spent, spent, sign)
	add(&t.Reserved, reserved, sign)
	if t == (journal.Totals{}) {
		delete(v.totals, account)
		return
	}
	v.totals[account] = t
}

func add(to *journal.Amount, a journal.Amount, sign int64) {
	to.PicoUSD += sign * a.PicoUSD
	to.Steps += sign * a.Steps
	to.Tokens += sign * a.Tokens
	to.Units += sign * a.Units
}
