package grammar

// expression is a part of a grammar.
type expression interface {
	// build adds the nodes that match the expression and then go on at next,
	// and returns the first of them. Nodes are added from the last to the first.
	build(b *builder, next int32) int32
}

type (
	// literal is these bytes.
	literal string
	// sequence is one after the other.
	sequence []expression
	// choice is any one of these.
	choice []expression
	// digits is least to most bytes from lo to hi.
	digits struct {
		lo, hi      byte
		least, most int
	}
	// characters is a JSON string of least to most characters, with its quotes.
	characters struct{ least, most int }
	// list is a JSON array.
	list struct {
		item        *rule
		least, most int
		gap         expression // after a comma
	}
	// rule is an expression that is laid out once and called.
	rule struct{ body expression }
)

func (e literal) build(b *builder, next int32) int32 { return b.chain(string(e), next)[0] }

func (e sequence) build(b *builder, next int32) int32 {
	for i := len(e) - 1; i >= 0; i-- {
		next = e[i].build(b, next)
	}
	return next
}

// build lets alternatives share what their literals have in common at the
// start, so that an enum or a choice of tools is followed as one reading.
func (e choice) build(b *builder, next int32) int32 {
	branches := make([]branch, len(e))
	for i, alternative := range e {
		head, rest := cut(alternative)
		at := next
		if rest != nil {
			at = rest.build(b, next)
		}
		branches[i] = branch{head, b.chain(head, at)}
	}
	return b.trie(branches, 0)
}

// cut takes off the literal that an expression starts with. A nil rest is
// empty.
func cut(e expression) (head string, rest expression) {
	switch e := e.(type) {
	case literal:
		return string(e), nil
	case sequence:
		for i, part := range e {
			h, r := cut(part)
			head += h
			if r != nil {
				return head, append(sequence{r}, e[i+1:]...)
			}
		}
		return head, nil
	}
	return "", e
}

func (e digits) build(b *builder, next int32) int32 {
	at := next
	for range e.most - e.least {
		at = b.split(b.class(e.lo, e.hi, at), next)
	}
	for range e.least {
		at = b.class(e.lo, e.hi, at)
	}
	return at
}

func (e characters) build(b *builder, next int32) int32 {
	return b.class('"', '"', b.add(node{kind: content, next: next, least: int32(e.least), most: int32(e.most)}))
}

func (e list) build(b *builder, next int32) int32 {
	shut := b.class(']', ']', next)
	if e.most == 0 {
		return b.class('[', '[', shut)
	}
	after := shut // what follows item number n
	for n := e.most - 1; n > 0; n-- {
		another := e.gap.build(b, b.call(e.item, after))
		edges := []edge{{',', ',', place{node: another}}}
		if n >= e.least {
			edges = append(edges, edge{']', ']', place{node: next}})
		}
		after = b.add(node{kind: consume, edges: edges})
	}
	first := b.call(e.item, after)
	if e.least == 0 {
		first = b.split(shut, first)
	}
	return b.class('[', '[', first)
}

func (e *rule) build(b *builder, next int32) int32 { return b.call(e, next) }

// optional is the expression or nothing.
func optional(e expression) expression { return choice{literal(""), e} }
