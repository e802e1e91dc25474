package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"tierlab/internal/rng"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/workloads"
)

// drawn is a random plot: what the model of a session says at each step, by its
// seed alone.
func drawn(seed uint64) func(string, int) hub.Message {
	return func(session string, step int) hub.Message {
		draw := rng.New(seed, 0).FoldString(session).Fold(uint64(step))
		n := draw.Fold(1).IntN(4)
		if step >= 6 || n == 0 && step > 1 {
			return say(fmt.Sprint("after ", step))
		}
		var calls []string
		for i := range n + 1 {
			switch draw.Fold(2).Fold(uint64(i)).IntN(5) {
			case 0, 1:
				calls = append(calls, fmt.Sprintf(`add {"n":%d}`, 1+draw.Fold(3).IntN(9)))
			case 2:
				calls = append(calls, fmt.Sprintf(`echo {"step":%d}`, step))
			case 3:
				calls = append(calls, `fail {}`)
			case 4:
				calls = append(calls, `nothing {}`)
			}
		}
		return call(calls...)
	}
}

// TestRandomLives runs sessions over a world in which calls fail and are late, a
// store that refuses writes now and then, and processes that end at any moment:
// by a quiet close, by one that waits for nothing, or fenced by another. Each
// session ends as one that nothing disturbs, no write of a tool is lost or there
// twice, and the ledger has no reservation left.
func TestRandomLives(t *testing.T) {
	seeds := 8
	if os.Getenv("TIERLAB_FAULTS") != "" {
		seeds = 200
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomLives(t, seed) })
	}
}

func randomLives(t *testing.T, seed uint64) {
	draw := rng.New(seed, 1)
	const sessions = 3
	var specs []Spec
	want := map[string]*View{}
	calm := begin(t, newMemory(), &script{turns: drawn(seed)}, nil)
	for i := range sessions {
		spec := Spec{ID: fmt.Sprint("s", i), Task: "t", Tools: []string{"add", "echo", "fail"}, Seed: seed, Tenant: "t"}
		specs = append(specs, spec)
		want[spec.ID] = calm.must(t, spec)
	}
	store := newMemory()
	var mu sync.Mutex
	n := uint64(0)
	store.hook = func(*journal.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; draw.Fold(n).Fold(7).IntN(12) == 0 {
			return &journal.UnavailableError{Err: errors.New("no quorum")}
		}
		return nil
	}
	for life := uint64(0); ; life++ {
		st := troubled(t, store, seed, life, draw)
		var left int
		for _, spec := range specs {
			var there *ExistsError
			if err := st.Create(soon(t), spec); err != nil && !errors.As(err, &there) && !errors.Is(err, ErrClosed) {
				t.Fatalf("life %d: %v", life, err)
			}
		}
		if _, err := st.Recover(soon(t)); err != nil && !errors.Is(err, ErrClosed) {
			t.Fatalf("life %d: %v", life, err)
		}
		patience := 20 * time.Millisecond
		if life > 6 {
			patience = 20 * time.Second // it has been long enough
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		for _, spec := range specs {
			v, err := st.Wait(ctx, spec.ID)
			if err != nil {
				left++
				continue
			}
			if err := same(v, want[spec.ID]); err != nil {
				t.Fatalf("session %s after life %d: %v\n%v", spec.ID, life, err, st.kinds(spec.ID))
			}
		}
		cancel()
		if left == 0 {
			break
		}
		if life > 6 {
			t.Fatalf("%d sessions do not end", left)
		}
		st.end(draw.Fold(life).IntN(3))
	}
	sums, _ := store.Totals(soon(t), ledger.TenantAccount("t"))
	if sums.Reserved != (journal.Amount{}) {
		t.Fatalf("%+v is reserved at the end", sums.Reserved)
	}
}

// troubled is a runtime in a world that goes wrong.
func troubled(t *testing.T, store *memory, seed, life uint64, draw rng.Stream) *stage {
	books, err := ledger.Open(context.Background(), store, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &script{turns: drawn(seed), delay: time.Duration(draw.Fold(life).Fold(3).IntN(4)) * time.Millisecond}
	s.fault = func(c *hub.Call) error {
		if draw.FoldString(c.Key).Fold(life).IntN(6) == 0 && c.Attempt < 3 {
			return &hub.Error{Status: workloads.StatusError, Input: 5, Err: errors.New("the site is down")}
		}
		return nil
	}
	return begin(t, store, s, func(c *Config) {
		c.Ledger = books
		c.Hibernate = time.Duration(draw.Fold(life).Fold(4).IntN(3)) * time.Millisecond
		c.Snapshot = 4 + draw.Fold(life).Fold(5).IntN(20)
		c.Owner = "here"
		c.Trouble = nil
	})
}

// end ends a runtime: at a quiet point, at once, or by leaving it to be fenced.
func (st *stage) end(how int) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	switch how {
	case 0:
		_ = st.Close(ctx)
	case 1:
		none, now := context.WithCancel(ctx)
		now()
		_ = st.Close(none)
	}
}

// TestOnceIsNeverTwice ends the process at each record of a session whose tool
// must not be called again.
func TestOnceIsNeverTwice(t *testing.T) {
	s := &script{turns: turns(call(`once {}`, `once {"b":1}`), call(`once {"c":1}`), say("over"))}
	spec := Spec{ID: "s1", Task: "t", Tools: []string{"once"}}
	whole := begin(t, newMemory(), s, nil)
	n := int(whole.must(t, spec).Record)
	for k := 1; k < n; k++ {
		// What ran before the crash: the calls that were asked for by record k.
		store := whole.store.cut("s1", k)
		before, err := Rebuild(soon(t), store, "s1", To{})
		if err != nil {
			t.Fatal(err)
		}
		st := begin(t, store, s, nil)
		st.mine("s1")
		v, err := st.Wait(soon(t), "s1")
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range before.Steps {
			for _, tool := range step.Tools {
				if st.tools.runs[tool.Key] > 0 {
					t.Errorf("after record %d: call %s was made again", k, tool.Key)
				}
			}
		}
		if v.Answer != "over" {
			t.Errorf("after record %d: answer %q", k, v.Answer)
		}
	}
}
