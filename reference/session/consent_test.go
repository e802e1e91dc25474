package session

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"tierlab/reference/journal"
	"tierlab/workloads"
)

// asking leaves a session in the store whose only tool call waits for a person.
func asking(t *testing.T, s *script) *memory {
	t.Helper()
	store := newMemory()
	st := begin(t, store, s, nil)
	asked := make(chan Notice, 1)
	st.Watch("s1", func(n Notice) {
		if n.Kind == Asked {
			asked <- n
		}
	})
	if err := st.Create(soon(t), Spec{ID: "s1", Task: "ask", Tools: []string{"ask"}}); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := st.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	return store
}

// goOn wakes the session and says how the call ended and how often it was made.
func goOn(t *testing.T, store *memory, s *script) (*ToolView, int) {
	t.Helper()
	st := begin(t, store, s, nil)
	v, err := st.Wait(soon(t), "s1")
	if err != nil {
		t.Fatal(err)
	}
	return &v.Steps[0].Tools[0], st.tools.runs["s1/0/0"]
}

// TestAnswerAtRest: what a person says while no runtime has the session holds
// when it is woken, once.
func TestAnswerAtRest(t *testing.T) {
	for _, ok := range []bool{true, false} {
		s := &script{turns: turns(call(`ask {}`), say("over"))}
		store := asking(t, s)
		c := Consent{Session: "s1", Step: 1, Tool: 1, OK: ok, By: "ann", Why: "since"}
		for _, wrong := range []Consent{{Session: "s1", Step: 1, Tool: 2, By: "ann"}, {Session: "s1", Step: 0, Tool: 1, By: "ann"}, {Session: "s1", Step: 1, Tool: 1}} {
			if err := Answer(soon(t), store, "here", wrong, time.Now()); err == nil {
				t.Errorf("%+v was taken", wrong)
			}
		}
		if err := Answer(soon(t), store, "here", Consent{Session: "s2", Step: 1, Tool: 1, By: "ann"}, time.Now()); !errors.Is(err, journal.ErrUnknown) {
			t.Errorf("an unknown session: %v", err)
		}
		if err := Answer(soon(t), store, "here", c, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := Answer(soon(t), store, "here", c, time.Now()); err == nil {
			t.Error("it was answered twice")
		}
		tool, runs := goOn(t, store, s)
		if tool.Verdict == nil || *tool.Verdict != (Verdict{OK: ok, By: "ann", Why: "since"}) || (tool.Status == workloads.StatusOK) != ok || (runs == 1) != ok {
			t.Errorf("approved %v: %+v, verdict %+v, %d runs", ok, tool, tool.Verdict, runs)
		}
		var ended *EndedError
		if err := Answer(soon(t), store, "here", c, time.Now()); !errors.As(err, &ended) {
			t.Errorf("after the end: %v", err)
		}
	}
}

// TestRefusalOutlivesItsProcess: a process that dies between a refusal and what
// follows from it leaves a call that is still refused.
func TestRefusalOutlivesItsProcess(t *testing.T) {
	s := &script{turns: turns(call(`ask {}`), say("over"))}
	store := asking(t, s)
	head, err := store.Own(soon(t), "s1", "gone", false)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(&approved{By: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	entry := journal.Entry{At: time.Now(), Kind: "approval", Body: body}
	if _, err := store.Append(soon(t), &journal.Batch{Session: "s1", Epoch: head.Epoch, After: head.Seq, Records: []journal.Entry{entry}}); err != nil {
		t.Fatal(err)
	}
	// The next runtime takes the session over from an owner that is no more.
	st := begin(t, store, s, nil)
	if err := st.Wake(soon(t), "s1"); err != nil {
		t.Fatal(err)
	}
	v, err := st.Wait(soon(t), "s1")
	if err != nil {
		t.Fatal(err)
	}
	if tool, runs := v.Steps[0].Tools[0], st.tools.runs["s1/0/0"]; runs != 0 || tool.Status == workloads.StatusOK {
		t.Errorf("a refused call ran %d times: %+v", runs, tool)
	}
}

// TestConsentBesideALostCall answers for a session whose process has crashed while
// another call of the same answer may have been made: that one is not made again.
func TestConsentBesideALostCall(t *testing.T) {
	s := &script{turns: turns(call(`once {}`, `ask {}`))}
	spec := Spec{ID: "s1", Task: "t", Tools: []string{"once", "ask"}}
	whole := begin(t, newMemory(), s, nil)
	asks := make(chan struct{}, 1)
	whole.Watch("s1", func(n Notice) {
		if n.Kind == Asked {
			asks <- struct{}{}
		}
	})
	if err := whole.Create(soon(t), spec); err != nil {
		t.Fatal(err)
	}
	<-asks
	at := slices.Index(whole.kinds("s1"), "approval_asked")
	store := whole.store.cut("s1", at+1)
	if err := Answer(soon(t), store, "here", Consent{Session: "s1", Step: 1, Tool: 2, OK: true, By: "me"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	st := begin(t, store, s, nil)
	v, err := st.Wait(soon(t), "s1")
	if err != nil {
		t.Fatal(err)
	}
	once, ask := v.Steps[0].Tools[0], v.Steps[0].Tools[1]
	if st.tools.runs[once.Key] != 0 || once.Status != workloads.StatusError {
		t.Errorf("the call that may have been made: %d times more, %q", st.tools.runs[once.Key], once.Status)
	}
	if st.tools.runs[ask.Key] != 1 || string(ask.Result) != `"allowed"` {
		t.Errorf("the call that was allowed: %d times, %s", st.tools.runs[ask.Key], ask.Result)
	}
}
