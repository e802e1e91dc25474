package quickjs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
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
	g := new(guest)
	out, err := e.Run(t.Context(), p, g)
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

// TestRestored compares an instance that ran a program with the image.
func TestRestored(t *testing.T) {
	e := newEngine(t)
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := e.fresh
	memory := func() []byte {
		b, _ := first.memory.Read(0, first.memory.Size())
		return bytes.Clone(b)
	}
	before, globals := memory(), first.globals()
	if out, _ := run(t, e, program(`globalThis.x = "secret".repeat(1000); host.echo(x.length)`)); string(out.Value) != "6000" {
		t.Fatalf("%s %v", out.Value, out.Stop)
	}
	if bytes.Equal(memory(), before) || !bytes.Contains(memory(), []byte("secretsecret")) {
		t.Error("the program has left no trace to be looked for")
	}
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e.fresh != first {
		t.Error("the instance was not used again")
	}
	if !bytes.Equal(memory(), before) || !maps.Equal(first.globals(), globals) {
		t.Error("the instance differs from the image that it was made from")
	}
	if len(globals) < 3 {
		t.Errorf("%d globals: there are the stack pointer and two of patch's", len(globals))
	}
	for _, source := range []string{`new Uint8Array(5e6).length`, `null.x`} { // one grows, one ends early
		run(t, e, program(source))
		if err := e.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.fresh == first {
			t.Errorf("%s: the instance was used again", source)
		}
		if b, _ := e.fresh.memory.Read(0, e.fresh.memory.Size()); !bytes.Equal(b, before) {
			t.Errorf("%s: the next instance differs from the image", source)
		}
		first = e.fresh
	}
}

// TestFuel counts the same twice, stops at the check that the limit names, and
// goes on at one more.
func TestFuel(t *testing.T) {
	e := newEngine(t)
	fuel := func(source string, limit uint64) (uint64, string) {
		p := program(source)
		p.Fuel = limit
		out, _ := run(t, e, p)
		if out.Stop != nil {
			return out.Fuel, out.Stop.Fault
		}
		return out.Fuel, ""
	}
	loop := func(n int) string { return fmt.Sprintf("for (let i = 0; i < %d; i++);", n) }
	a, _ := fuel(loop(100), 0)
	b, _ := fuel(loop(30_100), 0)
	if again, _ := fuel(loop(30_100), 0); again != b || b <= a || (b-a)%30_000 != 0 {
		t.Errorf("100 rounds take %d, 30,100 take %d and then %d units", a, b, again)
	}
	if got, fault := fuel(loop(30_100), b); fault != border.FuelUsed || got != b {
		t.Errorf("with %d units: %q after %d", b, fault, got)
	}
	if got, fault := fuel(loop(30_100), b+1); fault != "" || got != b {
		t.Errorf("with %d units: %q after %d", b+1, fault, got)
	}
	for _, endless := range []string{`for (;;);`, `function f() { f() } for (;;) try { f() } catch {}`,
		`(function f() { Promise.resolve().then(f) })()`, `/(a*)*b/.test("a".repeat(40))`, `for (;;) try { for (;;); } catch {} finally { continue }`} {
		if got, fault := fuel(endless, 50_000); fault != border.FuelUsed || got != 50_000 {
			t.Errorf("%s: %q after %d units", endless, fault, got)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	e := newEngine(b)
	p := program(`let s = 0; for (let i = 0; i < 100; i++) s += i; s`)
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			e.used, e.fresh = e.fresh, nil
			if err := e.Prepare(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			run(b, e, p)
		}
	})
}
