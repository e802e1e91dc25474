package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
	"tierlab/workloads"
)

// pause is a recorded session that waits for its user between two steps.
func pause(think time.Duration) *Recorded {
	return &Recorded{
		Session: workloads.Session{ID: "r"},
		Steps: []workloads.Step{
			{ID: "1", LLM: workloads.LLM{OutputTokens: 5, Context: workloads.Context{Add: 10}}},
			{
				ID: "2", After: []workloads.After{{Step: "1", Delay: workloads.Millis(think), Cause: workloads.CauseHuman}},
				LLM: workloads.LLM{OutputTokens: 5, Context: workloads.Context{From: "1", Keep: 15, Add: 5}},
			},
		},
	}
}

// TestTimerOutlivesAWake wakes a hibernated session and lets go of it at once: its
// timer is still in the store.
func TestTimerOutlivesAWake(t *testing.T) {
	store := newMemory()
	st := begin(t, store, &script{turns: turns()}, func(c *Config) { c.Hibernate = 10 * time.Millisecond })
	if err := st.Create(soon(t), Spec{ID: "s1", Recorded: pause(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	st.asleep(t, "s1")
	if err := st.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	due := func() (list []journal.Due) {
		_ = store.Due(soon(t), time.Now().Add(2*time.Hour), func(d journal.Due) error { list = append(list, d); return nil })
		return list
	}
	before := due()
	again := begin(t, store, &script{turns: turns()}, nil)
	if err := again.Wake(soon(t), "s1"); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	if after := due(); len(before) != 1 || len(after) != 1 || !after[0].At.Equal(before[0].At) {
		t.Errorf("timers %v, and %v after a wake", before, after)
	}
}

// TestClockBehind wakes a session in a process whose clock is an hour behind that
// of the one before: what it waits for still takes as long as it was to take.
func TestClockBehind(t *testing.T) {
	think := 200 * time.Millisecond
	store := newMemory()
	ahead := begin(t, store, &script{turns: turns()}, func(c *Config) { c.Now = func() time.Time { return time.Now().Add(time.Hour) } })
	thinks := make(chan struct{})
	ahead.Watch("s1", func(n Notice) {
		if n.Kind == StepEnded {
			close(thinks)
		}
	})
	if err := ahead.Create(soon(t), Spec{ID: "s1", Recorded: pause(think)}); err != nil {
		t.Fatal(err)
	}
	<-thinks
	if err := ahead.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	st := begin(t, store, &script{turns: turns()}, nil)
	v, err := st.Wait(soon(t), "s1")
	if err != nil {
		t.Fatal(err)
	}
	if v.Status != workloads.StatusOK {
		t.Errorf("it ended with %q", v.Status)
	}
}

// TestCreatedByTwo has a session begun elsewhere between the look whether it is
// there and taking it: the creator that fenced the other goes on with it.
func TestCreatedByTwo(t *testing.T) {
	store := newMemory()
	other := begin(t, store, &script{turns: turns(), delay: time.Minute}, func(c *Config) { c.Owner = "there" })
	race := &racing{memory: store, first: func() {
		if err := other.Create(soon(t), Spec{ID: "s1", Task: "t"}); err != nil {
			t.Error(err)
		}
	}}
	st := begin(t, store, &script{turns: turns()}, func(c *Config) { c.Store = race })
	var there *ExistsError
	if err := st.Create(soon(t), Spec{ID: "s1", Task: "t"}); !errors.As(err, &there) {
		t.Fatalf("Create: %v", err)
	}
	for ctx := soon(t); ; {
		head, err := store.Head(ctx, "s1")
		if err != nil || ctx.Err() != nil {
			t.Fatalf("nobody lives it: %v, %v", err, ctx.Err())
		}
		if summaryOf(&head).Status == workloads.StatusOK {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// racing lets another do something before it gives a session away for the first
// time.
type racing struct {
	*memory
	once  sync.Once
	first func()
}

func (r *racing) Own(ctx context.Context, name, owner string, create bool) (journal.Head, error) {
	r.once.Do(r.first)
	return r.memory.Own(ctx, name, owner, create)
}

// TestMessagesKeepTheirOrder has the first of two messages not go through at once:
// the second does not overtake it, since the first would then count as had.
func TestMessagesKeepTheirOrder(t *testing.T) {
	store := newMemory()
	s := &script{turns: turns(call(`send_message {"to":"b","text":"one"}`), call(`send_message {"to":"b","text":"two"}`))}
	far := begin(t, store, s, func(c *Config) { c.Owner, c.Watchdog = "there", time.Hour })
	if _, err := store.Own(soon(t), "b", "nobody", true); err != nil { // not to be refused as unknown
		t.Fatal(err)
	}
	far.must(t, Spec{ID: "a", Task: "t", Tools: []string{SendMessage}})
	if err := far.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	refused := 0
	store.hook = func(b *journal.Batch) error {
		if b.Session != "b" {
			return nil
		}
		for i := range b.Records {
			if b.Records[i].Kind == "message" && refused == 0 {
				refused++
				return journal.ErrFenced
			}
		}
		return nil
	}
	st := begin(t, store, &script{turns: turns(call(`wait_message {}`), call(`wait_message {}`))}, nil)
	if err := st.Create(soon(t), Spec{ID: "b", Task: "t", Tools: []string{WaitMessage}}); err != nil {
		t.Fatal(err)
	}
	v, err := st.Wait(soon(t), "b")
	if err != nil {
		v, err = st.Wait(soon(t), "b") // it was fenced once
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one", "two"} {
		if got := string(v.Steps[i].Tools[0].Result); got != fmt.Sprintf(`{"from":"a","text":%q}`, want) {
			t.Errorf("message %d is %s", i+1, got)
		}
	}
}

// TestCallsOfOneAnswerAddUp: three calls of one answer work on one key, one after
// the other, and the quota counts each of them.
func TestCallsOfOneAnswerAddUp(t *testing.T) {
	registry := tools.NewRegistry(tools.Options{})
	if err := builtin.Register(registry, builtin.Config{}); err != nil {
		t.Fatal(err)
	}
	counted := tools.Tool{
		Name: "counted", Description: "is counted", Input: json.RawMessage(`{"type":"object"}`), Repeat: tools.Pure, Quota: tools.Quota{Calls: 3},
		Run: func(context.Context, *tools.Call) (tools.Result, error) {
			return tools.Result{Content: json.RawMessage(`{}`)}, nil
		},
	}
	if err := registry.Register(counted); err != nil {
		t.Fatal(err)
	}
	add := func(n int) string { return fmt.Sprintf(`kv_add {"key":"n","by":%d}`, n) }
	s := &script{turns: turns(call(add(1), `counted {}`, add(10), `counted {}`, add(100), `counted {}`, `counted {}`))}
	st := begin(t, newMemory(), s, func(c *Config) { c.Tools = registry })
	v := st.must(t, Spec{ID: "s1", Task: "t", Tools: []string{"kv_add", "counted"}})
	if got := string(v.State["kv/n"]); got != "111" {
		t.Errorf("the sum is %s", got)
	}
	var use struct{ Calls int }
	if err := json.Unmarshal(v.State["quota/tool/counted"], &use); err != nil || use.Calls != 3 {
		t.Errorf("the quota has counted %s (%v)", v.State["quota/tool/counted"], err)
	}
	for i, c := range v.Steps[0].Tools {
		if want := i == 6; (c.Status != workloads.StatusOK) != want {
			t.Errorf("call %d: %q %s", i+1, c.Status, c.Error)
		}
	}
}

// TestLedgerNeedsABound: without a bound on answers the output of none would be
// reserved for.
func TestLedgerNeedsABound(t *testing.T) {
	spec, err := router.Parse("nearest")
	if err != nil {
		t.Fatal(err)
	}
	cfg := newConfig(newMemory(), &script{turns: turns()}, newToolbox())
	cfg.Router = router.New(router.NewTable(tiny()), spec.New(), router.Config{})
	cfg.Ledger = ledger.New(ledger.Config{})
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "MaxOutput") {
		t.Errorf("New: %v", err)
	}
}
