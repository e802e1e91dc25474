package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tierlab/reference/journal"
	"tierlab/workloads"
)

// TestTimerOutlivesTheProcess has a recorded session hibernate while its user
// thinks, and another process wake it when that is over.
func TestTimerOutlivesTheProcess(t *testing.T) {
	think := 300 * time.Millisecond
	store := newMemory()
	quick := func(c *Config) { c.Hibernate = 10 * time.Millisecond }
	first := begin(t, store, &script{turns: turns()}, quick)
	if err := first.Create(soon(t), Spec{ID: "s1", Recorded: pause(think)}); err != nil {
		t.Fatal(err)
	}
	first.asleep(t, "s1")
	if n, err := first.Recover(soon(t)); n != 0 || err != nil {
		t.Errorf("Recover woke %d that hibernate: %v", n, err)
	}
	if err := first.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	second := begin(t, store, &script{turns: turns()}, quick)
	over := make(chan Notice, 1)
	second.Watch("s1", func(n Notice) {
		if n.Kind == Ended {
			over <- n
		}
	})
	select {
	case n := <-over:
		if n.Outcome.Status != workloads.StatusOK || n.Outcome.Result.Split.Think.D() < think {
			t.Errorf("%+v", n.Outcome)
		}
	case <-soon(t).Done():
		t.Fatal("nothing woke it")
	}
}

func TestJournalsFromElsewhere(t *testing.T) {
	for _, c := range []struct {
		name, kind, body, want string
		newer                  bool
	}{
		{"a kind", "dreamt", `{}`, "record 3 (dreamt)", false},
		{"a version", "routed", `{"v":2,"s":"a word"}`, "record 3 (routed)", true},
		{"no JSON", "routed", `{"s":`, "record 3", false},
	} {
		st := begin(t, newMemory(), sums(), nil)
		whole := st.must(t, errand)
		store := st.store.cut("s1", 2)
		head, _ := store.Head(soon(t), "s1")
		_, err := store.Append(soon(t), &journal.Batch{
			Session: "s1", Epoch: head.Epoch, After: 2,
			Records: []journal.Entry{{At: whole.Begun.Add(time.Second), Kind: c.kind, Body: []byte(c.body)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		other := begin(t, store, sums(), nil)
		err = other.Wake(soon(t), "s1")
		var version *journal.VersionError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &version) != c.newer {
			t.Errorf("%s: %v", c.name, err)
		}
		if after, _ := store.Head(context.Background(), "s1"); after.Seq != 3 {
			t.Errorf("%s: %d records now", c.name, after.Seq)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	st := begin(t, newMemory(), sums(), nil)
	for _, spec := range []Spec{
		{ID: "a b", Task: "t"},
		{ID: "s1"},
		{ID: "s1", Task: "t", Tools: []string{"nothing"}},
		{ID: "s1", Task: "t", Origin: "Atlantis"},
		{ID: "s1", Recorded: &Recorded{Session: workloads.Session{ID: "r"}}},
		{ID: "s1", Task: "t", Recorded: &Recorded{Session: workloads.Session{ID: "r"}, Steps: []workloads.Step{{ID: "1"}}}},
	} {
		if err := st.Create(soon(t), spec); err == nil {
			t.Errorf("%+v was taken", spec)
		}
	}
	if _, err := st.store.Head(soon(t), "s1"); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("something was written: %v", err)
	}
}
