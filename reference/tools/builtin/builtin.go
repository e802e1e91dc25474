package builtin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"tierlab/internal/spell"
	"tierlab/reference/sandbox"
	"tierlab/reference/tools"
)

// Config says which of the tools there are, and within which bounds.
type Config struct {
	// Run runs a program, as (*sandbox.Pool).Run does. Without it there is no
	// run_code.
	Run func(ctx context.Context, r *sandbox.Run) (*sandbox.Result, error)
	// Limits are those of a program; zero fields take the pool's.
	Limits sandbox.Limits
	// Code names the tools that a program may call, of those that its session
	// may call. They have to be registered, here or before.
	Code []string
	// Fetch is what http_fetch may reach. Without it there is no http_fetch.
	Fetch *Fetch
	// Quotas are a session's, by tool.
	Quotas map[string]tools.Quota
}

// Register adds the tools to a registry, all or none.
func Register(reg *tools.Registry, c Config) error {
	list := slices.Concat(keyValue(), files(), []tools.Tool{calculator()})
	if c.Fetch != nil {
		fetch, err := httpFetch(*c.Fetch)
		if err != nil {
			return err
		}
		list = append(list, fetch)
	}
	if c.Run != nil {
		code, err := runCode(reg, c, list)
		if err != nil {
			return err
		}
		list = append(list, code)
	}
	if err := limit(list, c.Quotas); err != nil {
		return err
	}
	for i, t := range list {
		if err := reg.Register(t); err != nil {
			for _, before := range list[:i] {
				reg.Remove(before.Name)
			}
			return fmt.Errorf("built in: %w", err)
		}
	}
	return nil
}

// limit gives the tools their quotas.
func limit(list []tools.Tool, quotas map[string]tools.Quota) error {
	for _, name := range slices.Sorted(maps.Keys(quotas)) {
		i := slices.IndexFunc(list, func(t tools.Tool) bool { return t.Name == name })
		if i < 0 {
			return fmt.Errorf("built in: quota for %q: there is no such tool%s", name, spell.Hint(name, namesOf(list)))
		}
		list[i].Quota = quotas[name]
	}
	return nil
}

func namesOf(list []tools.Tool) []string {
	var names []string
	for _, t := range list {
		names = append(names, t.Name)
	}
	return names
}

// typed is the Run of a tool whose arguments are an A. They have been checked
// against its schema, which says the same.
func typed[A any](run func(ctx context.Context, c *tools.Call, a A) (tools.Result, error)) func(context.Context, *tools.Call) (tools.Result, error) {
	return func(ctx context.Context, c *tools.Call) (tools.Result, error) {
		var a A
		if err := json.Unmarshal(c.Arguments, &a); err != nil {
			return tools.Fail("arguments: %v", err), nil
		}
		return run(ctx, c, a)
	}
}

// answer is a result without writes.
func answer(v any) (tools.Result, error) {
	content, err := encode(v)
	return tools.Result{Content: content}, err
}

// encode is JSON without escapes for HTML.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
