package webassembly

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/wasmtest"
)

// guest collects output and answers echo.
type guest struct{ out strings.Builder }

func (g *guest) Print(p []byte) error {
	g.out.Write(p)
	return nil
}

func (g *guest) Call(name string, args []byte) ([]byte, error) {
	if name != "echo" {
		return nil, errors.New("no " + name)
	}
	return args, nil
}

func newEngine(t testing.TB) *Engine {
	t.Helper()
	e, err := New(t.Context(), 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	return e
}

func program(source []byte) *border.Program {
	return &border.Program{Source: source, Input: []byte(`{"n":20}`), Clock: 1_700_000_000_123_456_789, Seed: 7, Memory: 1 << 20, Output: 1000}
}

func run(t testing.TB, e *Engine, p *border.Program) (*border.Outcome, string) {
	t.Helper()
	g := new(guest)
	out, err := e.Run(t.Context(), p, g)
	if err != nil {
		t.Fatal(err)
	}
	return out, g.out.String()
}

func imports(names ...string) (list []wasmtest.Import) {
	params := map[string][]byte{
		"fd_read": {wasmtest.I32, wasmtest.I32, wasmtest.I32, wasmtest.I32}, "fd_write": {wasmtest.I32, wasmtest.I32, wasmtest.I32, wasmtest.I32},
		"random_get": {wasmtest.I32, wasmtest.I32}, "clock_time_get": {wasmtest.I32, wasmtest.I64, wasmtest.I32},
		"path_open": {wasmtest.I32, wasmtest.I32, wasmtest.I32, wasmtest.I32, wasmtest.I32, wasmtest.I64, wasmtest.I64, wasmtest.I32, wasmtest.I32},
		"call":      {wasmtest.I32, wasmtest.I32, wasmtest.I32, wasmtest.I32}, "answer": {wasmtest.I32, wasmtest.I32},
	}
	for _, n := range names {
		i := wasmtest.Import{Module: "wasi_snapshot_preview1", Name: n, Type: wasmtest.Type{Params: params[n], Results: []byte{wasmtest.I32}}}
		switch n {
		case "call", "answer":
			i.Module = "tierlab"
		case "proc_exit":
			i.Type = wasmtest.Type{Params: []byte{wasmtest.I32}}
		}
		list = append(list, i)
	}
	return list
}

// command is a module whose _start runs code. Its memory starts with data.
func command(code []byte, data string, imported ...string) []byte {
	m := wasmtest.Module{Imports: imports(imported...), Pages: 1, Data: []byte(data),
		Funcs: []wasmtest.Func{{Export: "_start", Code: code}}}
	return m.Binary()
}

// stream calls import 0 (fd_read or fd_write) with one buffer; its number of
// bytes comes to address 1008.
func stream(f uint32, fd, at, size int32) []byte {
	c := wasmtest.I32Const
	store := []byte{0x36, 2, 0} // i32.store
	return wasmtest.Ops(c(1000), c(at), store, c(1004), c(size), store,
		c(fd), c(1000), c(1), c(1008), wasmtest.Call(f), 0x1a)
}

func TestPrograms(t *testing.T) {
	e := newEngine(t)
	c, ops, call := wasmtest.I32Const, wasmtest.Ops, wasmtest.Call
	drop, unreachable, forever := 0x1a, 0x00, []byte{0x03, 0x40, 0x0c, 0, 0x0b}
	load := []byte{0x28, 2, 0} // i32.load
	recursive := wasmtest.Module{Pages: 1, Funcs: []wasmtest.Func{{Export: "run", Code: call(0)}}}
	reactor := func(result int32) []byte {
		m := wasmtest.Module{Imports: imports("fd_write"), Pages: 1, Data: []byte("yes"), Funcs: []wasmtest.Func{
			{Export: "_initialize", Code: stream(0, 2, 0, 3)},
			{Export: "run", Type: wasmtest.Type{Results: []byte{wasmtest.I32}}, Code: c(result)},
		}}
		return m.Binary()
	}
	large := wasmtest.Module{Pages: 40, Funcs: []wasmtest.Func{{Export: "_start"}}}
	for _, x := range []struct {
		name   string
		source []byte
		want   string // value|output, or the fault
	}{
		{"nothing", command(nil, ""), "null|"},
		{"json", command(stream(0, 1, 0, 6), "[1, 2]", "fd_write"), "[1, 2]|"},
		{"text", command(stream(0, 1, 0, 8), "say \"so\"", "fd_write"), `"say \"so\""|`},
		{"stderr", command(stream(0, 2, 0, 3), "log", "fd_write"), "null|log"},
		{"echo", command(ops(stream(0, 0, 0, 900), c(1000), c(0), []byte{0x36, 2, 0}, c(1004), c(1008), load, []byte{0x36, 2, 0},
			c(1), c(1000), c(1), c(1008), call(1), drop), "", "fd_read", "fd_write"), `{"n":20}|`},
		{"reactor", reactor(0), "null|yes"},
		{"reactor that fails", reactor(7), "thrown: the program ended with code 7"},
		{"exit 0", command(ops(c(0), call(0)), "", "proc_exit"), "null|"},
		{"exit 3", command(ops(c(3), call(0)), "", "proc_exit"), "thrown: the program ended with code 3"},
		{"trap", command(ops(unreachable), ""), "thrown: wasm error: unreachable"},
		{"out of bounds", command(ops(c(-1), load, drop), ""), "thrown: wasm error: out of bounds memory access"},
		{"endless", command(forever, ""), "fuel: the program used its 100000 units of fuel"},
		{"recursion", recursive.Binary(), "fuel: the program used its 100000 units of fuel"},
		{"grow to the limit", command(ops(c(15), 0x40, 0, c(-1), 0x46, 0x04, 0x40, unreachable, 0x0b), ""), "null|"},
		{"grow beyond", command(ops(c(16), 0x40, 0, c(-1), 0x47, 0x04, 0x40, unreachable, 0x0b), ""), "null|"},
		{"start beyond", large.Binary(), "memory: the module starts with 40 pages of memory; 16 are allowed"},
		{"value too long", command(stream(0, 1, 0, 1001), "", "fd_write"), "output: the program's value exceeds 1000 bytes"},
		{"no file", command(ops(c(3), c(0), c(0), c(4), c(0), []byte{0x42, 0, 0x42, 0}, c(0), c(100), call(0), 0x45, 0x04, 0x40, unreachable, 0x0b),
			"/etc", "path_open"), "null|"},
		{"host call", command(ops(c(0), c(4), c(4), c(5), call(0), c(5), 0x47, 0x04, 0x40, unreachable, 0x0b,
			c(100), c(5), call(1), drop, stream(2, 1, 100, 5)), "echo[1,2]", "call", "answer", "fd_write"), "[1,2]|"},
		{"host error", command(ops(c(0), c(4), c(4), c(5), call(0), c(-8), 0x47, 0x04, 0x40, unreachable, 0x0b,
			c(100), c(7), call(1), drop, stream(2, 1, 100, 7)), "mine[1,2]", "call", "answer", "fd_write"), `"no mine"|`},
		{"host call from nowhere", command(ops(c(-5), c(4), c(4), c(5), call(0), drop), "", "call"), "thrown: an address outside of the program's memory"},
		{"no entry", (&wasmtest.Module{}).Binary(), "thrown: the module exports neither _start nor run"},
		{"entry with parameters", (&wasmtest.Module{Funcs: []wasmtest.Func{{Export: "run", Type: wasmtest.Type{Params: []byte{wasmtest.I32}}}}}).Binary(),
			"thrown: the module's run is no function without parameters and with no result or an i32"},
		{"ill typed", command(ops(0x6a), ""), "thrown: the module cannot be compiled"},
		{"cut off", command(nil, "")[:20], "thrown: the module cannot be compiled"},
		{"foreign import", (&wasmtest.Module{Imports: []wasmtest.Import{{Module: "env", Name: "f"}}, Funcs: []wasmtest.Func{{Export: "run"}}}).Binary(),
			"thrown: module[env] not instantiated"},
	} {
		p := program(x.source)
		p.Fuel = 100_000
		out, printed := run(t, e, p)
		got := string(out.Value) + "|" + printed
		if out.Stop != nil {
			got = out.Stop.Error()
		}
		if got != x.want && (out.Stop == nil || !strings.HasPrefix(got, x.want)) {
			t.Errorf("%s: got %.300s, want %s", x.name, got, x.want)
		}
	}
}

// TestClockAndRandom reads the clocks and random bytes twice: they follow from
// the run alone, and the time of day is the run's.
func TestClockAndRandom(t *testing.T) {
	c, ops, call := wasmtest.I32Const, wasmtest.Ops, wasmtest.Call
	source := command(ops(
		c(0), []byte{0x42, 1}, c(0), call(0), 0x1a,
		c(1), []byte{0x42, 1}, c(8), call(0), 0x1a,
		c(16), c(16), call(1), 0x1a, stream(2, 2, 0, 32)), "", "clock_time_get", "random_get", "fd_write")
	e := newEngine(t)
	_, first := run(t, e, program(source))
	_, second := run(t, e, program(source))
	clock := binary.LittleEndian.AppendUint64(nil, 1_700_000_000_123_456_789)
	clock = append(clock, make([]byte, 8)...) // the other clock stands at 0
	if first != second || !bytes.Equal([]byte(first[:16]), clock) {
		t.Errorf("%x, then %x; want the clocks %x", first, second, clock)
	}
	p := program(source)
	p.Seed++
	if _, other := run(t, e, p); other[16:] == first[16:] {
		t.Error("another seed gives the same random bytes")
	}
}

// TestMemoryIsClean looks for what an earlier program left.
func TestMemoryIsClean(t *testing.T) {
	c, ops := wasmtest.I32Const, wasmtest.Ops
	grow := ops(c(14), 0x40, 0, 0x1a)
	fill := command(ops(grow, c(0), c(0x55), c(15<<16), 0xfc, 0x0b, 0), "")
	look := command(ops(grow, c(15<<16-1000), []byte{0x28, 2, 0}, c(0), 0x47, 0x04, 0x40, 0x00, 0x0b,
		stream(0, 1, 70_000, 100)), "", "fd_write")
	e := newEngine(t)
	if out, _ := run(t, e, program(fill)); out.Stop != nil {
		t.Fatal(out.Stop)
	}
	out, _ := run(t, e, program(look))
	if out.Stop != nil || strings.Contains(string(out.Value), "U") {
		t.Errorf("the earlier program's memory is seen: %v %s", out.Stop, out.Value)
	}
}

// TestKeptPrograms runs more programs than are kept, twice.
func TestKeptPrograms(t *testing.T) {
	e := newEngine(t)
	for n := range int32(4 * keep) {
		out, _ := run(t, e, program(command(stream(0, 1, n%(2*keep), 1), "0123456789abcdef", "fd_write")))
		if want := "0123456789abcdef"[n%(2*keep)]; !strings.Contains(string(out.Value), string(want)) {
			t.Errorf("program %d: %s, want %c", n, out.Value, want)
		}
		if len(e.kept) > keep {
			t.Fatalf("%d programs are kept", len(e.kept))
		}
	}
}

// TestRecursion has no fuel limit: the engine's own stack ends it.
func TestRecursion(t *testing.T) {
	m := wasmtest.Module{Pages: 1, Funcs: []wasmtest.Func{{Export: "run", Code: wasmtest.Call(0)}}}
	out, _ := run(t, newEngine(t), program(m.Binary()))
	if out.Stop == nil || out.Stop.Fault != border.StackOverflow {
		t.Errorf("%v, want a stack overflow", out.Stop)
	}
}

// TestFuel counts the same twice, and in proportion to the work.
func TestFuel(t *testing.T) {
	c, ops := wasmtest.I32Const, wasmtest.Ops
	loop := func(n int32) *border.Program { // counts local 0 down from n
		m := wasmtest.Module{Pages: 1, Funcs: []wasmtest.Func{{Export: "run", Locals: []byte{wasmtest.I32},
			Code: ops(c(n), 0x21, 0, 0x03, 0x40, 0x20, 0, c(1), 0x6b, 0x22, 0, 0x0d, 0, 0x0b)}}}
		return program(m.Binary())
	}
	e := newEngine(t)
	used := func(n int32) uint64 {
		out, _ := run(t, e, loop(n))
		return out.Fuel
	}
	if a, b := used(100), used(100); a != b || a == 0 {
		t.Errorf("the same program takes %d, then %d units of fuel", a, b)
	}
	if a, b, c := used(100), used(200), used(300); c-b != b-a || b <= a {
		t.Errorf("100, 200 and 300 rounds take %d, %d and %d units of fuel", a, b, c)
	}
}
