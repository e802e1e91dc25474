package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/workloads"
)

// sums is a session that adds up over four steps.
func sums() *script {
	return &script{turns: turns(call(`add {"n":2}`), call(`echo {"a":1}`, `add {"n":3}`), call(`add {"n":5}`), say("ten"))}
}

func TestBranchSharesThePast(t *testing.T) {
	st := begin(t, newMemory(), sums(), nil)
	whole := st.must(t, errand)
	for at := 1; at <= 4; at++ {
		name := fmt.Sprint("b", at)
		if err := Branch(soon(t), st.store, "s1", at, name); err != nil {
			t.Fatal(err)
		}
		was, err := Rebuild(soon(t), st.store, name, To{})
		if err != nil {
			t.Fatal(err)
		}
		then, err := Rebuild(soon(t), st.store, "s1", To{Record: was.Spec.Branch.Record})
		if err != nil {
			t.Fatal(err)
		}
		if was.Digest != then.Digest || len(was.Steps) != at || string(was.State["sum"]) != string(then.State["sum"]) {
			t.Errorf("branch at %d: digest %x, %d steps, sum %s; the original had %x, %d, %s", at,
				was.Digest, len(was.Steps), was.State["sum"], then.Digest, len(then.Steps), then.State["sum"])
		}
		got, err := st.Wait(soon(t), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := same(got, whole); err != nil {
			t.Errorf("branch at %d: %v", at, err)
		}
		if n := st.script.calls[fmt.Sprintf("%s/%d", name, at-2)]; at > 1 && n > 0 {
			t.Errorf("branch at %d: a step of the past was called again", at)
		}
	}
	if err := Branch(soon(t), st.store, "s1", 9, "b9"); err == nil {
		t.Error("a branch at a step that is not there was made")
	}
	if err := Branch(soon(t), st.store, "s1", 1, "b1"); err == nil {
		t.Error("a branch took the place of a session")
	}
}

func TestRebuildAtEachStep(t *testing.T) {
	st := begin(t, newMemory(), sums(), nil)
	whole := st.must(t, errand)
	for n, sum := range []string{"2", "5", "10", "10"} {
		v, err := Rebuild(soon(t), st.store, "s1", To{Step: n + 1})
		if err != nil {
			t.Fatal(err)
		}
		if string(v.State["sum"]) != sum || len(v.Steps[n].Tools) != len(whole.Steps[n].Tools) || v.Steps[n].Outcome.Status != workloads.StatusOK {
			t.Errorf("step %d: sum %s, want %s; %+v", n+1, v.State["sum"], sum, v.Steps[n])
		}
	}
}

func TestSnapshotsAndCompaction(t *testing.T) {
	st := begin(t, newMemory(), sums(), func(c *Config) { c.Snapshot = 5 })
	whole := st.must(t, errand)
	head, _ := st.store.Head(soon(t), "s1")
	if head.Snapshot < 5 {
		t.Fatalf("the snapshot includes %d records", head.Snapshot)
	}
	if err := st.store.Compact(soon(t), "s1", head.Epoch); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		if _, err := Rebuild(soon(t), st.store, "s1", To{Step: n}); err != nil {
			t.Errorf("step %d after compaction: %v", n, err)
		}
	}
	v, err := Rebuild(soon(t), st.store, "s1", To{})
	if err != nil || v.Digest != whole.Digest || same(v, whole) != nil {
		t.Errorf("after compaction: %v, %v", err, same(v, whole))
	}
	if err := Branch(soon(t), st.store, "s1", 2, "b"); err != nil {
		t.Error(err)
	}
}

func TestExportIsAWorkload(t *testing.T) {
	st := begin(t, newMemory(), sums(), nil)
	st.must(t, errand)
	second := errand
	second.ID = "s2"
	st.must(t, second)
	var out bytes.Buffer
	if err := Export(soon(t), st.store, nil, &out); err != nil {
		t.Fatal(err)
	}
	lib, err := workloads.ReadLibrary(bytes.NewReader(out.Bytes()), "exported")
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if len(lib.Sessions) != 2 || len(lib.Sessions[0].Steps) != 4 || lib.Sessions[0].Tools != 4 {
		t.Errorf("%d sessions, %d steps, %d tools", len(lib.Sessions), len(lib.Sessions[0].Steps), lib.Sessions[0].Tools)
	}
	for i, n := range lib.Sessions[0].Steps {
		if i > 0 && n.Keep != lib.Sessions[0].Steps[i-1].Input+lib.Sessions[0].Steps[i-1].Output {
			t.Errorf("step %d keeps %d tokens", i+1, n.Keep)
		}
	}
	// What was exported can be lived again as a recording, and that exported.
	rec := &Recorded{Session: lib.Sessions[0].Session}
	for _, n := range lib.Sessions[0].Steps {
		rec.Steps = append(rec.Steps, *n.Step)
	}
	v := st.must(t, Spec{ID: "again", Recorded: rec, Seed: 3})
	if v.Status != workloads.StatusOK || len(v.Steps) != 4 {
		t.Errorf("replayed: %s, %d steps", v.Status, len(v.Steps))
	}
	out.Reset()
	if err := Export(soon(t), st.store, []string{"again"}, &out); err != nil {
		t.Fatal(err)
	}
	if _, err := workloads.ReadLibrary(&out, "again"); err != nil {
		t.Error(err)
	}
}

func TestApprovals(t *testing.T) {
	for _, ok := range []bool{true, false} {
		st := begin(t, newMemory(), &script{turns: turns(call(`ask {}`, `echo 1`), say("over"))},
			func(c *Config) { c.Hibernate = 10 * time.Millisecond })
		spec := Spec{ID: "s1", Task: "ask", Tools: []string{"ask", "echo"}}
		asked := make(chan Notice, 1)
		st.Watch("s1", func(n Notice) {
			if n.Kind == Asked {
				asked <- n
			}
		})
		if err := st.Create(soon(t), spec); err != nil {
			t.Fatal(err)
		}
		if n := <-asked; n.Ask.Name != "ask" || n.Ask.Step != 1 || n.Ask.Tool != 1 {
			t.Errorf("asked for %+v", n.Ask)
		}
		st.asleep(t, "s1")
		if err := st.Approve(soon(t), "s1", 1, 2, true, "ann", ""); err == nil {
			t.Error("a call that nobody has to approve was approved")
		}
		if err := st.Approve(soon(t), "s1", 1, 1, ok, "ann", "since"); err != nil {
			t.Fatal(err)
		}
		v, err := st.Wait(soon(t), "s1")
		if err != nil {
			t.Fatal(err)
		}
		tool := v.Steps[0].Tools[0]
		if tool.Verdict == nil || tool.Verdict.By != "ann" || tool.Verdict.OK != ok || (tool.Status == workloads.StatusOK) != ok {
			t.Errorf("approved %v: %+v, verdict %+v", ok, tool, tool.Verdict)
		}
		if n := st.tools.runs["s1/0/0"]; (n == 1) != ok {
			t.Errorf("approved %v: the call ran %d times", ok, n)
		}
	}
}

// asleep waits until a session hibernates.
func (st *stage) asleep(t testing.TB, id string) {
	t.Helper()
	for range 1000 {
		st.mu.Lock()
		awake := st.awake[id] != nil
		st.mu.Unlock()
		head, err := st.store.Head(context.Background(), id)
		if err == nil && !awake && summaryOf(&head).Asleep {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("session %q does not fall asleep", id)
}

func TestMessagesBetweenSessions(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: func(session string, step int) hub.Message {
		switch {
		case session == "b" && step == 0:
			return call(`wait_message {}`)
		case session == "a" && step == 0:
			return call(`send_message {"to":"b","text":"hello"}`, `send_message {"to":"nobody","text":"hello"}`)
		case session == "a" && step == 1:
			return call(`wait_message {"timeout_seconds":0.05}`)
		case session == "a" && step == 2:
			return call(`echo 1`)
		}
		return say("over")
	}}, func(c *Config) { c.Hibernate = 10 * time.Millisecond })
	list := []string{SendMessage, WaitMessage, "echo"}
	if err := st.Create(soon(t), Spec{ID: "b", Task: "listen", Tools: list}); err != nil {
		t.Fatal(err)
	}
	st.asleep(t, "b")
	a := st.must(t, Spec{ID: "a", Task: "speak", Tools: list})
	b, err := st.Wait(soon(t), "b")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b.Steps[0].Tools[0].Result); got != `{"from":"a","text":"hello"}` {
		t.Errorf("b heard %s", got)
	}
	if a.Steps[1].Tools[0].Status != workloads.StatusTimeout {
		t.Errorf("a's wait ended %q", a.Steps[1].Tools[0].Status)
	}
	found := false
	for _, m := range a.Messages {
		found = found || strings.Contains(m.Content, "to nobody was not delivered: there is no such session")
	}
	if !found {
		t.Errorf("a was not told that nobody is there: %v", a.Messages)
	}
	for range 200 {
		n := 0
		_ = st.store.Outbox(soon(t), "", func(journal.Message) error { n++; return nil })
		if n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the outbox does not become empty")
}

// TestMessageTwice delivers messages again and again.
func TestMessageTwice(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: turns(call(`wait_message {}`), call(`wait_message {"timeout_seconds":0.1}`), say("over"))}, nil)
	if err := st.Create(soon(t), Spec{ID: "b", Task: "listen", Tools: []string{WaitMessage}}); err != nil {
		t.Fatal(err)
	}
	m := journal.Message{From: "a", ID: 1, To: "b", Body: []byte(`{"text":"one"}`)}
	for range 5 {
		if _, _, err := st.carry(&m); err != nil {
			t.Fatal(err)
		}
	}
	v, err := st.Wait(soon(t), "b")
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Steps[1].Tools[0].Status; got != workloads.StatusTimeout {
		t.Errorf("the second wait ended %q: %s", got, v.Steps[1].Tools[0].Result)
	}
}

func TestFloodIsRefused(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: turns(call(`ask {}`), say("over"))}, func(c *Config) { c.Inbox = Inbox{Messages: 5, Sender: 3, Bytes: 10} })
	if err := st.Create(soon(t), Spec{ID: "b", Task: "t", Tools: []string{"ask", WaitMessage}}); err != nil {
		t.Fatal(err)
	}
	send := func(from string, id uint64, text string) string {
		refusal, had, err := st.carry(&journal.Message{From: from, ID: id, To: "b", Body: []byte(`{"text":"` + text + `"}`)})
		if err != nil || !had {
			t.Fatal(had, err)
		}
		return refusal
	}
	for i := uint64(1); i <= 6; i++ {
		if got := send("a", i, "x"); (got != "") != (i > 3) {
			t.Errorf("message %d of a: %q", i, got)
		}
	}
	if send("c", 1, "a text that is too long") == "" {
		t.Error("a message that is too long was taken")
	}
	if send("c", 2, "x") != "" || send("d", 1, "x") != "" || send("e", 1, "x") == "" {
		t.Error("the inbox's bound is not kept")
	}
}

func TestFencing(t *testing.T) {
	store := newMemory()
	slow := &script{turns: turns(call(`add {"n":1}`), call(`add {"n":2}`), say("three")), delay: 150 * time.Millisecond}
	first := begin(t, store, slow, nil)
	if err := first.Create(soon(t), errand); err != nil {
		t.Fatal(err)
	}
	second := begin(t, store, &script{turns: slow.turns}, func(c *Config) { c.Owner = "there" })
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := first.Wait(soon(t), "s1")
		var other *OwnedError
		if !errors.As(err, &other) || other.Owner != "there" {
			t.Errorf("the first owner's waiter was told %v", err)
		}
	})
	time.Sleep(20 * time.Millisecond)
	if err := second.Wake(soon(t), "s1"); err != nil {
		t.Fatal(err)
	}
	v, err := second.Wait(soon(t), "s1")
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if string(v.State["sum"]) != "3" || v.Answer != "three" {
		t.Errorf("sum %s, answer %q", v.State["sum"], v.Answer)
	}
	if err := first.Say(soon(t), "s1", "x"); err == nil {
		t.Error("an ended session heard something")
	}
}

func TestMove(t *testing.T) {
	store := newMemory()
	s := sums()
	s.delay = 30 * time.Millisecond
	first := begin(t, store, s, nil)
	if err := first.Create(soon(t), errand); err != nil {
		t.Fatal(err)
	}
	if err := first.Move(soon(t), "s1", "there"); err != nil {
		t.Fatal(err)
	}
	second := begin(t, store, s, func(c *Config) { c.Owner = "there" })
	if err := second.Wake(soon(t), "s1"); err != nil {
		t.Fatal(err)
	}
	v, err := second.Wait(soon(t), "s1")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range v.Steps {
		if len(step.Outcome.Attempts) != 1 {
			t.Errorf("step %d took %d attempts: the move was not at a quiet point", step.Number, len(step.Outcome.Attempts))
		}
	}
	if v.Answer != "ten" || string(v.State["sum"]) != "10" {
		t.Errorf("answer %q, sum %s", v.Answer, v.State["sum"])
	}
}

func TestKill(t *testing.T) {
	s := sums()
	s.delay = 5 * time.Second
	st := begin(t, newMemory(), s, nil)
	if err := st.Create(soon(t), errand); err != nil {
		t.Fatal(err)
	}
	if err := st.Kill(soon(t), "s1", "enough"); err != nil {
		t.Fatal(err)
	}
	v, err := st.Wait(soon(t), "s1")
	if err != nil || v.Status != workloads.StatusKilled {
		t.Errorf("%v, %v", v, err)
	}
}

func TestLoopIsStopped(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: func(string, int) hub.Message { return call(`echo "again"`) }}, nil)
	v := st.must(t, Spec{ID: "s1", Task: "t", Tools: []string{"echo"}})
	if v.Status != workloads.StatusKilled || len(v.Steps) != ledger.DefaultLoopLimits().Stop {
		t.Errorf("status %q after %d steps", v.Status, len(v.Steps))
	}
	warned := 0
	for _, m := range v.Messages {
		if strings.Contains(m.Content, "do something else") {
			warned++
		}
	}
	if warned != 2 {
		t.Errorf("the model was warned %d times", warned)
	}
}

func TestTenantBudgetHolds(t *testing.T) {
	store := newMemory()
	books, err := ledger.Open(context.Background(), store, ledger.Config{Budgets: ledger.Budgets{Tenants: map[string]ledger.Budget{
		"t": {Total: journal.Amount{Steps: 10}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	st := begin(t, store, sums(), func(c *Config) { c.Ledger = books })
	ended := map[workloads.Status]int{}
	for i := range 6 {
		spec := errand
		spec.ID, spec.Tenant = fmt.Sprint("s", i), "t"
		if err := st.Create(soon(t), spec); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		v, err := st.Wait(soon(t), fmt.Sprint("s", i))
		if err != nil {
			t.Fatal(err)
		}
		ended[v.Status]++
	}
	sums, err := store.Totals(soon(t), ledger.TenantAccount("t"))
	if err != nil || sums.Spent.Steps != 10 || sums.Reserved != (journal.Amount{}) {
		t.Errorf("totals %+v, error %v; ends %v", sums, err, ended)
	}
	if ended[workloads.StatusBudget] == 0 {
		t.Errorf("no session met the budget: %v", ended)
	}
}

func TestStoreThatCannotWrite(t *testing.T) {
	store := newMemory()
	st := begin(t, store, sums(), nil)
	var mu sync.Mutex
	broken := 0
	store.mu.Lock()
	store.hook = func(b *journal.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if b.After > 4 && broken < 6 {
			broken++
			return &journal.UnavailableError{Err: errors.New("disk full")}
		}
		return nil
	}
	store.mu.Unlock()
	v := st.must(t, errand)
	if v.Answer != "ten" || broken != 6 {
		t.Errorf("answer %q after %d failures", v.Answer, broken)
	}
	for key, n := range st.tools.runs {
		if n != 1 {
			t.Errorf("tool call %s ran %d times", key, n)
		}
	}
}

func TestStoreThatNeverWritesAgain(t *testing.T) {
	store := newMemory()
	st := begin(t, store, sums(), func(c *Config) { c.Patience = 50 * time.Millisecond })
	store.mu.Lock()
	store.hook = func(b *journal.Batch) error {
		if b.After > 4 {
			return &journal.UnavailableError{Err: errors.New("disk full")}
		}
		return nil
	}
	store.mu.Unlock()
	if err := st.Create(soon(t), errand); err != nil {
		t.Fatal(err)
	}
	_, err := st.Wait(soon(t), "s1")
	var full *journal.UnavailableError
	if !errors.As(err, &full) {
		t.Fatalf("the waiter was told %v", err)
	}
	store.mu.Lock()
	store.hook = nil
	store.mu.Unlock()
	if n, err := st.Recover(soon(t)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if v, err := st.Wait(soon(t), "s1"); err != nil || v.Answer != "ten" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestSayBeforeTheNextStep(t *testing.T) {
	s := sums()
	s.delay = 30 * time.Millisecond
	st := begin(t, newMemory(), s, nil)
	if err := st.Create(soon(t), errand); err != nil {
		t.Fatal(err)
	}
	if err := st.Say(soon(t), "s1", "and hurry"); err != nil {
		t.Fatal(err)
	}
	v, err := st.Wait(soon(t), "s1")
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Messages) < 4 || v.Messages[3].Content != "and hurry" {
		t.Errorf("%+v", v.Messages)
	}
	// After what would have been the last answer, another step follows.
	s = &script{turns: turns(say("one"), say("two")), delay: 50 * time.Millisecond}
	st = begin(t, newMemory(), s, nil)
	if err := st.Create(soon(t), errand); err != nil {
		t.Fatal(err)
	}
	if err := st.Say(soon(t), "s1", "more"); err != nil {
		t.Fatal(err)
	}
	if v, err = st.Wait(soon(t), "s1"); err != nil || v.Answer != "two" || len(v.Steps) != 2 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestReads(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: turns(call(`ask {}`), say("over"))}, nil)
	if err := st.Create(soon(t), Spec{ID: "s1", Task: "t", Tools: []string{"ask"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Consistency{{}, {Level: Bounded, Staleness: time.Minute}, {Level: Eventual}} {
		v, _, err := st.Read(soon(t), "s1", c)
		if err != nil || v.Spec.ID != "s1" {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	for range 200 {
		if v, _, _ := st.Read(soon(t), "s1", Consistency{}); len(v.Pending) == 1 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := st.Approve(soon(t), "s1", 1, 1, true, "ann", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Wait(soon(t), "s1"); err != nil {
		t.Fatal(err)
	}
	if v, _, _ := st.Read(soon(t), "s1", Consistency{}); v.Status != workloads.StatusOK {
		t.Errorf("a strong read after the end shows %q", v.Status)
	}
	if v, age, err := st.Read(soon(t), "s1", Consistency{Level: Eventual}); err != nil || v.Status != workloads.StatusOK || age != 0 {
		t.Errorf("an eventual read shows %q, %v old, %v", v.Status, age, err)
	}
	if _, _, err := st.Read(soon(t), "nobody", Consistency{}); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("an unknown session: %v", err)
	}
}
