package sandbox

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Child()
	compromised()
	os.Exit(m.Run())
}

func newPool(t testing.TB, c Config) *Pool {
	t.Helper()
	p, err := NewPool(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestRun(t *testing.T) {
	p := newPool(t, Config{Workers: 1, Limits: Limits{Wall: time.Minute}}) // machines are slow at times
	for _, c := range []struct {
		name   string
		source string
		limits Limits
		value  string
		output string
		fault  FaultKind
	}{
		{"value", `input.n + 1`, Limits{}, "3", "", ""},
		{"output", `print("hello"); null`, Limits{}, "null", "hello\n", ""},
		{"host", `host.add([1, 2]).sum`, Limits{}, "3", "", ""},
		{"thrown", `null.x`, Limits{}, "", "", Thrown},
		{"wall", `print("x"); for (;;);`, Limits{Wall: 100 * time.Millisecond}, "", "x\n", WallExceeded},
		{"after a kill", `"fine"`, Limits{}, `"fine"`, "", ""},
		{"fuel", `for (;;);`, Limits{Fuel: 1000}, "", "", FuelUsed},
		{"memory", `let l = []; for (;;) l.push(new Array(1000).fill(1))`, Limits{Memory: 8 << 20}, "", "", MemoryFull},
		{"stack", `function f() { f() } f()`, Limits{}, "", "", StackOverflow},
		{"output limit", `for (;;) print("0123456789")`, Limits{Output: 15}, "", "0123456789\n0123", OutputFull},
		{"value over the output limit", `"0123456789abcdef"`, Limits{Output: 15}, "", "", OutputFull},
		{"host calls", `for (;;) host.add([1, 1])`, Limits{HostCalls: 5}, "", "", HostCallsUsed},
		{"host bytes", `for (;;) host.add([1, 1])`, Limits{HostBytes: 50}, "", "", HostCallsUsed},
	} {
		r, err := p.Run(t.Context(), &Run{
			Language: JavaScript, Source: []byte(c.source), Input: json.RawMessage(`{"n":2}`), Limits: c.limits,
			Hosts: []string{"add"},
			Host: func(_ context.Context, _ string, args json.RawMessage) (json.RawMessage, error) {
				var n [2]int
				if err := json.Unmarshal(args, &n); err != nil {
					return nil, err
				}
				return json.Marshal(map[string]int{"sum": n[0] + n[1]})
			},
		})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var fault FaultKind
		if r.Fault != nil {
			fault = r.Fault.Kind
		}
		if string(r.Value) != c.value || string(r.Output) != c.output || fault != c.fault {
			t.Errorf("%s: value %s, output %q, fault %v; want %s, %q, %s", c.name, r.Value, r.Output, r.Fault, c.value, c.output, c.fault)
		}
	}
}
