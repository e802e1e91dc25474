package session

import (
	"bytes"
	"testing"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
)

// TestSwitchesAreNoSession: the ledger's own journal is not woken, exported or taken
// for a session's name.
func TestSwitchesAreNoSession(t *testing.T) {
	store, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	books, err := ledger.Open(t.Context(), store, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := books.Kill(t.Context(), ledger.Switch{Scope: "tool/rm", Why: "test", By: "me", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	cfg := newConfig(nil, &script{turns: turns(say("done"))}, newToolbox())
	cfg.Store, cfg.Ledger = store, books
	rt, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close(t.Context())
	if n, err := rt.Recover(t.Context()); n != 0 || err != nil {
		t.Errorf("woke %d sessions, %v", n, err)
	}
	if err := rt.Create(t.Context(), Spec{ID: ledger.SwitchSession, Task: "x"}); err == nil {
		t.Error("a session took the name of the switches")
	}
	if err := rt.Create(t.Context(), Spec{ID: "s", Task: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := rt.Wait(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Export(t.Context(), store, nil, &b); err != nil || !bytes.Contains(b.Bytes(), []byte(`"session","id":"s"`)) {
		t.Errorf("export: %v\n%s", err, b.String())
	}
	heads := 0
	_ = store.Sessions(t.Context(), "", func(journal.Head) error { heads++; return nil })
	if heads != 2 {
		t.Errorf("%d journals, want 2", heads)
	}
}
