package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tierlab/reference/journal"
)

// SwitchSession is the journal that keeps the switches. No session may be called
// that, and it never needs to be woken.
const SwitchSession = "ledger-switches"

// Switch stops everything of one scope, or lets it go on.
type Switch struct {
	Scope string    `json:"scope"` // session/NAME, tenant/NAME or tool/NAME
	Why   string    `json:"why,omitempty"`
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`
}

// KilledError says that a switch is off for what was asked.
type KilledError struct {
	Scope string // session/NAME, tenant/NAME, tool/NAME
	Why   string
}

func (e *KilledError) Error() string {
	return fmt.Sprintf("ledger: %s was stopped: %s", e.Scope, e.Why)
}

// NotKilledError says that what was to be revived is not stopped.
type NotKilledError struct{ Scope string }

func (e *NotKilledError) Error() string { return fmt.Sprintf("ledger: %s is not stopped", e.Scope) }

// The kinds of the switches' records; the body is a Switch in JSON.
const (
	killRecord   = "kill"
	reviveRecord = "revive"
)

// switchJournal is where the switches' journal stands. Its owner is whoever wrote
// last.
type switchJournal struct {
	mu    sync.Mutex
	epoch uint64 // 0: not owned
	seq   uint64 // of the last record that is in memory
}

// CheckScope says what is wrong with the name of what a switch stops.
func CheckScope(scope string) error {
	kind, name, _ := strings.Cut(scope, "/")
	if !slices.Contains([]string{"session", "tenant", "tool"}, kind) || name == "" {
		return fmt.Errorf("ledger: scope %q: want session/NAME, tenant/NAME or tool/NAME", scope)
	}
	return nil
}

// Kill stops a scope: when it returns, Reserve refuses it. It is in effect in this
// process even where the error says that it could not be made durable.
func (l *Ledger) Kill(ctx context.Context, s Switch) error {
	if err := checkSwitch(&s); err != nil {
		return err
	}
	l.turn(s, true)
	err := l.record(ctx, killRecord, s)
	l.turn(s, true) // whatever else came in from the journal
	return err
}

// Revive lets a scope go on, once that is durable. A scope that was not stopped is
// a *NotKilledError.
func (l *Ledger) Revive(ctx context.Context, s Switch) error {
	if err := checkSwitch(&s); err != nil {
		return err
	}
	l.mu.Lock()
	_, off := l.off[s.Scope]
	l.mu.Unlock()
	if !off {
		return &NotKilledError{s.Scope}
	}
	if err := l.record(ctx, reviveRecord, s); err != nil {
		return err
	}
	l.turn(s, false)
	return nil
}

func checkSwitch(s *Switch) error {
	if err := CheckScope(s.Scope); err != nil {
		return err
	}
	if s.Why == "" || s.By == "" || s.At.IsZero() {
		return fmt.Errorf("ledger: %s: a switch needs a reason, a person and a time", s.Scope)
	}
	return nil
}

// Stopped lists what is stopped, by scope.
func (l *Ledger) Stopped() []Switch {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []Switch
	for _, s := range l.off {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Switch) int { return strings.Compare(a.Scope, b.Scope) })
	return list
}

// Allowed is a *KilledError if a switch is off for the session, the tenant or the
// tool of a request. Reserve asks it before every effect.
func (l *Ledger) Allowed(r Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.killed(&r)
}

func (l *Ledger) killed(r *Request) error {
	for _, scope := range [...]string{"session/" + r.Session, "tenant/" + tenantName(r.Tenant), "tool/" + r.Tool} {
		if s, off := l.off[scope]; off {
			return &KilledError{Scope: scope, Why: s.Why}
		}
	}
	return nil
}

func (l *Ledger) turn(s Switch, off bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if off {
		l.off[s.Scope] = s
	} else {
		delete(l.off, s.Scope)
	}
}

// record writes a switch into its journal, taking the journal over if this process
// is not its owner.
func (l *Ledger) record(ctx context.Context, kind string, s Switch) error {
	if l.store == nil {
		return nil
	}
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	j := &l.switches
	j.mu.Lock()
	defer j.mu.Unlock()
	for range 3 {
		if j.epoch == 0 {
			head, err := l.store.Own(ctx, SwitchSession, "ledger "+l.cfg.Node, true)
			if err != nil {
				return fmt.Errorf("ledger: %s of %s: %w", kind, s.Scope, err)
			}
			if err := l.readSwitches(ctx); err != nil {
				return err
			}
			j.epoch = head.Epoch
		}
		head, err := l.store.Append(ctx, &journal.Batch{
			Session: SwitchSession, Epoch: j.epoch, After: j.seq,
			Records: []journal.Entry{{At: s.At, Kind: kind, Body: body}},
		})
		if err == nil {
			j.seq = head.Seq
			return nil
		}
		j.epoch = 0
		if !errors.Is(err, journal.ErrFenced) && !errors.Is(err, journal.ErrConflict) {
			return fmt.Errorf("ledger: %s of %s: %w", kind, s.Scope, err)
		}
	}
	return fmt.Errorf("ledger: %s of %s: %w", kind, s.Scope, journal.ErrFenced)
}

// loadSwitches reads the switches as they were left.
func (l *Ledger) loadSwitches(ctx context.Context) error {
	l.switches.mu.Lock()
	defer l.switches.mu.Unlock()
	if _, err := l.store.Head(ctx, SwitchSession); errors.Is(err, journal.ErrUnknown) {
		return nil
	}
	return l.readSwitches(ctx)
}

// readSwitches takes the records in that are not in memory yet.
func (l *Ledger) readSwitches(ctx context.Context) error {
	return Audit(ctx, l.store, l.switches.seq, func(seq uint64, s Switch, off bool) {
		l.turn(s, off)
		l.switches.seq = seq
	})
}

// Audit calls each with every turn of a switch after a record, in order.
func Audit(ctx context.Context, store journal.Store, after uint64, each func(seq uint64, s Switch, off bool)) error {
	return store.Read(ctx, SwitchSession, after, func(r journal.Record) error {
		var s Switch
		err := json.Unmarshal(r.Body, &s)
		if err == nil {
			err = CheckScope(s.Scope)
		}
		if err == nil && r.Kind != killRecord && r.Kind != reviveRecord {
			err = fmt.Errorf("unknown kind %q", r.Kind)
		}
		if err != nil {
			return &journal.CorruptError{Session: SwitchSession, Seq: r.Seq, Problem: err.Error()}
		}
		each(r.Seq, s, r.Kind == killRecord)
		return nil
	})
}
