package fuel

import "math"

// Types and kinds of imports and exports, by their bytes.
const (
	typeI32, typeI64, typeF32, typeF64   = 0x7f, 0x7e, 0x7d, 0x7c
	typeV128, typeFuncref, typeExternref = 0x7b, 0x70, 0x6f
	typeFunction                         = 0x60

	kindFunction, kindTable, kindMemory, kindGlobal = 0, 1, 2, 3
)

func (r *reader) valueType() {
	at := r.at
	switch b := r.byte(); b {
	case typeI32, typeI64, typeF32, typeF64, typeV128, typeFuncref, typeExternref:
	default:
		r.fail(at, "%#x is no type of a value", b)
	}
}

func (r *reader) valueTypes() uint32 {
	n := r.count()
	for range n {
		if r.valueType(); r.err != nil {
			return 0
		}
	}
	return n
}

func (m *module) readTypes(r *reader) {
	for range r.count() {
		at := r.at
		if b := r.byte(); b != typeFunction {
			r.fail(at, "%#x is no type of a function", b)
		}
		s := signature{params: r.valueTypes()}
		s.results = r.valueTypes()
		if r.err != nil {
			return
		}
		m.signature = append(m.signature, s)
	}
}

func (m *module) readImports(r *reader) {
	for range r.count() {
		r.name()
		r.name()
		at := r.at
		switch kind := r.byte(); kind {
		case kindFunction:
			m.functions = append(m.functions, m.typeIndex(r))
			m.imported++
		case kindTable:
			r.valueType()
			r.limits()
		case kindMemory:
			r.limits()
		case kindGlobal:
			r.globalType()
			m.globals++
		default:
			r.fail(at, "%#x is no kind of import", kind)
		}
		if r.err != nil {
			return
		}
	}
}

func (m *module) typeIndex(r *reader) uint32 {
	at := r.at
	n := r.u32()
	if r.err == nil && int64(n) >= int64(len(m.signature)) {
		r.fail(at, "type %d of %d", n, len(m.signature))
	}
	return n
}

// limits are a least and a most size; without one the most is any.
func (r *reader) limits() (least, most uint32) {
	at := r.at
	switch flag := r.byte(); flag {
	case 0:
		return r.u32(), math.MaxUint32
	case 1:
		least = r.u32()
		if most = r.u32(); most < least {
			r.fail(at, "limits of which the most is %d and the least %d", most, least)
		}
		return least, most
	default:
		r.fail(at, "limits of kind %#x (shared and 64-bit memories are not of WebAssembly 2.0)", flag)
	}
	return 0, 0
}

// Tables lie outside of linear memory, where no limit of a program counts them.
const (
	mostTables   = 16
	mostElements = 1 << 20 // of each
)

// readTables bounds each table: one that may grow without end may grow that far.
func (m *module) readTables(r *reader) {
	at := r.at
	n := r.count()
	if n > mostTables {
		r.fail(at, "%d tables, more than %d", n, mostTables)
		return
	}
	m.tables = appendU32(m.tables, n)
	for range n {
		at := r.at
		if r.valueType(); r.err != nil {
			return
		}
		kind := r.module[at]
		least, most := r.limits()
		if least > mostElements {
			r.fail(at, "a table of %d elements, more than %d", least, mostElements)
		}
		if r.err != nil {
			return
		}
		m.tables = append(m.tables, kind, 1)
		m.tables = appendU32(appendU32(m.tables, least), min(most, mostElements))
	}
}

func (r *reader) globalType() {
	r.valueType()
	at := r.at
	if b := r.byte(); b > 1 {
		r.fail(at, "%#x does not say whether a global is mutable", b)
	}
}

func (m *module) readFunctions(r *reader) {
	for range r.count() {
		m.functions = append(m.functions, m.typeIndex(r))
		if r.err != nil {
			return
		}
	}
}

func (m *module) readGlobals(r *reader) {
	own := r.count()
	before := m.globals
	for range own {
		r.globalType()
		m.constant(r, before)
		if r.err != nil {
			return
		}
	}
	m.globals += own
}

// constant reads an expression of which the value is known when the module
// starts. It may name one of the first globals.
func (m *module) constant(r *reader, globals uint32) {
	at := r.at
	switch op := r.byte(); op {
	case opI32Const:
		r.signed(32)
	case opI64Const:
		r.signed(64)
	case opF32Const:
		r.take(4)
	case opF64Const:
		r.take(8)
	case opGlobalGet:
		m.global(r, globals)
	case opRefNull:
		r.valueType()
	case opRefFunc:
		r.u32()
	case prefixVector:
		if sub := r.code(); sub != vectorConst {
			r.fail(at, "vector instruction %d in a constant", sub)
		}
		r.take(16)
	default:
		r.fail(at, "instruction %#x in a constant", op)
	}
	at = r.at
	if op := r.byte(); op != opEnd {
		r.fail(at, "instruction %#x where a constant ends", op)
	}
}

// global reads the number of one of the first globals of the module.
func (m *module) global(r *reader, globals uint32) {
	at := r.at
	n := r.u32()
	if r.err == nil && n >= globals {
		r.fail(at, "global %d of %d", n, globals)
	}
}

func (m *module) readExports(r *reader) {
	for range r.count() {
		at := r.at
		name := r.name()
		if name == Export || name == Start {
			r.fail(at, "the export's name %q is taken", name)
		}
		at = r.at
		switch kind := r.byte(); kind {
		case kindFunction, kindTable, kindMemory:
			r.u32()
		case kindGlobal:
			m.global(r, m.globals)
		default:
			r.fail(at, "%#x is no kind of export", kind)
		}
		if r.err != nil {
			return
		}
	}
}

func (m *module) readStart(r *reader) {
	at := r.at
	n := r.u32()
	switch {
	case r.err != nil:
	case int64(n) >= int64(len(m.functions)):
		r.fail(at, "start function %d of %d", n, len(m.functions))
	case m.signature[m.functions[n]] != signature{}:
		r.fail(at, "the start function %d has parameters or results", n)
	default:
		m.start = int(n)
	}
}

// readElements reads segments of the eight forms of the specification, section
// 5.5.12: bit 0 passive or declared, bit 1 a table or a declaration, bit 2
// expressions in place of functions.
func (m *module) readElements(r *reader) {
	for range r.count() {
		at := r.at
		form := r.u32()
		if form > 7 {
			r.fail(at, "elements of form %d", form)
			return
		}
		if form&1 == 0 {
			if form&2 != 0 {
				r.u32()
			}
			m.constant(r, m.globals)
		}
		if form&3 != 0 {
			r.byte() // the kind, or the type, of the elements
		}
		for range r.count() {
			if form&4 != 0 {
				m.constant(r, m.globals)
			} else {
				r.u32()
			}
			if r.err != nil {
				return
			}
		}
	}
}

// readData reads segments of the three forms of section 5.5.14.
func (m *module) readData(r *reader) {
	for range r.count() {
		at := r.at
		form := r.u32()
		switch form {
		case 0:
			m.constant(r, m.globals)
		case 1:
		case 2:
			r.u32()
			m.constant(r, m.globals)
		default:
			r.fail(at, "data of form %d", form)
		}
		if r.take(r.u32()); r.err != nil {
			return
		}
	}
}
