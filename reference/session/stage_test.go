package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/configs"
	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/router"
	"tierlab/reference/tools"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

var tiny = sync.OnceValue(func() *topology.World {
	w, err := topology.Load(configs.FS, "tiny")
	if err != nil {
		panic(err)
	}
	return w
})

// newRouter routes by nearest.
func newRouter() *router.Router {
	spec, err := router.Parse("nearest")
	if err != nil {
		panic(err)
	}
	return router.New(router.NewTable(tiny()), spec.New(), router.DefaultConfig())
}

// script answers by the number of the step: what a model would say.
type script struct {
	mu    sync.Mutex
	turns func(session string, step int) hub.Message
	calls map[string]int // attempts begun, by "session/step"
	fault func(c *hub.Call) error
	delay time.Duration
}

func (s *script) Call(ctx context.Context, c *hub.Call) (*hub.Answer, error) {
	s.mu.Lock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[fmt.Sprintf("%s/%d", c.Session, c.Step)]++
	fault := s.fault
	s.mu.Unlock()
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			return nil, &hub.Error{Status: workloads.StatusCancelled, Err: ctx.Err()}
		}
	}
	if fault != nil {
		if err := fault(c); err != nil {
			return nil, err
		}
	}
	m := s.turns(c.Session, c.Step)
	return &hub.Answer{Message: m, Input: s.Count(c), Output: tokens(&m)}, nil
}

func (s *script) Count(c *hub.Call) int {
	n := 10
	for i := range c.Messages {
		n += tokens(&c.Messages[i])
	}
	return n
}

func tokens(m *hub.Message) int { return 4 + len(m.Content)/4 + 6*len(m.Calls) }

// call is a turn that calls tools, each "name arguments".
func call(calls ...string) hub.Message {
	m := hub.Message{Role: "assistant"}
	for i, c := range calls {
		name, args, _ := strings.Cut(c, " ")
		m.Calls = append(m.Calls, hub.ToolCall{ID: fmt.Sprintf("c%d", i), Name: name, Arguments: args})
	}
	return m
}

func say(text string) hub.Message { return hub.Message{Role: "assistant", Content: text} }

// turns is a script of fixed turns; after the last it says "over".
func turns(list ...hub.Message) func(string, int) hub.Message {
	return func(_ string, step int) hub.Message {
		if step < len(list) {
			return list[step]
		}
		return say("over")
	}
}

// toolbox is a registry of test tools: "add" writes to the state, "slow" takes a
// while, "once" must not run twice, "ask" wants approval, "fail" fails.
type toolbox struct {
	mu   sync.Mutex
	runs map[string]int // by key
	byID map[string]*tools.Tool
	slow time.Duration
}

func newToolbox() *toolbox {
	b := &toolbox{runs: map[string]int{}, byID: map[string]*tools.Tool{}}
	add := func(t tools.Tool) {
		t.Input = json.RawMessage(`{"type":"object"}`)
		b.byID[t.Name] = &t
	}
	add(tools.Tool{Name: "add", Repeat: tools.Keyed, Stateful: true, Run: func(_ context.Context, c *tools.Call) (tools.Result, error) {
		had, _ := c.State.Get("sum")
		var n, by int
		fmt.Sscan(string(had), &n)
		fmt.Sscan(strings.Trim(string(c.Arguments), `{}"n: `), &by)
		n += by
		return tools.Result{Content: json.RawMessage(fmt.Sprint(n)), Writes: []tools.Write{{Key: "sum", Value: []byte(fmt.Sprint(n))}}}, nil
	}})
	add(tools.Tool{Name: "echo", Repeat: tools.Pure, Run: func(ctx context.Context, c *tools.Call) (tools.Result, error) {
		if b.slow > 0 {
			select {
			case <-time.After(b.slow):
			case <-ctx.Done():
				return tools.Result{}, ctx.Err()
			}
		}
		return tools.Result{Content: c.Arguments}, nil
	}})
	add(tools.Tool{Name: "once", Repeat: tools.Once, Run: func(_ context.Context, c *tools.Call) (tools.Result, error) {
		return tools.Result{Content: json.RawMessage(`"done"`)}, nil
	}})
	add(tools.Tool{Name: "ask", Repeat: tools.Pure, Approval: true, Run: func(_ context.Context, c *tools.Call) (tools.Result, error) {
		return tools.Result{Content: json.RawMessage(`"allowed"`)}, nil
	}})
	add(tools.Tool{Name: "fail", Repeat: tools.Pure, Run: func(_ context.Context, c *tools.Call) (tools.Result, error) {
		return tools.Result{}, fmt.Errorf("it broke")
	}})
	for _, t := range MessageTools() {
		b.byID[t.Name] = &t
	}
	return b
}

func (b *toolbox) Lookup(name string) (*tools.Tool, bool) {
	t, ok := b.byID[name]
	return t, ok
}

func (b *toolbox) Call(ctx context.Context, name string, c *tools.Call) (tools.Result, error) {
	b.mu.Lock()
	b.runs[c.Key]++
	b.mu.Unlock()
	if !json.Valid(c.Arguments) {
		return tools.Result{}, fmt.Errorf("the arguments are no JSON")
	}
	return b.byID[name].Run(ctx, c)
}

func (b *toolbox) Unknown(name string, c *tools.Call) (tools.Result, *tools.Error) {
	return tools.Fail("unknown"), &tools.Error{Kind: tools.OutcomeUnknown, Tool: name, Err: fmt.Errorf("unknown")}
}

// stage is a runtime with what it works with.
type stage struct {
	*Runtime
	store  *memory
	script *script
	tools  *toolbox
}

func newConfig(store *memory, s *script, b *toolbox) Config {
	cfg := agent.DefaultConfig()
	cfg.BackoffBase = time.Millisecond
	return Config{
		Store: store, World: tiny(), Router: newRouter(), Agent: cfg, Caller: s, Tools: b, Owner: "here",
		Watchdog: 50 * time.Millisecond, Patience: 2 * time.Second,
	}
}

func begin(t testing.TB, store *memory, s *script, change func(*Config)) *stage {
	t.Helper()
	b := newToolbox()
	cfg := newConfig(store, s, b)
	cfg.Trouble = func(id string, err error) { t.Logf("trouble: session %q: %v", id, err) }
	if change != nil {
		change(&cfg)
	}
	rt, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = rt.Close(ctx)
	})
	return &stage{rt, store, s, b}
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// must runs a session to its end.
func (st *stage) must(t testing.TB, spec Spec) *View {
	t.Helper()
	ctx := soon(t)
	if err := st.Create(ctx, spec); err != nil {
		t.Fatal(err)
	}
	v, err := st.Wait(ctx, spec.ID)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (st *stage) kinds(id string) []string {
	st.store.mu.Lock()
	defer st.store.mu.Unlock()
	var list []string
	for _, r := range st.store.sessions[id].records {
		list = append(list, r.Kind)
	}
	return list
}
