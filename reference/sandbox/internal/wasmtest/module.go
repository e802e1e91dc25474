// Package wasmtest assembles small WebAssembly modules for the sandbox's tests, so
// that no binary file has to be trusted. What it makes is as well formed as its
// parts are.
package wasmtest

import (
	"bytes"
	"encoding/binary"
	"maps"
)

// Value types.
const (
	I32 = 0x7f
	I64 = 0x7e
)

// Module is a module with one memory, exported as "memory", and no table.
type Module struct {
	Imports []Import
	Funcs   []Func
	Pages   uint32          // of memory
	Data    []byte          // at address 0
	Start   bool            // the first of Funcs is the start function
	Extra   map[byte][]byte // sections by id, in the place of the module's own
}

// Import is an imported function. Imports come first in the numbering of
// functions.
type Import struct {
	Module, Name string
	Type         Type
}

// Func is a function of the module.
type Func struct {
	Export string // empty: not exported
	Type   Type
	Locals []byte // one value type each
	More   uint32 // further locals of i32, in one group
	Code   []byte // without the final end
}

// Type is a function's type.
type Type struct{ Params, Results []byte }

// Binary is the module in the binary format (core specification, section 5).
func (m *Module) Binary() []byte {
	var types, imports, functions, exports, code [][]byte
	for _, i := range m.Imports {
		imports = append(imports, join(name(i.Module), name(i.Name), []byte{0}, U32(uint32(len(types)))))
		types = append(types, i.Type.bytes())
	}
	exports = append(exports, join(name("memory"), []byte{2, 0}))
	for n, f := range m.Funcs {
		functions = append(functions, U32(uint32(len(types))))
		types = append(types, f.Type.bytes())
		if f.Export != "" {
			exports = append(exports, join(name(f.Export), []byte{0}, U32(uint32(len(m.Imports)+n))))
		}
		code = append(code, f.bytes())
	}
	sections := map[byte][]byte{
		1: vector(types), 2: vector(imports), 3: vector(functions), 5: join([]byte{1, 0}, U32(m.Pages)),
		7: vector(exports), 10: vector(code),
	}
	if m.Start {
		sections[8] = U32(uint32(len(m.Imports)))
	}
	if len(m.Data) > 0 {
		sections[11] = join([]byte{1, 0}, I32Const(0), []byte{0x0b}, U32(uint32(len(m.Data))), m.Data)
	}
	maps.Copy(sections, m.Extra)
	out := []byte("\x00asm\x01\x00\x00\x00")
	for id := byte(1); id <= 11; id++ { // in this order
		if body, ok := sections[id]; ok {
			out = append(out, section(id, body)...)
		}
	}
	return out
}

func (t Type) bytes() []byte {
	return join([]byte{0x60}, U32(uint32(len(t.Params))), t.Params, U32(uint32(len(t.Results))), t.Results)
}

func (f Func) bytes() []byte {
	locals := make([][]byte, len(f.Locals))
	for i, l := range f.Locals {
		locals[i] = []byte{1, l}
	}
	if f.More > 0 {
		locals = append(locals, append(U32(f.More), I32))
	}
	body := join(vector(locals), f.Code, []byte{0x0b})
	return join(U32(uint32(len(body))), body)
}

// Ops joins opcodes, given as ints, and parts made by the functions below.
func Ops(parts ...any) []byte {
	var out []byte
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

// I32Const is the instruction with its operand.
func I32Const(n int32) []byte { return append([]byte{0x41}, signed(int64(n))...) }

// Call is the instruction with its operand.
func Call(f uint32) []byte { return append([]byte{0x10}, U32(f)...) }

// U32 is an unsigned LEB128 number.
func U32(n uint32) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func signed(n int64) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func name(s string) []byte { return append(U32(uint32(len(s))), s...) }

func section(id byte, body []byte) []byte {
	return join([]byte{id}, U32(uint32(len(body))), body)
}

func vector(elements [][]byte) []byte {
	return append(U32(uint32(len(elements))), join(elements...)...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
