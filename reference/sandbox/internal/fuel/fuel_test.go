package fuel

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"
)

// engine is an instance that counts.
type engine struct {
	module api.Module
	budget api.MutableGlobal
}

func load(t rapid.TB, r wazero.Runtime, binary []byte, budget int64) *engine {
	t.Helper()
	counted, err := Instrument(binary)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(context.Background(), counted, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatalf("the counting module is refused: %v", err)
	}
	e := &engine{m, m.ExportedGlobal(Export).(api.MutableGlobal)}
	e.budget.Set(uint64(budget))
	return e
}

func (e *engine) left() int64 { return int64(e.budget.Get()) }

func runtimes(t testing.TB) map[string]wazero.Runtime {
	all := map[string]wazero.Runtime{
		"compiler":    wazero.NewRuntime(t.Context()),
		"interpreter": wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter()),
	}
	t.Cleanup(func() {
		for _, r := range all {
			r.Close(context.Background())
		}
	})
	return all
}

// TestCount holds the count to that of an interpreter of the same programs,
// under both of wazero's engines, and the end to the budget: what was not
// enough by one is exhausted.
func TestCount(t *testing.T) {
	all := runtimes(t)
	rapid.Check(t, func(rt *rapid.T) {
		p := drawProgram(rt)
		a, b := rapid.Int32Range(-5, 5).Draw(rt, "a"), rapid.Int32Range(-5, 5).Draw(rt, "b")
		want, ok := count(p, a, b)
		if !ok {
			rt.Skip(errMost)
		}
		for name, r := range all {
			e := load(rt, r, p.emit(), want)
			_, err := e.module.ExportedFunction("run").Call(t.Context(), api.EncodeI32(a), api.EncodeI32(b))
			if err != nil || e.left() != 0 {
				rt.Fatalf("%s: of a budget of %d %d is left (%v)", name, want, e.left(), err)
			}
			e.budget.Set(uint64(want - 1))
			e.module.ExportedFunction("run").Call(t.Context(), api.EncodeI32(a), api.EncodeI32(b))
			if !Exhausted(e.left()) {
				rt.Fatalf("%s: a budget of %d is not exhausted by %d", name, want-1, want)
			}
			e.module.Close(t.Context())
		}
	})
}

func count(p program, a, b int32) (n int64, ok bool) {
	m := machine{program: p, most: 100_000}
	defer func() {
		if r := recover(); r != nil && r != any(errMost) {
			panic(r)
		} else if r != nil {
			ok = false
		}
	}()
	m.call(0, a, b)
	return m.count, true
}

// TestStops names programs that have no end of their own.
func TestStops(t *testing.T) {
	nothing := section(sectionType, list([]byte{typeFunction, 0, 0})...)
	run := section(sectionExport, list(exported("run", kindFunction, 0))...)
	tree := [][]byte{}
	for i := range byte(60) {
		tree = append(tree, function(0, opCall, i+1, opCall, i+1))
	}
	tree = append(tree, function(0))
	index := make([][]byte, len(tree))
	for i := range index {
		index[i] = []byte{0}
	}
	fill := []byte{opLoop, emptyBlock, opI32Const, 0, opI32Const, 0, opI32Const, 0x80, 0x80, 0x04, prefixMore, moreMemoryFill, 0, opBr, 0, opEnd}
	for _, c := range []struct {
		name   string
		binary []byte
	}{
		{"a loop", assemble(nothing, section(sectionFunction, 1, 0), run,
			section(sectionCode, list(function(0, opLoop, emptyBlock, opBr, 0, opEnd))...))},
		{"a tree of calls without a loop", assemble(nothing, section(sectionFunction, list(index...)...), run,
			section(sectionCode, list(tree...)...))},
		{"a loop that fills memory", assemble(nothing, section(sectionFunction, 1, 0), section(sectionMemory, 1, 0, 1), run,
			section(sectionCode, list(function(0, fill...))...))},
	} {
		for name, r := range runtimes(t) {
			e := load(t, r, c.binary, 1_000_000)
			_, err := e.module.ExportedFunction("run").Call(t.Context())
			if err == nil || !strings.Contains(err.Error(), "unreachable") || !Exhausted(e.left()) || e.left() < -2000 {
				t.Errorf("%s under the %s: %d left, %v", c.name, name, e.left(), err)
			}
		}
	}
}

// TestStart: the start function does not run by itself, and is counted.
func TestStart(t *testing.T) {
	binary := assemble(section(sectionType, list([]byte{typeFunction, 0, 0})...), section(sectionFunction, 1, 0),
		section(sectionStart, 0), section(sectionCode, list(function(0, opLoop, emptyBlock, opBr, 0, opEnd))...))
	e := load(t, runtimes(t)["compiler"], binary, 1000)
	if e.left() != 1000 {
		t.Fatalf("before the start %d is left", e.left())
	}
	if _, err := e.module.ExportedFunction(Start).Call(t.Context()); err == nil || !Exhausted(e.left()) {
		t.Errorf("%d is left after the start (%v)", e.left(), err)
	}
}

// TestTables: a table that may grow without end grows to the bound.
func TestTables(t *testing.T) {
	grow := func(n int64) []byte {
		return append(appendSigned([]byte{opRefNull, typeFuncref, opI32Const}, n), prefixMore, moreTableGrow, 0)
	}
	for _, c := range []struct {
		n, want int64
	}{{1<<20 - 1, 1}, {1 << 20, -1}, {100_000_000, -1}} {
		binary := assemble(section(sectionType, list([]byte{typeFunction, 0, 1, typeI32})...), section(sectionFunction, 1, 0),
			section(sectionTable, 1, typeFuncref, 0, 1), section(sectionExport, list(exported("run", kindFunction, 0))...),
			section(sectionCode, list(function(0, grow(c.n)...))...))
		e := load(t, runtimes(t)["interpreter"], binary, 1000)
		got, err := e.module.ExportedFunction("run").Call(t.Context())
		if err != nil || int64(int32(got[0])) != c.want {
			t.Errorf("a table of 1 that grows by %d says %v, %v; want %d", c.n, got, err, c.want)
		}
	}
}

// TestRefused names modules that are refused, by what the error says.
func TestRefused(t *testing.T) {
	nothing := section(sectionType, list([]byte{typeFunction, 0, 0})...)
	one := section(sectionFunction, 1, 0)
	code := func(c ...byte) []byte {
		return assemble(nothing, one, section(sectionCode, list(function(2, c...))...))
	}
	global := section(sectionGlobal, 1, typeI64, 1, opI64Const, 0, opEnd)
	for _, c := range []struct {
		name   string
		binary []byte
		says   string
	}{
		{"nothing", nil, "at byte 0: not a WebAssembly module"},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), "not a WebAssembly module of version 1"},
		{"the budget's global read", code(opGlobalGet, 0, 0x1a), "global 0 of 0"},
		{"the budget's global set", code(opI64Const, 0, opGlobalSet, 0), "global 0 of 0"},
		{"the budget exported", assemble(global, section(sectionExport, list(exported("g", kindGlobal, 1))...)), "global 1 of 1"},
		{"the budget's name taken", assemble(global, section(sectionExport, list(exported(Export, kindGlobal, 0))...)), `"tierlab:fuel" is taken`},
		{"the start's name taken", assemble(global, section(sectionExport, list(exported(Start, kindGlobal, 0))...)), `"tierlab:start" is taken`},
		{"a constant from the budget", assemble(section(sectionGlobal, 1, typeI64, 0, opGlobalGet, 0, opEnd)), "global 0 of 0"},
		{"data at the budget", assemble(section(sectionMemory, 1, 0, 1), section(sectionData, 1, 0, opGlobalGet, 0, opEnd, 0)), "global 0 of 0"},
		{"an added local variable", code(opLocalGet, 2, 0x1a), "local variable 2 of 2"},
		{"threads", code(0xfe, 0x03, 0x00), "instruction 0xfe"},
		{"a tail call", code(0x12, 0), "instruction 0x12"},
		{"an exception", code(0x08, 0), "instruction 0x8"},
		{"a relaxed vector", code(prefixVector, 0x80, 0x02), "vector instruction 256"},
		{"an overlong instruction", code(prefixVector, 0x8c, 0x00), "in 2 bytes, 1 are enough"},
		{"a shared memory", assemble(section(sectionMemory, 1, 3, 1, 1), section(sectionImport, list(append(join(appendName(nil, "a"), appendName(nil, "b")), kindMemory, 3, 1, 1))...)), "out of order"},
		{"a shared imported memory", assemble(section(sectionImport, list(append(join(appendName(nil, "a"), appendName(nil, "b")), kindMemory, 3, 1, 1))...)), "limits of kind 0x3"},
		{"four thousand million variables", assemble(nothing, one, section(sectionCode, list([]byte{8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, typeI32, opEnd})...)), "more than 50000 local variables"},
		{"a table of a hundred million", assemble(section(sectionTable, join([]byte{1, typeFuncref, 0}, appendU32(nil, 100_000_000))...)), "a table of 100000000 elements, more than 1048576"},
		{"seventeen tables", assemble(section(sectionTable, join([]byte{17}, bytes.Repeat([]byte{typeFuncref, 0, 0}, 17))...)), "17 tables, more than 16"},
		{"a table that ends before it starts", assemble(section(sectionTable, 1, typeFuncref, 1, 2, 1)), "the most is 1 and the least 2"},
		{"a table without a type", assemble([]byte{sectionTable, 1, 1}), "a list of 1 elements in 0 bytes"},
		{"an integer too long", assemble([]byte{sectionType, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), "more than 5 bytes"},
		{"an integer too large", code(opI32Const, 0xff, 0xff, 0xff, 0xff, 0x4f), "more than 32 bits"},
		{"a section cut off", assemble([]byte{sectionType, 9, 1}), "9 bytes are expected, 1 are left"},
		{"a function that goes on", code(opEnd), "1 bytes after the end of a function"},
		{"a function that stops short", assemble(nothing, one, section(sectionCode, list([]byte{3, 0, opBlock, emptyBlock})...)), "ends where a byte is expected"},
		{"code without a function", assemble(nothing, section(sectionCode, list(function(0))...)), "the code of 1 functions, 0 are declared"},
		{"a section twice", assemble(global, global), "there twice"},
		{"an unknown section", assemble(section(13, 0)), "section 13"},
		{"a start with parameters", assemble(section(sectionType, list([]byte{typeFunction, 1, typeI32, 0})...), one, section(sectionStart, 0)), "has parameters"},
	} {
		_, err := Instrument(c.binary)
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error that says %q", c.name, err, c.says)
		}
	}
}

// TestIntegers holds both directions of LEB128 to each other.
func TestIntegers(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 63, 64, -64, -65, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		b := appendSigned(nil, n)
		r := &reader{module: b, end: len(b)}
		if got := r.signed(64); got != n || r.err != nil || r.more() {
			t.Errorf("%d is read as %d (%v)", n, got, r.err)
		}
		if n == int64(int32(n)) {
			r := &reader{module: b, end: len(b)}
			if got := r.signed(32); got != n || r.err != nil {
				t.Errorf("%d is read as %d in 32 bits (%v)", n, got, r.err)
			}
		}
	}
}
