package quickjs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The exports that patch adds: all globals, of which the first is the stack
// pointer (i32), and the last two are patch's own (i64).
func globalName(n uint32) string { return fmt.Sprintf("tierlab_global_%d", n) }

// gateImport is the function of WASI behind which the gate leaves: six i32
// parameters, of which the context, the number of arguments and their address
// are the first three.
const gateImport = "path_rename"

// added says where patch has put its functions in the function table, and the
// names of globals.
type added struct {
	gate, interrupt uint32
	stackPointer    string
	gateValue       string // the JSValue that the gate returns
	fuelLeft        string // calls of the interrupt handler before it stops the program
}

// The sections of a module that Patch looks at, by their numbers in the
// WebAssembly specification, section 5.5.
const (
	sectionCustom   = 0
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionGlobal   = 6
	sectionExport   = 7
	sectionElement  = 9
	sectionCode     = 10
)

const (
	i32, i64 = 0x7f, 0x7e

	kindFunction, kindGlobal = 0x00, 0x03
)

// patch adds the gate, the interrupt handler and the exports to QuickJS'
// module (see the package comment).
func patch(module []byte) ([]byte, *added, error) {
	s, err := split(module)
	if err != nil {
		return nil, nil, err
	}
	imports, gate, err := importedFunctions(s[sectionImport])
	if err != nil {
		return nil, nil, err
	}
	functions, _ := count(s[sectionFunction])
	globals, initial := count(s[sectionGlobal])
	if len(initial) < 2 || initial[0] != i32 || initial[1] != 1 {
		return nil, nil, errors.New("global 0 is no mutable i32: not the stack pointer of a C program")
	}
	types, _ := count(s[sectionType])
	s[sectionType] = add(s[sectionType],
		[]byte{0x60, 4, i32, i64, i32, i32, 1, i64}, // a C function: (ctx, this, argc, argv)
		[]byte{0x60, 2, i32, i32, 1, i32})           // an interrupt handler: (runtime, opaque)
	s[sectionFunction] = add(s[sectionFunction], leb(types), leb(types+1))
	s[sectionGlobal] = add(s[sectionGlobal],
		[]byte{i64, 1, 0x42, 0, 0x0b}, // i64.const 0
		[]byte{i64, 1, 0x42, 0, 0x0b})
	for n := range globals + 2 {
		s[sectionExport] = add(s[sectionExport], export(globalName(n), n))
	}
	s[sectionCode] = add(s[sectionCode], gateBody(gate, globals), interruptBody(globals+1))
	at, err := growTable(&s, 2)
	if err != nil {
		return nil, nil, err
	}
	first := imports + functions
	segment := bytes.Join([][]byte{{0, 0x41}, signed(at), {0x0b, 2}, leb(first), leb(first + 1)}, nil)
	s[sectionElement] = add(s[sectionElement], segment)
	return join(s), &added{
		gate: at, interrupt: at + 1,
		stackPointer: globalName(0), gateValue: globalName(globals), fuelLeft: globalName(globals + 1),
	}, nil
}

// gateBody is the code of the gate: call the import, return the global.
func gateBody(imported, value uint32) []byte {
	return body(
		[]byte{0x20, 0, 0x20, 2, 0x20, 3},         // local.get ctx, argc, argv
		[]byte{0x41, 0, 0x41, 0, 0x41, 0},         // i32.const 0, three times
		[]byte{0x10}, leb(imported), []byte{0x1a}, // call, drop
		[]byte{0x23}, leb(value)) // global.get
}

// interruptBody is the code of the interrupt handler: take one from the fuel,
// return whether it is below zero.
func interruptBody(fuel uint32) []byte {
	return body(
		[]byte{0x23}, leb(fuel), []byte{0x42, 1, 0x7d}, // global.get, i64.const 1, i64.sub
		[]byte{0x24}, leb(fuel), // global.set
		[]byte{0x23}, leb(fuel), []byte{0x42, 0, 0x53}) // global.get, i64.const 0, i64.lt_s
}

// body is a function's code without locals, with its size in front.
func body(code ...[]byte) []byte {
	b := append([]byte{0}, bytes.Join(code, nil)...)
	b = append(b, 0x0b)
	return append(leb(uint32(len(b))), b...)
}

func export(name string, global uint32) []byte {
	b := append(leb(uint32(len(name))), name...)
	return append(append(b, kindGlobal), leb(global)...)
}

// growTable makes room for n more functions in the only table, whose size is
// fixed, and returns the first new place.
func growTable(s *sections, n uint32) (uint32, error) {
	tables, t := count(s[sectionTable])
	if tables != 1 || len(t) < 3 || t[0] != 0x70 || t[1] != 1 {
		return 0, errors.New("no single function table of bounded size")
	}
	low, rest := number(t[2:])
	high, rest := number(rest)
	if low != high || len(rest) != 0 {
		return 0, fmt.Errorf("the function table may grow from %d to %d: its places are not known", low, high)
	}
	s[sectionTable] = bytes.Join([][]byte{{1, 0x70, 1}, leb(low + n), leb(low + n)}, nil)
	return low, nil
}

// importedFunctions counts the imported functions, which come before the
// module's own, and finds the gate's.
func importedFunctions(section []byte) (n, gate uint32, err error) {
	entries, rest := count(section)
	found := false
	for range entries {
		var name []byte
		_, rest = text(rest)
		name, rest = text(rest)
		if len(rest) < 2 || rest[0] != kindFunction {
			return 0, 0, fmt.Errorf("import %q is no function", name)
		}
		if string(name) == gateImport {
			gate, found = n, true
		}
		_, rest = number(rest[1:])
		n++
	}
	if !found {
		return 0, 0, fmt.Errorf("no import %s to put the gate behind", gateImport)
	}
	return n, gate, nil
}

// sections are a module's sections by number, without the custom ones.
type sections [14][]byte

var preamble = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

func split(module []byte) (s sections, err error) {
	rest, found := bytes.CutPrefix(module, preamble)
	if !found {
		return s, errors.New("not a WebAssembly module of version 1")
	}
	for len(rest) > 0 {
		id := rest[0]
		size, after := number(rest[1:])
		if int(id) >= len(s) || uint64(size) > uint64(len(after)) {
			return s, fmt.Errorf("section %d of %d bytes: not one of WebAssembly 2.0, or cut off", id, size)
		}
		if id != sectionCustom {
			s[id] = after[:size]
		}
		rest = after[size:]
	}
	return s, nil
}

// order is that of sections in a module: data count comes before code.
var order = []int{1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11}

func join(s sections) []byte {
	out := bytes.Clone(preamble)
	for _, id := range order {
		if s[id] != nil {
			out = append(append(append(out, byte(id)), leb(uint32(len(s[id])))...), s[id]...)
		}
	}
	return out
}

// add appends entries to a section that is a vector.
func add(section []byte, entries ...[]byte) []byte {
	n, rest := count(section)
	return append(append(leb(n+uint32(len(entries))), rest...), bytes.Join(entries, nil)...)
}

func count(section []byte) (uint32, []byte) {
	if len(section) == 0 {
		return 0, nil
	}
	return number(section)
}

func text(b []byte) (s, rest []byte) {
	n, rest := number(b)
	n = min(n, uint32(len(rest)))
	return rest[:n], rest[n:]
}

// number reads an unsigned LEB128 number; of what is none it makes 0 and no rest.
func number(b []byte) (uint32, []byte) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > 1<<32-1 {
		return 0, nil
	}
	return uint32(n), b[size:]
}

func leb(n uint32) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// signed is n as a signed LEB128 number.
func signed(n uint32) []byte {
	b := leb(n)
	if b[len(b)-1]&0x40 != 0 { // reads as a negative number: one more byte
		b[len(b)-1] |= 0x80
		b = append(b, 0)
	}
	return b
}
