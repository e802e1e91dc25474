package fuel

// The assembler of the tests: sections and instructions as bytes.

func section(id byte, body ...byte) []byte {
	return append(appendU32([]byte{id}, uint32(len(body))), body...)
}

func list(elements ...[]byte) []byte {
	out := appendU32(nil, uint32(len(elements)))
	for _, e := range elements {
		out = append(out, e...)
	}
	return out
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func assemble(sections ...[]byte) []byte {
	return append(append([]byte{}, preamble...), join(sections...)...)
}

// function is a body with a group of local variables, closed by end.
func function(locals uint32, code ...byte) []byte {
	body := appendU32([]byte{1}, locals)
	body = append(append(append(body, typeI32), code...), opEnd)
	return append(appendU32(nil, uint32(len(body))), body...)
}

func exported(name string, kind byte, index uint32) []byte {
	return appendU32(append(appendName(nil, name), kind), index)
}

// emit writes the program: function 0 is exported as run.
func (p program) emit() []byte {
	var index, code [][]byte
	for _, f := range p.functions {
		index = append(index, []byte{0})
		code = append(code, function(variable-params, emitList(nil, f, nil)...))
	}
	return assemble(
		section(sectionType, list([]byte{typeFunction, params, typeI32, typeI32, 0})...),
		section(sectionFunction, list(index...)...),
		section(sectionMemory, 1, 0, 1),
		section(sectionExport, list(exported("run", kindFunction, 0))...),
		section(sectionCode, list(code...)...))
}

// emitList writes statements; labels are what stands around them, innermost
// last: whether a leave stops there.
func emitList(out []byte, list []statement, labels []bool) []byte {
	for _, s := range list {
		out = emitOne(out, s, labels)
	}
	return out
}

func emitOne(out []byte, s statement, labels []bool) []byte {
	switch s.kind {
	case "nop":
		out = append(out, 0x01)
	case "set":
		out = append(emitValue(out, s.e), opLocalSet, byte(s.to))
	case "fill":
		out = append(out, opI32Const, 0, opI32Const, 0)
		out = emitValue(out, s.e)
		out = append(appendSigned(append(out, opI32Const), 1023), 0x71, prefixMore, moreMemoryFill, 0)
	case "leave":
		depth := 0
		for !labels[len(labels)-1-depth] {
			depth++
		}
		out = append(emitValue(out, s.e), opBrIf, byte(depth))
	case "return":
		out = append(out, opReturn)
	case "call":
		out = append(emitValue(out, s.e), opLocalGet, 1, opCall, byte(s.fn))
	case "if":
		out = append(emitValue(out, s.e), opIf, emptyBlock)
		out = emitList(out, s.yes, append(labels, true))
		if s.hasOther {
			out = emitList(append(out, opElse), s.no, append(labels, true))
		}
		out = append(out, opEnd)
	case "table":
		out = append(out, opBlock, emptyBlock, opBlock, emptyBlock)
		out = append(emitValue(out, s.e), opBrTable, 1, 0, 1, opEnd)
		out = append(emitList(out, s.yes, append(labels, true)), opEnd)
	case "block":
		out = append(emitList(append(out, opBlock, emptyBlock), s.yes, append(labels, true)), opEnd)
	case "loop":
		n := byte(s.counter)
		out = append(out, opI32Const, byte(s.times), opLocalSet, n, opLoop, emptyBlock, opBlock, emptyBlock)
		out = append(emitList(out, s.yes, append(labels, false, true)), opEnd)
		out = append(out, opLocalGet, n, opI32Const, 1, 0x6b, opLocalTee, n, opBrIf, 0, opEnd)
	}
	return out
}

func emitValue(out []byte, e *expression) []byte {
	for _, operand := range []*expression{e.a, e.b, e.c} {
		if operand != nil {
			out = emitValue(out, operand)
		}
	}
	switch e.kind {
	case "const":
		return appendSigned(append(out, opI32Const), int64(e.n))
	case "get":
		return append(out, opLocalGet, byte(e.n))
	}
	return append(out, map[string]byte{"add": 0x6a, "sub": 0x6b, "xor": 0x73, "lt": 0x48, "eqz": 0x45, "select": 0x1b}[e.kind])
}
