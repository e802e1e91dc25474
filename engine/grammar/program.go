package grammar

import (
	"fmt"
	"math"
)

// node is a state of the automaton, apart from the stack.
type node struct {
	kind        nodeKind
	edges       []edge  // of consume, without overlap
	to          []int32 // of fork
	rule, next  int32   // of call and, next alone, of content
	least, most int32   // characters of content
}

type nodeKind uint8

const (
	end     nodeKind = iota // of the whole output
	back                    // to after the call
	consume                 // a byte
	content                 // a string's content and its closing quote
	fork
	call
)

// edge leads on by the bytes from lo to hi.
type edge struct {
	lo, hi byte
	to     place
}

// place is a node, and within content a state and how many characters have
// started.
type place struct {
	node  int32
	n     int32
	state uint8
}

// Fixed nodes, and none, which is no node.
const (
	endNode  = 0
	backNode = 1
	none     = -1
)

// maxNodes bounds what a schema can become: some 10 MB.
const maxNodes = 1 << 17

// branch is a literal whose byte k is matched by nodes[k]; the last node is what
// follows.
type branch struct {
	text  string
	nodes []int32
}

type builder struct {
	nodes []node
	rules []ruleState
	ids   map[*rule]int32
	full  bool
}

type ruleState struct {
	entry     int32
	open      bool // its body is being laid out
	recursive bool // it is called from within its body
}

func (b *builder) add(n node) int32 {
	if len(b.nodes) >= maxNodes {
		b.full = true
		return endNode
	}
	b.nodes = append(b.nodes, n)
	return int32(len(b.nodes) - 1)
}

func (b *builder) class(lo, hi byte, next int32) int32 {
	return b.add(node{kind: consume, edges: []edge{{lo, hi, place{node: next}}}})
}

func (b *builder) split(to ...int32) int32 { return b.add(node{kind: fork, to: to}) }

// either is a split of what there is.
func (b *builder) either(x, y int32) int32 {
	switch {
	case x == none:
		return y
	case y == none:
		return x
	}
	return b.split(x, y)
}

// chain matches a literal byte by byte.
func (b *builder) chain(text string, next int32) []int32 {
	nodes := make([]int32, len(text)+1)
	nodes[len(text)] = next
	for i := len(text) - 1; i >= 0; i-- {
		nodes[i] = b.class(text[i], text[i], nodes[i+1])
	}
	return nodes
}

// trie matches one of the branches, which have their first at bytes in common.
// What more they have in common is laid out without a call for each byte: it may
// be long.
func (b *builder) trie(branches []branch, at int) int32 {
	if len(branches) == 1 || b.full {
		return branches[0].nodes[at]
	}
	common := shared(branches, at)
	next := b.part(branches, at+len(common))
	for i := len(common) - 1; i >= 0; i-- {
		next = b.class(common[i], common[i], next)
	}
	return next
}

// shared is what the branches have in common from byte at on.
func shared(branches []branch, at int) string {
	common := branches[0].text[at:]
	for _, br := range branches[1:] {
		rest, n := br.text[at:], 0
		for n < min(len(common), len(rest)) && common[n] == rest[n] {
			n++
		}
		common = common[:n]
	}
	return common
}

// part is trie for branches that differ in byte at.
func (b *builder) part(branches []branch, at int) int32 {
	var to []int32
	var longer [256][]branch
	var order []byte
	for _, br := range branches {
		if len(br.text) == at {
			to = append(to, br.nodes[at])
			continue
		}
		c := br.text[at]
		if longer[c] == nil {
			order = append(order, c)
		}
		longer[c] = append(longer[c], br)
	}
	var edges []edge
	for _, c := range order {
		edges = append(edges, edge{c, c, place{node: b.trie(longer[c], at+1)}})
	}
	if len(edges) > 0 {
		to = append(to, b.add(node{kind: consume, edges: edges}))
	}
	if len(to) == 1 {
		return to[0]
	}
	return b.split(to...)
}

// call calls a rule, which is laid out at its first call. A call of a rule from
// within its own body makes it recursive: every cycle of rules has such a call.
func (b *builder) call(r *rule, next int32) int32 {
	id, ok := b.ids[r]
	switch {
	case !ok:
		id = int32(len(b.rules))
		b.ids[r] = id
		b.rules = append(b.rules, ruleState{open: true})
		entry := r.body.build(b, backNode)
		b.rules[id].entry, b.rules[id].open = entry, false
	case b.rules[id].open:
		b.rules[id].recursive = true
	}
	return b.add(node{kind: call, rule: id, next: next})
}

// program is a grammar's automaton. Level counts how many more recursive rules
// may be entered.
type program struct {
	nodes    []node
	rules    []ruleState
	start    int32
	depth    int32
	shortest [][]int32 // [level][node], bytes from the node to the end of its rule
	longest  int       // bytes of an output, at most; saturates
}

// never is the shortest way of what cannot be completed.
const never = math.MaxInt32

// maxShortest bounds the shortest output.
const maxShortest = 1 << 20

// compile lays out an expression and checks that it can be completed.
func compile(e expression, depth int) (*program, error) {
	b := &builder{nodes: []node{{kind: end}, {kind: back}}, ids: map[*rule]int32{}}
	start := e.build(b, endNode)
	if b.full {
		return nil, fmt.Errorf("the grammar has more than %d states: fewer properties, shorter enums or smaller bounds on arrays are needed", maxNodes)
	}
	p := &program{nodes: b.nodes, rules: b.rules, start: start, depth: int32(depth)}
	if err := p.checkForks(); err != nil {
		return nil, err
	}
	p.measure()
	switch s := p.shortest[depth][start]; {
	case s == never:
		return nil, fmt.Errorf("no output of this grammar ends within %d levels of recursion", depth)
	case s > maxShortest:
		return nil, fmt.Errorf("the shortest output of this grammar has %d bytes, more than %d", s, maxShortest)
	}
	return p, nil
}
