package fuel

import "math"

// mostLocals is how many parameters and local variables a function may have, as
// in the engines of browsers: a few bytes declare four thousand million of them.
const mostLocals = 50_000

// bulkShift: 64 bytes or elements cost 1.
const bulkShift = 6

// payment is code to be put into a function's body.
type payment struct {
	at    int // in the module, in front of which instruction
	cost  int64
	check bool // look whether anything is left
	bulk  bool // the cost is the operand on the stack
}

func (m *module) writeCode(section *reader) ([]byte, error) {
	r := *section
	n := r.count()
	if own := len(m.functions) - m.imported; r.err == nil && int64(n) != int64(own) {
		r.fail(section.at, "the code of %d functions, %d are declared", n, own)
	}
	out := appendU32(make([]byte, 0, 3*(r.end-r.at)), n)
	var body []byte
	for i := range n {
		function := r.part(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		var err error
		params := m.signature[m.functions[m.imported+int(i)]].params
		if body, err = m.rewrite(body[:0], function, params); err != nil {
			return nil, err
		}
		if len(body) > math.MaxUint32 {
			return nil, &FormatError{function.at, "the function is too long to be counted"}
		}
		out = append(appendU32(out, uint32(len(body))), body...)
	}
	return out, r.done("the code")
}

// rewrite appends a function's body to out, with what it pays.
func (m *module) rewrite(out []byte, r *reader, params uint32) ([]byte, error) {
	groupsAt := r.at
	groups := r.count()
	listAt := r.at
	locals := uint64(params)
	for range groups {
		locals += uint64(r.u32())
		r.valueType()
		if locals > mostLocals {
			r.fail(groupsAt, "a function with more than %d local variables", mostLocals)
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	codeAt := r.at
	payments, err := m.payments(r, uint32(locals))
	if err != nil {
		return nil, err
	}
	out = appendU32(out, groups+2)
	out = append(out, r.module[listAt:codeAt]...)
	out = append(out, 1, typeI64, 1, typeI32)
	w := writer{out: out, global: m.globals, left: uint32(locals), amount: uint32(locals) + 1}
	from := codeAt
	for _, p := range payments {
		w.out = append(w.out, r.module[from:p.at]...)
		w.pay(p)
		from = p.at
	}
	return append(w.out, r.module[from:r.end]...), nil
}

// payments reads a function's instructions to the end of its body and says where
// it pays what.
func (m *module) payments(r *reader, locals uint32) ([]payment, error) {
	list := []payment{{at: r.at, cost: 1, check: true}}
	current := 0 // the payment that covers what follows
	depth := 1
	for depth > 0 && r.err == nil {
		at := r.at
		in := m.instruction(r, locals)
		switch in.op {
		case opBlock, opLoop, opElse, opEnd:
		default:
			list[current].cost++
		}
		if in.bulk {
			list = append(list, payment{at: at, check: true, bulk: true})
		}
		switch in.op {
		case opBlock, opLoop, opIf:
			depth++
		case opEnd:
			depth--
		}
		switch in.op {
		case opLoop, opIf, opElse, opEnd, opBr, opBrIf, opBrTable, opReturn, opUnreachable:
			list = append(list, payment{at: r.at, check: in.op == opLoop})
			current = len(list) - 1
		}
	}
	return list, r.done("a function")
}

// writer writes what a function pays.
type writer struct {
	out          []byte
	global       uint32 // the budget
	left, amount uint32 // local variables of their own: i64 and i32
}

func (w *writer) op(op byte, index uint32) { w.out = appendU32(append(w.out, op), index) }

// pay leaves the stack as it is.
func (w *writer) pay(p payment) {
	if p.cost == 0 && !p.check {
		return
	}
	if p.bulk {
		w.op(opLocalSet, w.amount)
	}
	w.op(opGlobalGet, w.global)
	if p.bulk {
		w.op(opLocalGet, w.amount)
		w.out = append(w.out, opI64ExtendI32U, opI64Const, bulkShift, opI64ShrU)
	} else {
		w.out = appendSigned(append(w.out, opI64Const), p.cost)
	}
	w.out = append(w.out, opI64Sub)
	if !p.check {
		w.op(opGlobalSet, w.global)
		return
	}
	w.op(opLocalTee, w.left)
	w.op(opGlobalSet, w.global)
	w.op(opLocalGet, w.left)
	w.out = append(w.out, opI64Const, 0, opI64LtS, opIf, emptyBlock, opUnreachable, opEnd)
	if p.bulk {
		w.op(opLocalGet, w.amount)
	}
}
