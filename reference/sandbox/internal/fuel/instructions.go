package fuel

// The instructions with a meaning here, by their bytes.
const (
	opUnreachable, opBlock, opLoop, opIf, opElse, opEnd    = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0b
	opBr, opBrIf, opBrTable, opReturn                      = 0x0c, 0x0d, 0x0e, 0x0f
	opCall, opCallIndirect, opSelectTyped                  = 0x10, 0x11, 0x1c
	opLocalGet, opLocalSet, opLocalTee                     = 0x20, 0x21, 0x22
	opGlobalGet, opGlobalSet, opTableGet, opTableSet       = 0x23, 0x24, 0x25, 0x26
	opFirstLoad, opLastStore, opMemorySize, opMemoryGrow   = 0x28, 0x3e, 0x3f, 0x40
	opI32Const, opI64Const, opF32Const, opF64Const         = 0x41, 0x42, 0x43, 0x44
	opFirstNumeric, opI64LtS, opI64Sub, opI64ShrU          = 0x45, 0x53, 0x7d, 0x88
	opI64ExtendI32U, opLastNumeric                         = 0xad, 0xc4
	opRefNull, opRefIsNull, opRefFunc                      = 0xd0, 0xd1, 0xd2
	prefixMore, prefixVector                               = 0xfc, 0xfd
	moreMemoryInit, moreDataDrop, moreMemoryCopy           = 8, 9, 10
	moreMemoryFill, moreTableInit, moreElemDrop            = 11, 12, 13
	moreTableCopy, moreTableGrow, moreTableSize            = 14, 15, 16
	moreTableFill                                          = 17
	vectorLastLoadStore, vectorConst, vectorShuffle        = 11, 12, 13
	vectorFirstLane, vectorLastLane                        = 21, 34
	vectorFirstLaneLoad, vectorLastLaneStore               = 84, 91
	vectorFirstZeroLoad, vectorLastZeroLoad, vectorHighest = 92, 93, 255
	emptyBlock                                             = 0x40
)

// instruction is what reading one says of it.
type instruction struct {
	op   byte
	bulk bool // its last operand says how much it does
}

// instruction reads one, with its immediates, in a function of the module that
// has that many parameters and local variables.
func (m *module) instruction(r *reader, locals uint32) instruction {
	at := r.at
	in := instruction{op: r.byte()}
	switch op := in.op; {
	case op == opBlock, op == opLoop, op == opIf:
		m.blockType(r)
	case op == opBr, op == opBrIf, op == opCall, op == opRefFunc, op == opTableGet, op == opTableSet:
		r.u32()
	case op == opBrTable:
		for range r.count() {
			r.u32()
		}
		r.u32()
	case op == opCallIndirect:
		m.typeIndex(r)
		r.u32()
	case op == opSelectTyped:
		r.valueTypes()
	case op == opLocalGet, op == opLocalSet, op == opLocalTee:
		if n := r.u32(); n >= locals {
			r.fail(at, "local variable %d of %d", n, locals)
		}
	case op == opGlobalGet, op == opGlobalSet:
		m.global(r, m.globals)
	case op >= opFirstLoad && op <= opLastStore:
		r.u32()
		r.u32()
	case op == opMemorySize, op == opMemoryGrow:
		r.byte()
	case op == opI32Const:
		r.signed(32)
	case op == opI64Const:
		r.signed(64)
	case op == opF32Const:
		r.take(4)
	case op == opF64Const:
		r.take(8)
	case op == opRefNull:
		r.valueType()
	case op == prefixMore:
		in.bulk = r.bulk(at)
	case op == prefixVector:
		r.vector(at)
	case !bare(op):
		r.fail(at, "instruction %#x is not of WebAssembly 2.0", op)
	}
	return in
}

// bare says whether an instruction has no immediates.
func bare(op byte) bool {
	switch op {
	case opUnreachable, 0x01, opElse, opEnd, opReturn, 0x1a, 0x1b, opRefIsNull:
		return true
	}
	return op >= opFirstNumeric && op <= opLastNumeric
}

// blockType is nothing, a value's type or the number of a function's type, as a
// signed integer of 33 bits.
func (m *module) blockType(r *reader) {
	at := r.at
	if !r.more() {
		r.byte()
		return
	}
	switch r.module[r.at] {
	case emptyBlock, typeI32, typeI64, typeF32, typeF64, typeV128, typeFuncref, typeExternref:
		r.byte()
		return
	}
	if n := r.signed(33); n < 0 || n >= int64(len(m.signature)) {
		r.fail(at, "a block of type %d of %d", n, len(m.signature))
	}
}

// bulk reads what follows the prefix of the bulk instructions and of the
// saturating conversions.
func (r *reader) bulk(at int) (counted bool) {
	switch sub := r.code(); sub {
	case 0, 1, 2, 3, 4, 5, 6, 7:
	case moreMemoryInit, moreMemoryCopy, moreTableInit, moreTableCopy:
		r.u32()
		r.u32()
		return true
	case moreMemoryFill, moreTableFill:
		r.u32()
		return true
	case moreDataDrop, moreElemDrop, moreTableGrow, moreTableSize:
		r.u32()
	default:
		r.fail(at, "instruction 0xfc %d is not of WebAssembly 2.0", sub)
	}
	return false
}

// vector reads what follows the prefix of the vector instructions.
func (r *reader) vector(at int) {
	switch sub := r.code(); {
	case sub <= vectorLastLoadStore, sub == vectorFirstZeroLoad, sub == vectorLastZeroLoad:
		r.u32()
		r.u32()
	case sub == vectorConst, sub == vectorShuffle:
		r.take(16)
	case sub >= vectorFirstLane && sub <= vectorLastLane:
		r.byte()
	case sub >= vectorFirstLaneLoad && sub <= vectorLastLaneStore:
		r.u32()
		r.u32()
		r.byte()
	case sub > vectorHighest:
		r.fail(at, "vector instruction %d is not of WebAssembly 2.0", sub)
	}
}

// code reads the number behind a prefix. It is refused in more bytes than it
// needs: engines that take the first byte for all of it would read another
// instruction than is read here.
func (r *reader) code() uint32 {
	at := r.at
	n := r.u32()
	if needed := len(appendU32(nil, n)); r.err == nil && r.at-at != needed {
		r.fail(at, "an instruction's number in %d bytes, %d are enough", r.at-at, needed)
	}
	return n
}
