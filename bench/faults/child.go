package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/reference/session"
	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
)

// Child is what a child process is told.
type Child struct {
	Folder  string        `json:"folder"`  // of the store
	Outside string        `json:"outside"` // address of the parent's server
	Live    int           `json:"live"`    // sessions at a time
	Think   time.Duration `json:"think"`   // of the model, a mean
	Seed    uint64        `json:"seed"`
}

// until is a file in the store's folder that says how many sessions there are
// to be in all; without it there is always one more.
func (c *Child) until() string { return c.Folder + ".until" }

// Run goes on with the sessions of the folder, begins new ones as they end, and
// returns when as many as the file says have ended.
func (c *Child) Run(ctx context.Context) error {
	store, err := pebblestore.Open(filepath.Join(c.Folder, "journal"), pebblestore.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	rt, err := c.runtime(ctx, store)
	if err != nil {
		return err
	}
	told := newTeller(c.Outside)
	defer told.close()
	if _, err := rt.Recover(ctx); err != nil {
		return err
	}
	errs := make(chan error, c.Live)
	var next counter
	for range c.Live {
		go func() { errs <- c.live(ctx, rt, told, &next) }()
	}
	for range c.Live {
		if e := <-errs; e != nil && err == nil {
			err = e
		}
	}
	if e := rt.Close(ctx); err == nil {
		err = e
	}
	return err
}

// counter hands out session numbers.
type counter struct {
	mu sync.Mutex
	n  int
}

func (k *counter) next() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.n++
	return k.n - 1
}

// live lives one session after another.
func (c *Child) live(ctx context.Context, rt *session.Runtime, told *teller, next *counter) error {
	for {
		n := next.next()
		if limit, ok := c.limit(); ok && n >= limit {
			return nil
		}
		w := works(c.Seed, n)
		if w.speaks() { // to one that is there
			if err := c.create(ctx, rt, works(c.Seed, n-1).name()); err != nil {
				return err
			}
		}
		id := w.name()
		stop := rt.Watch(id, func(n session.Notice) { told.tell(n) })
		err := c.one(ctx, rt, id)
		stop()
		if err != nil {
			return fmt.Errorf("session %s: %w", id, err)
		}
	}
}

func (c *Child) limit() (int, bool) {
	text, err := os.ReadFile(c.until())
	if err != nil {
		return 0, false
	}
	var n int
	_, err = fmt.Sscan(string(text), &n)
	return n, err == nil
}

func (c *Child) one(ctx context.Context, rt *session.Runtime, id string) error {
	if err := c.create(ctx, rt, id); err != nil {
		return err
	}
	_, err := rt.Wait(ctx, id)
	return err
}

// tenant is whose the sessions are, maxTokens the most that an answer may have.
const (
	tenant    = "faults"
	maxTokens = 64
)

// create begins a session that has not begun.
func (c *Child) create(ctx context.Context, rt *session.Runtime, id string) error {
	err := rt.Create(ctx, session.Spec{
		ID: id, Tenant: tenant, Task: "count, and bring money to the bank", Seed: c.Seed, MaxTokens: maxTokens,
		Tools: []string{"kv_add", "deposit", "file_write", "ring", session.SendMessage, session.WaitMessage},
	})
	var there *session.ExistsError
	if errors.As(err, &there) {
		return nil
	}
	return err
}

func (c *Child) runtime(ctx context.Context, store *pebblestore.Store) (*session.Runtime, error) {
	world, err := world()
	if err != nil {
		return nil, err
	}
	policy, err := router.Parse("nearest")
	if err != nil {
		return nil, err
	}
	registry := tools.NewRegistry(tools.Options{})
	if err := builtin.Register(registry, builtin.Config{}); err != nil {
		return nil, err
	}
	for _, t := range append(c.tools(), session.MessageTools()...) {
		if err := registry.Register(t); err != nil {
			return nil, err
		}
	}
	million := journal.Amount{PicoUSD: 1e6 * ledger.PicoPerUSD} // more than is ever spent
	books, err := ledger.Open(ctx, store, ledger.Config{Budgets: ledger.Budgets{Default: ledger.Budget{Total: million}}})
	if err != nil {
		return nil, err
	}
	cfg := agent.DefaultConfig()
	cfg.CommitEach = true
	return session.New(session.Config{
		Store: store, World: world, Router: router.New(router.NewTable(world), policy.New(), router.DefaultConfig()), Agent: cfg,
		Caller: &model{think: c.Think, seed: c.Seed}, Tools: registry, Ledger: books,
		Owner: fmt.Sprintf("process-%d", os.Getpid()), Watchdog: 100 * time.Millisecond,
	})
}

// tools are those whose far side is the parent.
func (c *Child) tools() []tools.Tool {
	post := func(path string, usd float64) func(context.Context, *tools.Call) (tools.Result, error) {
		return func(ctx context.Context, call *tools.Call) (tools.Result, error) {
			req, err := http.NewRequestWithContext(ctx, "POST", "http://"+c.Outside+path, bytes.NewReader(call.Arguments))
			if err != nil {
				return tools.Result{}, err
			}
			req.Header.Set("Idempotency-Key", call.Key)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return tools.Result{}, err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
			return tools.Result{Content: body, USD: usd}, err
		}
	}
	return []tools.Tool{{
		Name: "deposit", Description: "brings money to the bank", Repeat: tools.Keyed, USD: 0.002, Run: post("/deposit", 0.001),
		Input: json.RawMessage(`{"type":"object","properties":{"cents":{"type":"integer"}},"required":["cents"],"additionalProperties":false}`),
	}, {
		Name: "ring", Description: "rings the bell", Repeat: tools.Once, USD: 0.002, Run: post("/ring", 0.001),
		Input: json.RawMessage(`{"type":"object","additionalProperties":false}`),
	}}
}
