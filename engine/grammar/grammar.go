package grammar

import (
	"fmt"
)

// Grammar is a set of texts. It is immutable and safe for concurrent use.
type Grammar struct {
	body  expression
	depth int // of recursion
	*program
}

func newGrammar(body expression, depth int) (*Grammar, error) {
	p, err := compile(body, depth)
	if err != nil {
		return nil, fmt.Errorf("grammar: %w", err)
	}
	return &Grammar{body, depth, p}, nil
}

// MaxBytes is the length of the grammar's longest text, so of as many tokens at
// most: each has at least one byte. It saturates.
func (g *Grammar) MaxBytes() int { return g.longest }

// Schema is the documents that a JSON Schema describes, in the subset and within
// the bounds that the package comment states. An error of the schema is a
// *SchemaError, or one that says where the text is not JSON.
func Schema(schema []byte, o Options) (*Grammar, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	root, err := parse(schema)
	if err != nil {
		return nil, err
	}
	t := &translator{Options: o, root: root, rules: map[*value]*rule{}}
	body, err := t.rule(root)
	if err != nil {
		return nil, err
	}
	return newGrammar(body, o.MaxDepth)
}

// Object is all JSON objects within the bounds.
func Object(o Options) (*Grammar, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &translator{Options: o}
	return newGrammar(t.anyObject(), o.MaxDepth)
}

// Literal is one text.
func Literal(text string) (*Grammar, error) { return newGrammar(literal(text), 0) }

// Sequence is the texts of its parts, one after the other. The bound on
// recursion is the largest one of its parts.
func Sequence(parts ...*Grammar) (*Grammar, error) {
	var s sequence
	depth := 0
	for _, p := range parts {
		s = append(s, p.body)
		depth = max(depth, p.depth)
	}
	return newGrammar(s, depth)
}

// Choice is the texts of any of its parts, of which there is at least one.
func Choice(parts ...*Grammar) (*Grammar, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("grammar: a choice of nothing")
	}
	var c choice
	depth := 0
	for _, p := range parts {
		c = append(c, p.body)
		depth = max(depth, p.depth)
	}
	return newGrammar(c, depth)
}

// Tool is a function that a model may call.
type Tool struct {
	Name       string
	Parameters []byte // JSON Schema of its arguments; nil: it has none
}

// Calls is a call of one of the tools, as {"name": ..., ARGUMENTS: ...}, where
// arguments is the member's name, such as "arguments" or "parameters". References
// in a tool's schema refer to that schema.
func Calls(tools []Tool, arguments string, o Options) (*Grammar, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	gap := (&translator{Options: o}).gap()
	var calls []*Grammar
	for _, tool := range tools {
		schema := tool.Parameters
		if schema == nil {
			schema = []byte(`{"type":"object","properties":{}}`)
		}
		g, err := Schema(schema, o)
		if err != nil {
			return nil, fmt.Errorf("tool %q: %w", tool.Name, err)
		}
		calls = append(calls, &Grammar{body: &record{gap: gap, properties: []property{
			{"name", literal(quoted(tool.Name)), true}, {arguments, g.body, true},
		}}, depth: g.depth})
	}
	return Choice(calls...)
}
