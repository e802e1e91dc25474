package sandbox

import "encoding/binary"

// The assembler of the corpus: WebAssembly's instructions and sections by their
// bytes (core specification, section 5).
const (
	i32, i64 = 0x7f, 0x7e

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

func unsigned(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func signed(n int64) (b []byte) {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func text(s string) []byte { return append(unsigned(uint64(len(s))), s...) }

func vector(parts ...[]byte) []byte {
	out := unsigned(uint64(len(parts)))
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func code(parts ...any) (out []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

// constant pushes an i32.
func constant(n int64) []byte { return append([]byte{opI32Const}, signed(int64(int32(n)))...) }

func (a assembly) bytes() []byte {
	var signatures, imports, index, bodies [][]byte
	signature := func(params, results []byte) []byte {
		signatures = append(signatures, code(0x60, text(string(params)), text(string(results))))
		return unsigned(uint64(len(signatures) - 1))
	}
	for _, f := range a.imports {
		imports = append(imports, code(text(f.module), text(f.name), 0, signature(f.params, f.results)))
	}
	for _, f := range a.functions {
		index = append(index, signature(f.params, f.results))
		body := code(1, unsigned(uint64(f.locals)), i32, f.code, opEnd)
		bodies = append(bodies, code(unsigned(uint64(len(body))), body))
	}
	first := unsigned(uint64(len(a.imports)))
	sections := map[byte][]byte{
		1: vector(signatures...), 2: vector(imports...), 3: vector(index...),
		5: code(1, 0, unsigned(uint64(a.pages))), 10: vector(bodies...),
		7: vector(code(text("run"), 0, first), code(text("memory"), 2, 0)),
	}
	if a.start {
		sections[8] = first
	}
	if a.data != nil {
		sections[11] = code(1, 0, opI32Const, 0, opEnd, unsigned(uint64(len(a.data))), a.data)
	}
	for id, body := range a.extra {
		sections[id] = body
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	for id := byte(1); id <= 11; id++ {
		if body, ok := sections[id]; ok {
			out = append(out, code(int(id), unsigned(uint64(len(body))), body)...)
		}
	}
	return out
}
