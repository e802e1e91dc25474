package cli

import (
	"context"
	"slices"
	"strings"
	"sync"

	"tierlab/internal/spell"
	"tierlab/reference/ledger"
	"tierlab/reference/sandbox"
	"tierlab/reference/session"
	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
)

// codeTools are what programs in run_code may call: the session's own keys and
// values, and exact arithmetic.
var codeTools = [...]string{"calculator", "kv_add", "kv_delete", "kv_get", "kv_list", "kv_set"}

// lazyPool starts the sandbox's children with the first program, since most
// sessions run none.
type lazyPool struct {
	once sync.Once
	pool *sandbox.Pool
	err  error
}

// Run is the pool's.
func (p *lazyPool) Run(ctx context.Context, r *sandbox.Run) (*sandbox.Result, error) {
	p.once.Do(func() { p.pool, p.err = sandbox.NewPool(sandbox.Config{Workers: 2}) })
	if p.err != nil {
		return nil, p.err
	}
	return p.pool.Run(ctx, r)
}

// Close ends the children, if there are any.
func (p *lazyPool) Close() error {
	p.once.Do(func() {})
	if p.pool == nil {
		return nil
	}
	return p.pool.Close()
}

// registry holds the tools that an agent may be given. The ledger's switches hold
// for the calls that programs make too, which no session asks it about.
func (o *agentRunOptions) registry(pool *lazyPool, meter *ledger.Ledger) (*tools.Registry, error) {
	reg := tools.NewRegistry(tools.Options{Approval: o.confirm, Gate: func(tool string, c *tools.Call) error {
		return meter.Allowed(ledger.Request{Session: c.Session, Tenant: c.Tenant, Tool: tool})
	}})
	c := builtin.Config{Run: pool.Run}
	for _, name := range codeTools {
		if !slices.Contains(o.confirm, name) {
			c.Code = append(c.Code, name)
		}
	}
	if len(o.hosts) > 0 {
		c.Fetch = &builtin.Fetch{Hosts: lower(o.hosts), Schemes: []string{"https"}}
	}
	switch err := builtin.Register(reg, c); {
	case err != nil && c.Fetch != nil:
		return nil, badInputf("--allow-host: %w", err)
	case err != nil:
		return nil, err
	}
	for _, t := range session.MessageTools() {
		if err := reg.Register(t); err != nil {
			return nil, err
		}
	}
	return reg, nil
}

func lower(list []string) []string {
	var names []string
	for _, name := range list {
		names = append(names, strings.ToLower(strings.TrimSpace(name)))
	}
	return names
}

// confirmed says which of the names of --confirm are no tools.
func confirmed(reg *tools.Registry, names []string) error {
	for _, name := range names {
		if _, ok := reg.Lookup(name); !ok {
			return badInputf("--confirm: there is no tool %q%s", name, spell.Hint(name, reg.Names()))
		}
	}
	return nil
}
