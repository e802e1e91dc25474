package sandbox

import "tierlab/reference/sandbox/internal/wasmtest"

// The corpus's words: WebAssembly's instructions by their bytes (core
// specification, section 5), and modules of which the first function is run.
const (
	i32, i64 = wasmtest.I32, wasmtest.I64

	opUnreachable, opNop, opBlock, opLoop, opIf, opEnd = 0x00, 0x01, 0x02, 0x03, 0x04, 0x0b
	opBr, opBrTable, opReturn, opCall, opDrop          = 0x0c, 0x0e, 0x0f, 0x10, 0x1a
	opLocalGet, opLocalSet, opMemoryGrow               = 0x20, 0x21, 0x40
	opI32Const, opI64Const, opI32Eqz, opI32Add         = 0x41, 0x42, 0x45, 0x6a
	void                                               = 0x40
)

// assembly is a module: a memory of some pages called memory, imported
// functions, and own ones, of which the first is called run.
type assembly struct {
	imports   []imported
	functions []function
	pages     uint32
	data      []byte
	start     bool // the first function is the start function too
	extra     map[byte][]byte
}

type imported struct {
	module, name string
	params       []byte
	results      []byte
}

type function struct {
	params, results []byte
	locals          uint32 // of i32
	code            []byte
}

func unsigned(n uint32) []byte { return wasmtest.U32(n) }

func code(parts ...any) []byte { return wasmtest.Ops(parts...) }

// constant pushes an i32.
func constant(n int64) []byte { return wasmtest.I32Const(int32(n)) }

func (a assembly) bytes() []byte {
	m := wasmtest.Module{Pages: a.pages, Data: a.data, Start: a.start, Extra: a.extra}
	for _, f := range a.imports {
		m.Imports = append(m.Imports, wasmtest.Import{Module: f.module, Name: f.name, Type: wasmtest.Type{Params: f.params, Results: f.results}})
	}
	for i, f := range a.functions {
		own := wasmtest.Func{Type: wasmtest.Type{Params: f.params, Results: f.results}, More: f.locals, Code: f.code}
		if i == 0 {
			own.Export = "run"
		}
		m.Funcs = append(m.Funcs, own)
	}
	return m.Binary()
}
