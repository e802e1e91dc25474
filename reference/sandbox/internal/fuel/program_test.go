package fuel

import (
	"fmt"

	"pgregory.net/rapid"
)

// A program of the tests is a tree of statements over the local variables of
// its functions, all i32. It is written as a module by emit and counted by
// machine.run, which know nothing of each other or of Instrument.
type program struct{ functions [][]statement }

// The first two variables are parameters; the last ones are for counters, one a
// level of nesting.
const (
	params   = 2
	scratch  = 4
	counters = 4
	variable = scratch + counters
)

type statement struct {
	kind     string // set, if, loop, block, leave, table, call, return, nop, fill
	to, fn   int    // variable; function
	e        *expression
	yes, no  []statement
	times    int
	counter  int
	hasOther bool
}

type expression struct {
	kind    string // const, get, add, sub, xor, lt, eqz, select
	n       int32
	a, b, c *expression
}

func drawProgram(t *rapid.T) program {
	n := rapid.IntRange(1, 4).Draw(t, "functions")
	p := program{make([][]statement, n)}
	for i := range p.functions {
		p.functions[i] = drawStatements(t, i, n, 0)
	}
	return p
}

func drawStatements(t *rapid.T, fn, n, depth int) (list []statement) {
	for range rapid.IntRange(0, 4).Draw(t, "length") {
		kinds := []string{"set", "set", "nop", "fill"}
		if fn+1 < n {
			kinds = append(kinds, "call")
		}
		if depth < counters {
			kinds = append(kinds, "if", "loop", "block", "table")
		}
		if depth > 0 {
			kinds = append(kinds, "leave", "return")
		}
		s := statement{kind: rapid.SampledFrom(kinds).Draw(t, "kind"), counter: scratch + min(depth, counters-1)}
		switch s.kind {
		case "set", "leave", "fill":
			s.to, s.e = rapid.IntRange(0, scratch-1).Draw(t, "to"), drawExpression(t, 3)
		case "if", "table":
			s.e, s.hasOther = drawExpression(t, 2), rapid.Bool().Draw(t, "else")
			s.yes, s.no = drawStatements(t, fn, n, depth+1), drawStatements(t, fn, n, depth+1)
		case "loop", "block":
			s.times, s.yes = rapid.IntRange(1, 5).Draw(t, "times"), drawStatements(t, fn, n, depth+1)
		case "call":
			s.fn, s.e = rapid.IntRange(fn+1, n-1).Draw(t, "callee"), drawExpression(t, 2)
		}
		list = append(list, s)
	}
	return list
}

func drawExpression(t *rapid.T, depth int) *expression {
	kinds := []string{"const", "get"}
	if depth > 0 {
		kinds = append(kinds, "add", "sub", "xor", "lt", "eqz", "select")
	}
	e := &expression{kind: rapid.SampledFrom(kinds).Draw(t, "operation")}
	switch e.kind {
	case "const":
		e.n = rapid.Int32Range(-3, 300).Draw(t, "constant")
	case "get":
		e.n = int32(rapid.IntRange(0, scratch-1).Draw(t, "variable"))
	case "eqz":
		e.a = drawExpression(t, depth-1)
	case "select":
		e.a, e.b, e.c = drawExpression(t, depth-1), drawExpression(t, depth-1), drawExpression(t, depth-1)
	default:
		e.a, e.b = drawExpression(t, depth-1), drawExpression(t, depth-1)
	}
	return e
}

// machine runs a program and counts the instructions that emit writes for it.
type machine struct {
	program program
	count   int64
	most    int64
}

// How a statement ends: goes on, leaves the innermost label, or returns.
const (
	on = iota
	leave
	back
)

var errMost = fmt.Errorf("the program runs for too long for the test")

func (m *machine) call(fn int, a, b int32) {
	m.count++
	v := make([]int32, variable)
	v[0], v[1] = a, b
	m.list(m.program.functions[fn], v)
}

func (m *machine) list(list []statement, v []int32) int {
	for _, s := range list {
		if how := m.one(s, v); how != on {
			return how
		}
	}
	return on
}

func (m *machine) one(s statement, v []int32) int {
	if m.count > m.most {
		panic(errMost)
	}
	switch s.kind {
	case "nop":
		m.count++
	case "set":
		v[s.to] = m.value(s.e, v)
		m.count++
	case "fill": // address 0, byte 0, length & 1023
		n := m.value(s.e, v) & 1023
		m.count += 3 + 2 + int64(n)/64
	case "leave":
		x := m.value(s.e, v)
		m.count++
		if x != 0 {
			return leave
		}
	case "return":
		m.count++
		return back
	case "call":
		x := m.value(s.e, v)
		m.count += 2
		m.call(s.fn, x, v[1])
	case "if":
		return m.branch(s, v)
	case "table":
		return m.table(s, v)
	case "block":
		if m.list(s.yes, v) == back {
			return back
		}
	case "loop":
		return m.loop(s, v)
	}
	return on
}

// branch: the label of an if is its end.
func (m *machine) branch(s statement, v []int32) int {
	x := m.value(s.e, v)
	m.count++
	arm := s.yes
	if x == 0 {
		arm = nil
		if s.hasOther {
			arm = s.no
		}
	}
	if m.list(arm, v) == back {
		return back
	}
	return on
}

// table is a br_table into one of two nested blocks.
func (m *machine) table(s statement, v []int32) int {
	x := m.value(s.e, v)
	m.count++
	if x == 0 { // to the end of the inner block
		if m.list(s.yes, v) == back {
			return back
		}
	}
	return on
}

// loop sets its counter, and at the body's end counts down and starts again; the
// label in the body is a block's around it.
func (m *machine) loop(s statement, v []int32) int {
	m.count += 2
	v[s.counter] = int32(s.times)
	for {
		if m.list(s.yes, v) == back {
			return back
		}
		m.count += 5
		v[s.counter]--
		if v[s.counter] == 0 {
			return on
		}
	}
}

func (m *machine) value(e *expression, v []int32) int32 {
	var a, b int32
	if e.a != nil {
		a = m.value(e.a, v)
	}
	if e.b != nil {
		b = m.value(e.b, v)
	}
	var c int32
	if e.c != nil {
		c = m.value(e.c, v)
	}
	m.count++
	switch e.kind {
	case "const":
		return e.n
	case "get":
		return v[e.n]
	case "add":
		return a + b
	case "sub":
		return a - b
	case "xor":
		return a ^ b
	case "lt":
		return truth(a < b)
	case "eqz":
		return truth(a == 0)
	}
	if c != 0 {
		return a
	}
	return b
}

func truth(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
