package ledger

import (
	"context"
	"errors"
	"testing"
	"time"

	"tierlab/reference/journal"
)

func turned(scope string) Switch {
	return Switch{Scope: scope, Why: "runs away", By: "ann", At: noon}
}

func TestKillSwitches(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	l := open(t, m, Config{})
	r := Request{Session: "s", Tenant: "acme", Tool: "rm"}
	for _, scope := range []string{"session/s", "tenant/acme", "tool/rm"} {
		if err := l.Kill(ctx, turned(scope)); err != nil {
			t.Fatal(err)
		}
		for _, l := range []*Ledger{l, open(t, m, Config{})} { // the next process has it too
			var killed *KilledError
			if _, err := l.Reserve(noon, r); !errors.As(err, &killed) || killed.Scope != scope || killed.Why != "runs away" {
				t.Errorf("%s is off, and Reserve says %v", scope, err)
			}
			if _, err := l.Reserve(noon, Request{Session: "other", Tenant: "other", Tool: "ls"}); err != nil {
				t.Errorf("%s is off, and others are refused: %v", scope, err)
			}
		}
		if err := l.Revive(ctx, turned(scope)); err != nil {
			t.Fatal(err)
		}
		if err := open(t, m, Config{}).Allowed(r); err != nil {
			t.Errorf("after Revive: %v", err)
		}
	}
	var trail []string
	err := Audit(ctx, m, 0, func(_ uint64, s Switch, off bool) {
		trail = append(trail, map[bool]string{true: "kill ", false: "revive "}[off]+s.Scope+" by "+s.By)
	})
	if err != nil || len(trail) != 6 || trail[0] != "kill session/s by ann" || trail[5] != "revive tool/rm by ann" {
		t.Errorf("audit trail %q, %v", trail, err)
	}
}

// TestSwitchesOfTwoWriters lets two processes write switches in turn: each takes
// the journal over and has read what the other wrote.
func TestSwitchesOfTwoWriters(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	a, b := open(t, m, Config{Node: "a"}), open(t, m, Config{Node: "b"})
	for i, l := range []*Ledger{a, b, a, b} {
		if err := l.Kill(ctx, turned([]string{"tool/1", "tool/2", "tool/3", "tool/4"}[i])); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Stopped(); len(got) != 4 || got[0].Scope != "tool/1" || !got[0].At.Equal(noon) {
		t.Errorf("the last writer knows of %+v", got)
	}
	if err := a.Revive(ctx, turned("tool/3")); err != nil {
		t.Fatal(err)
	}
	if err := b.Kill(ctx, turned("tool/3")); err != nil { // reads that it was revived, then stops it again
		t.Fatal(err)
	}
	if b.Allowed(Request{Tool: "tool"}) != nil || b.Allowed(Request{Tool: "3"}) == nil {
		t.Error("a switch that was turned back in between is not off")
	}
}

func TestSwitchFaults(t *testing.T) {
	ctx := context.Background()
	m := newMemory()
	l := open(t, m, Config{})
	for _, s := range []Switch{
		{}, turned("s"), turned("agent/s"), turned("tool/"),
		{Scope: "tool/rm", By: "ann", At: noon}, {Scope: "tool/rm", Why: "x", At: noon}, {Scope: "tool/rm", Why: "x", By: "ann"},
	} {
		if l.Kill(ctx, s) == nil || l.Revive(ctx, s) == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	if err := l.Revive(ctx, turned("tool/rm")); err == nil {
		t.Error("a switch was turned back that was not off")
	}
	// A write that fails leaves a kill in effect here, and a revival without effect.
	m.fail = &journal.UnavailableError{Err: errors.New("disk full")}
	var unavailable *journal.UnavailableError
	if err := l.Kill(ctx, turned("tool/rm")); !errors.As(err, &unavailable) {
		t.Errorf("a kill on a full disk: %v", err)
	}
	if l.Allowed(Request{Tool: "rm"}) == nil {
		t.Error("a kill that is not durable has no effect")
	}
	m.fail = &journal.UnavailableError{Err: errors.New("disk full")}
	if err := l.Revive(ctx, turned("tool/rm")); err == nil || l.Allowed(Request{Tool: "rm"}) == nil {
		t.Errorf("a revival on a full disk: %v", err)
	}
	m.records = append(m.records, journal.Record{Seq: 1, Entry: journal.Entry{At: time.Now(), Kind: "pause", Body: []byte(`{"scope":"tool/rm"}`)}})
	m.epoch++
	var corrupt *journal.CorruptError
	if _, err := Open(ctx, m, Config{}); !errors.As(err, &corrupt) || corrupt.Seq != 1 {
		t.Errorf("a record of unknown kind: %v", err)
	}
}
