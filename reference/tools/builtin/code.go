package builtin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"tierlab/internal/spell"
	"tierlab/reference/sandbox"
	"tierlab/reference/tools"
)

// codeTimeout is how long run_code may take: longer than a program's own limit,
// which then speaks first, unless programs have been given more.
const codeTimeout = time.Minute

// runCode runs a program in the sandbox. Its class is that of the weakest tool
// that programs may call: a program itself changes nothing, its clock stands
// still, and its random numbers follow from the call's key, so it takes the same
// way each time. A program that does not come to its end leaves the session's
// state as it was.
func runCode(reg *tools.Registry, c Config, beside []tools.Tool) (tools.Tool, error) {
	if slices.Contains(c.Code, "run_code") {
		return tools.Tool{}, errors.New("built in: run_code may not be called from code: take it out of the list")
	}
	repeat := tools.Pure
	for _, name := range c.Code {
		t, err := find(reg, beside, name)
		switch {
		case err != nil:
			return tools.Tool{}, fmt.Errorf("built in: tools for code: %w", err)
		case t.Approval || t.USD > 0:
			return tools.Tool{}, fmt.Errorf("built in: %s may not be called from code: it asks for approval or has a price, and both come before a call", name)
		}
		repeat = min(repeat, t.Repeat)
	}
	hosts := slices.Compact(slices.Sorted(slices.Values(c.Code)))
	return tools.Tool{
		Name:        "run_code",
		Description: codeDescription(hosts),
		Input: json.RawMessage(`{"type":"object","properties":{"language":{"enum":["javascript","wasm"]},"source":{"type":"string"},"input":{}},` +
			`"required":["language","source"],"additionalProperties":false}`),
		Output:   json.RawMessage(`{"type":"object","properties":{"value":{},"output":{"type":"string"}},"required":["value","output"],"additionalProperties":false}`),
		Repeat:   repeat,
		Timeout:  max(codeTimeout, 2*c.Limits.Wall),
		Stateful: true,
		Run: typed(func(ctx context.Context, call *tools.Call, a program) (tools.Result, error) {
			return a.run(ctx, c, hosts, call)
		}),
	}, nil
}

func find(reg *tools.Registry, beside []tools.Tool, name string) (*tools.Tool, error) {
	if i := slices.IndexFunc(beside, func(t tools.Tool) bool { return t.Name == name }); i >= 0 {
		return &beside[i], nil
	}
	if t, ok := reg.Lookup(name); ok {
		return t, nil
	}
	return nil, fmt.Errorf("there is no tool %q%s", name, spell.Hint(name, append(namesOf(beside), reg.Names()...)))
}

func codeDescription(hosts []string) string {
	text := "Run a program and get its value. javascript: the value of the last expression; the global input is the argument of that name; " +
		"console.log prints. wasm: a WASI module in base64, with the input on standard input. " +
		"There is no network, no file and no clock. A program that fails leaves nothing behind."
	if len(hosts) > 0 {
		text += " Tools that a program may call, if you may: " + strings.Join(hosts, ", ") + "; as in host.NAME({...}), which returns the tool's result or throws."
	}
	return text
}

// program is run_code's arguments.
type program struct {
	Language sandbox.Language `json:"language"`
	Source   string           `json:"source"`
	Input    json.RawMessage  `json:"input"`
}

// ran is what the model gets: Fault in place of a value where there was one.
type ran struct {
	Value  json.RawMessage `json:"value"`
	Output string          `json:"output"`
}

// stopped is what it gets otherwise.
type stopped struct {
	Error  string `json:"error"`
	Fault  string `json:"fault"` // a sandbox.FaultKind
	Output string `json:"output,omitempty"`
}

func (p *program) run(ctx context.Context, c Config, hosts []string, call *tools.Call) (tools.Result, error) {
	seed := fnv.New64a()
	seed.Write([]byte(call.Key))
	nested := tools.Within(call)
	allowed := slices.DeleteFunc(slices.Clone(hosts), func(name string) bool { return !slices.Contains(call.Tools, name) })
	result, err := c.Run(ctx, &sandbox.Run{
		Session:  call.Session,
		Language: p.Language, Source: []byte(p.Source), Input: p.Input, Limits: c.Limits, Seed: seed.Sum64(), Hosts: allowed,
		Host: func(ctx context.Context, name string, arguments json.RawMessage) (json.RawMessage, error) {
			if !slices.Contains(allowed, name) {
				return nil, fmt.Errorf("%s may not be called from code", quoted(name))
			}
			inner, err := nested.Call(ctx, name, arguments)
			if err != nil {
				return nil, err
			}
			if inner.Failed {
				return nil, errors.New(string(inner.Content))
			}
			return inner.Content, nil
		},
	})
	var bad *sandbox.RunError
	switch {
	case errors.As(err, &bad):
		return tools.Fail("%s", bad.What), nil
	case errors.Is(err, sandbox.ErrBusy):
		return tools.Result{}, tools.NotDone(err)
	case err != nil:
		return tools.Result{}, fmt.Errorf("sandbox: %w", err)
	}
	return told(result)
}

// told is a run's result for the model. A child that died may do better next
// time, so that is an error to the machine; the other faults are the program's.
func told(r *sandbox.Result) (tools.Result, error) {
	output := strings.ToValidUTF8(string(r.Output), "\uFFFD")
	if r.Fault == nil {
		if r.Value == nil {
			r.Value = json.RawMessage("null")
		}
		return answer(ran{r.Value, output})
	}
	if r.Fault.Kind == sandbox.Crash {
		return tools.Result{}, fmt.Errorf("sandbox: %w", r.Fault)
	}
	result, err := answer(stopped{r.Fault.Message, string(r.Fault.Kind), output})
	result.Failed = true
	return result, err
}
