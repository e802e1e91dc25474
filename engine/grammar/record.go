package grammar

import "strings"

// record is a JSON object: its properties in their order, each at most once,
// then others by any name that is not theirs.
type record struct {
	properties []property
	rest       *rule // value of other properties; nil: there are none
	most       int   // of other properties
	gap        expression
}

type property struct {
	name     string
	value    expression
	required bool
}

// maxNameLength is the length in characters of names that a schema does not
// give.
const maxNameLength = 64

// build has one node for each property, for what may follow it: it never needs
// to know which of the properties before it are there.
func (e *record) build(b *builder, next int32) int32 {
	if flat, ok := e.flat(); ok {
		return flat.build(b, next)
	}
	shut := b.class('}', '}', next)
	other := e.others(b, next)
	n := len(e.properties)
	tails := make([]int32, n+1) // what follows the value of property i-1
	tails[n] = e.tail(b, other, next, true)
	first := b.either(shut, other) // what follows the opening brace
	branches := make([]branch, n)
	last := n - 1 // the next required property, or the last one
	for i := n - 1; i >= 0; i-- {
		p := e.properties[i]
		if p.required {
			last = i
		}
		key := quoted(p.name) + ":"
		branches[i] = branch{key, b.chain(key, e.gap.build(b, p.value.build(b, tails[i+1])))}
		start, may := b.trie(branches[i:last+1], 0), !e.properties[last].required
		if may {
			start = b.either(start, other)
		}
		tails[i] = e.tail(b, start, next, may)
		first = start
		if may {
			first = b.either(shut, start)
		}
	}
	return b.class('{', '{', first)
}

// tail is what follows a value: a comma and start, or the end where it may come.
func (e *record) tail(b *builder, start, next int32, may bool) int32 {
	var edges []edge
	if start != none {
		edges = append(edges, edge{',', ',', place{node: e.gap.build(b, start)}})
	}
	if may {
		edges = append(edges, edge{'}', '}', place{node: next}})
	}
	return b.add(node{kind: consume, edges: edges})
}

// others builds the properties that the schema does not name, up to most of
// them, each followed by the next or the end.
func (e *record) others(b *builder, next int32) int32 {
	if e.rest == nil || e.most == 0 {
		return none
	}
	names := make([]string, len(e.properties))
	for i, p := range e.properties {
		names[i] = p.name
	}
	key := &rule{body: otherName{names}}
	first := int32(none)
	for range e.most {
		value := e.gap.build(b, b.call(e.rest, e.tail(b, first, next, true)))
		first = b.call(key, b.class(':', ':', value))
	}
	return first
}

// flat is the object as a sequence, if all its properties are required and there
// are no others: literals then run on into it.
func (e *record) flat() (sequence, bool) {
	if e.rest != nil && e.most > 0 {
		return nil, false
	}
	s := sequence{literal("{")}
	for i, p := range e.properties {
		if !p.required {
			return nil, false
		}
		if i > 0 {
			s = append(s, literal(","), e.gap)
		}
		s = append(s, literal(quoted(p.name)+":"), e.gap, p.value)
	}
	return append(s, literal("}")), true
}

// otherName is a JSON string of 1 to maxNameLength characters that is none of
// the given names. As far as it starts like one of them it has no escapes, by
// which it could be equal to a name that it is not spelt like.
type otherName struct{ names []string }

func (e otherName) build(b *builder, next int32) int32 {
	free := b.add(node{kind: content, next: next, least: 1, most: maxNameLength})
	var plain []string
	for _, name := range e.names {
		// A name that needs an escape is never reached.
		plain = append(plain, strings.TrimSuffix(strings.TrimPrefix(quoted(name), `"`), `"`))
	}
	return b.class('"', '"', b.unlike(plain, place{node: free}))
}

// unlike builds what may follow in a string that has so far been the same as the
// starts of all names, which are what is left of them. at is where in free
// content the string is.
func (b *builder) unlike(names []string, at place) int32 {
	if len(names) == 0 {
		return at.node
	}
	n := node{kind: consume}
	for c := range 256 {
		c := byte(c)
		to, state := at, contentStates[at.state][c]
		switch {
		case state == refused, c == '\\':
			continue
		case state == closed:
			if at.n == 0 || holds(names, "") {
				continue
			}
			to = place{node: b.nodes[at.node].next}
		default:
			if at.state == base {
				if to.n++; to.n > b.nodes[at.node].most {
					continue
				}
			}
			to.state = state
			if longer := after(names, c); len(longer) > 0 {
				to = place{node: b.unlike(longer, to)}
			}
		}
		if k := len(n.edges) - 1; k >= 0 && n.edges[k].to == to && n.edges[k].hi == c-1 {
			n.edges[k].hi = c
		} else {
			n.edges = append(n.edges, edge{c, c, to})
		}
	}
	return b.add(n)
}

func holds(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// after is what is left of the names that start with c.
func after(names []string, c byte) (rest []string) {
	for _, n := range names {
		if n != "" && n[0] == c {
			rest = append(rest, n[1:])
		}
	}
	return rest
}
