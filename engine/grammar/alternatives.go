package grammar

import (
	"slices"
)

// alternatives translates anyOf, a oneOf whose schemas exclude each other, and
// an allOf of one schema.
func (t *translator) alternatives(keyword string, v *value) (expression, error) {
	if v.kind != array || len(v.items) == 0 {
		return nil, t.errorf(v, "must be an array of schemas")
	}
	if keyword == "allOf" && len(v.items) > 1 {
		return nil, t.errorf(v, "allOf of more than one schema is not supported: merge them into one")
	}
	if keyword == "oneOf" {
		for i, a := range v.items {
			for _, b := range v.items[:i] {
				if !t.disjoint(a, b) {
					return nil, t.errorf(a, "may allow the same value as %s: oneOf is supported where schemas differ in type, or in the constants of a property that they require; anyOf has no such condition", b.pointer())
				}
			}
		}
	}
	var c choice
	for _, item := range v.items {
		e, err := t.schema(item)
		if err != nil {
			return nil, err
		}
		c = append(c, e)
	}
	if len(c) == 1 {
		return c[0], nil
	}
	return c, nil
}

// constants translates enum and const: of both, what is in both, and of the
// type if there is one.
func (t *translator) constants(v *value) (expression, error) {
	values, err := t.listed(v)
	if err != nil {
		return nil, err
	}
	names := typeNames
	if v.member("type") != nil {
		if names, err = t.types(v); err != nil {
			return nil, err
		}
	}
	var c choice
	seen := map[string]bool{}
	for _, item := range values {
		s := string(item.compact(nil))
		if !seen[s] && slices.ContainsFunc(names, item.is) {
			c = append(c, literal(s))
		}
		seen[s] = true
	}
	if c == nil {
		return nil, t.errorf(v, "no value is left of enum, const and type")
	}
	return c, nil
}

// listed is the values that a schema lists; nil if it lists none.
func (t *translator) listed(v *value) ([]*value, error) {
	var values []*value
	if enum := v.member("enum"); enum != nil {
		if enum.kind != array || len(enum.items) == 0 {
			return nil, t.errorf(enum, "must be an array of values")
		}
		values = enum.items
	}
	if constant := v.member("const"); constant != nil {
		if values != nil && !slices.ContainsFunc(values, constant.equal) {
			return nil, t.errorf(constant, "is not in enum")
		}
		values = []*value{constant}
	}
	return values, nil
}

// is says whether a value is of a type.
func (v *value) is(typeName string) bool {
	switch v.kind {
	case null:
		return typeName == "null"
	case boolean:
		return typeName == "boolean"
	case text:
		return typeName == "string"
	case array:
		return typeName == "array"
	case object:
		return typeName == "object"
	}
	r, err := v.rational()
	return typeName == "number" || typeName == "integer" && err == nil && r.IsInt()
}

// equal compares as JSON Schema does: numbers by value, objects without order.
func (v *value) equal(w *value) bool {
	if v.kind != w.kind || len(v.items) != len(w.items) || len(v.members) != len(w.members) {
		return false
	}
	switch v.kind {
	case boolean:
		return v.truth == w.truth
	case text:
		return v.text == w.text
	case number:
		a, errA := v.rational()
		b, errB := w.rational()
		return v.text == w.text || errA == nil && errB == nil && a.Cmp(b) == 0
	case array:
		for i := range v.items {
			if !v.items[i].equal(w.items[i]) {
				return false
			}
		}
	case object:
		for _, m := range v.members {
			if o := w.member(m.name); o == nil || !m.equal(o) {
				return false
			}
		}
	}
	return true
}

// maxCompared bounds the pairs of schemas, and of values that they list, which
// are compared for oneOf.
const maxCompared = 100000

// disjoint says that no value is allowed by both schemas, as far as it can tell
// by types, listed values and constant properties. It gives up after
// maxCompared pairs.
func (t *translator) disjoint(a, b *value) bool {
	a, b = t.target(a), t.target(b)
	t.compared++
	if t.compared > maxCompared || a == nil || b == nil {
		return false
	}
	for _, pair := range [][2]*value{{a, b}, {b, a}} {
		for _, keyword := range []string{"anyOf", "oneOf", "allOf"} {
			if list := pair[0].member(keyword); list != nil {
				return !slices.ContainsFunc(list.items, func(v *value) bool { return !t.disjoint(v, pair[1]) })
			}
		}
	}
	x, err1 := t.listed(a)
	y, err2 := t.listed(b)
	if err1 != nil || err2 != nil {
		return false
	}
	if x != nil && y != nil {
		if t.compared += len(x) * len(y); t.compared > maxCompared {
			return false
		}
		return !slices.ContainsFunc(x, func(v *value) bool { return slices.ContainsFunc(y, v.equal) })
	}
	if !t.typesMeet(a, x, b, y) {
		return true
	}
	return x == nil && y == nil && t.told(a, b)
}

// target follows references; nil if they lead nowhere.
func (t *translator) target(v *value) *value {
	for range maxSchemaDepth {
		ref := v.member("$ref")
		if ref == nil {
			return v
		}
		to, err := t.resolve(ref)
		if err != nil {
			return nil
		}
		v = to
	}
	return nil
}

// typesMeet says whether a value may be of a type of both; a number that is
// listed counts as what it is.
func (t *translator) typesMeet(a *value, x []*value, b *value, y []*value) bool {
	of := func(v *value, listed []*value, name string) bool {
		if listed != nil {
			return slices.ContainsFunc(listed, func(v *value) bool { return v.is(name) })
		}
		if v.member("type") == nil {
			return true // whatever its other keywords are, they allow all other types
		}
		names, err := t.types(v)
		return err != nil || slices.Contains(names, name) || name == "integer" && slices.Contains(names, "number")
	}
	return slices.ContainsFunc(typeNames, func(name string) bool { return of(a, x, name) && of(b, y, name) })
}

// told says whether two schemas of objects require a property in which they are
// disjoint.
func (t *translator) told(a, b *value) bool {
	onlyObjects := func(v *value) bool {
		names, err := t.types(v)
		return err == nil && v.member("type") != nil && slices.Equal(names, []string{"object"})
	}
	p, q := a.member("properties"), b.member("properties")
	if !onlyObjects(a) || !onlyObjects(b) || p == nil || q == nil {
		return false
	}
	x, err1 := t.required(a.member("required"))
	y, err2 := t.required(b.member("required"))
	if err1 != nil || err2 != nil {
		return false
	}
	return slices.ContainsFunc(p.members, func(m member) bool {
		other := q.member(m.name)
		return x[m.name] != nil && y[m.name] != nil && other != nil && t.disjoint(m.value, other)
	})
}
