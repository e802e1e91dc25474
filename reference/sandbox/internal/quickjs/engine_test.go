package quickjs

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tierlab/reference/sandbox/internal/border"
)

// guest collects output and answers echo and fail.
type guest struct{ out strings.Builder }

func (g *guest) Print(p []byte) error {
	g.out.Write(p)
	if g.out.Len() > 1<<20 {
		return &border.Stop{Fault: border.OutputFull, Message: "too much"}
	}
	return nil
}

func (g *guest) Call(name string, args []byte) ([]byte, error) {
	if name == "fail" {
		return nil, errors.New("no such \"thing\"")
	}
	return args, nil
}

func newEngine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(t.Context(), nil, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	return e
}

func program(source string) *border.Program {
	return &border.Program{
		Source: []byte(source), Input: []byte(`{"n":20,"list":[1,2,3]}`), Hosts: []string{"echo", "fail"},
		Clock: 1_700_000_000_123_456_789, Seed: 7, Memory: 32 << 20, Stack: 256 << 10,
	}
}

func run(t testing.TB, e *Engine, p *border.Program) (*border.Outcome, string) {
	t.Helper()
	i, err := e.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := new(guest)
	out, err := e.Run(t.Context(), i, p, g)
	if err != nil {
		t.Fatalf("%s: %v", p.Source, err)
	}
	return out, g.out.String()
}

func TestPrograms(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct{ source, want string }{
		{`1+1`, `2`},
		{``, `null`},
		{`input.n * 2`, `40`},
		{`let s = 0; for (const n of input.list) s += n; s`, `6`},
		{`print("a", 1, {b: [2]}, null, undefined, new TypeError("x"))`, `a 1 {"b":[2]} null undefined TypeError: x|null`},
		{`console.log("x"); console.error("y"); 3`, "x\ny|3"},
		{`Date.now()`, `1700000000123`},
		{`new Date().toISOString()`, `"2023-11-14T22:13:20.123Z"`},
		{`[performance.now(), performance.timeOrigin, new Date().getTimezoneOffset()]`, `[0,1700000000123.4568,0]`},
		{`host.echo({a: [1, "\u00e9"]})`, `{"a":[1,"é"]}`},
		{`host.echo()`, `null`},
		{`try { host.fail(1) } catch (e) { e.message }`, `"no such \"thing\""`},
		{`host.fail(1)`, "thrown: program.js:1:5: Error: no such \"thing\""},
		{`host.other(1)`, "thrown: program.js:1:5: TypeError: not a function"},
		{`await Promise.resolve(5)`, `5`},
		{`(async () => { await null; return 6 })()`, `6`},
		{`await new Promise(() => {})`, "thrown: the program waits for a promise that nothing can settle any more"},
		{`(async () => { throw new Error("late") })()`, "thrown: program.js:1:25: Error: late"},
		{"let a;\nlet \n x = ;", "thrown: program.js:3:1: SyntaxError: unexpected token in expression: ';'"},
		{"function f() {\n null.x }\nf()", "thrown: program.js:2:2: TypeError: cannot read property 'x' of null"},
		{`throw {code: 5, toString() { return "mine" }}`, "thrown: mine"},
		{`throw {toString() { throw 1 }}`, "thrown: an error that cannot be shown"},
		{`const a = []; a.push(a); a`, "thrown: TypeError: circular reference"},
		{`10n`, "thrown: TypeError: BigInt are forbidden in JSON.stringify"},
		{`function f(n) { return f(n + 1) + 1 } f(0)`, "stack:"},
		{`function f(n) { try { return f(n + 1) } catch (e) { return n > 100 && e instanceof RangeError } } f(0)`, "true"},
		{`let s = "x"; for (;;) s += s`, "thrown:"},
		{`let l = []; for (;;) l.push(new Array(1000).fill(1))`, "memory:"},
		{`new ArrayBuffer(1e9)`, "memory:"},
		{`for (;;) print("x".repeat(1000))`, "output: too much"},
		{`typeof std + typeof os + typeof setTimeout + typeof require + typeof process + typeof fetch + typeof Worker`, `"` + strings.Repeat("undefined", 7) + `"`},
		{`import("os")`, "thrown:"},
		{`Object.keys(globalThis)`, `[]`},
		{`JSON.stringify = () => "lie"; JSON.parse = () => "lie"; Object.prototype.value = 3; host.echo([1])`, `[1]`},
		{`({toJSON() { throw new Error("bomb") }})`, "thrown: program.js:1:23: Error: bomb"},
		{`host.echo = 1; host.evil = 2; Object.keys(host)`, `["echo","fail"]`},
		{`({get a() { return host.echo("in a getter") }})`, `{"a":"in a getter"}`},
		{`new Proxy({}, {ownKeys() { return ["x"] }, getOwnPropertyDescriptor() { return {enumerable: true, configurable: true} }, get() { return 9 }})`, `{"x":9}`},
		{`"\ud800" + "ok"`, `"\ud800ok"`},
		{`Symbol("s")`, `null`},
	} {
		out, printed := run(t, e, program(c.source))
		got := string(out.Value)
		if out.Stop != nil {
			got = out.Stop.Error()
			if strings.HasSuffix(c.want, ":") {
				got, _, _ = strings.Cut(got, " ")
			}
		} else if printed != "" {
			got = strings.TrimSuffix(printed, "\n") + "|" + got
		}
		if got != c.want {
			t.Errorf("%s\n got %.300s\nwant %s", c.source, got, c.want)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	e := newEngine(b)
	p := program(`let s = 0; for (let i = 0; i < 100; i++) s += i; s`)
	b.Run("fresh", func(b *testing.B) {
		for b.Loop() {
			i, err := e.Fresh(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			i.module.Close(b.Context())
		}
	})
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			run(b, e, p)
		}
	})
}
