package grammar

// anyValue is any JSON value within the bounds.
func (t *translator) anyValue() *rule {
	if t.any == nil {
		t.any = &rule{}
		t.any.body = choice{
			characters{0, t.MaxLength}, anyNumber(), t.anyObject(), t.anyArray(),
			literal("true"), literal("false"), literal("null"),
		}
	}
	return t.any
}

func (t *translator) anyObject() expression {
	return &record{rest: t.anyValue(), most: t.MaxItems, gap: t.gap()}
}

func (t *translator) anyArray() expression {
	return list{t.anyValue(), 0, t.MaxItems, t.gap()}
}

func (t *translator) array(v *value) (expression, error) {
	least, most, err := t.bounds(v, "minItems", "maxItems", t.MaxItems)
	if err != nil {
		return nil, err
	}
	item, err := t.open(v.member("items"))
	if err != nil {
		return nil, err
	}
	if item == nil {
		if least > 0 {
			return nil, t.errorf(v, "minItems is %d, but items is false", least)
		}
		most = 0
	}
	return list{item, least, most, t.gap()}, nil
}

// open is the rule of a schema that may be absent, as if it were true. It is nil
// for false.
func (t *translator) open(v *value) (*rule, error) {
	switch {
	case v == nil:
		return t.anyValue(), nil
	case v.kind == boolean && !v.truth:
		return nil, nil
	}
	return t.rule(v)
}

func (t *translator) object(v *value) (expression, error) {
	r := &record{most: t.MaxItems, gap: t.gap()}
	properties, others := v.member("properties"), v.member("additionalProperties")
	if properties == nil || others != nil {
		var err error
		if r.rest, err = t.open(others); err != nil {
			return nil, err
		}
	}
	required, err := t.required(v.member("required"))
	if err != nil {
		return nil, err
	}
	if properties != nil {
		if properties.kind != object {
			return nil, t.errorf(properties, "must be an object of schemas")
		}
		for _, m := range properties.members {
			must := required[m.name] != nil
			if m.kind == boolean && !m.truth && !must {
				continue
			}
			e, err := t.schema(m.value)
			if err != nil {
				return nil, err
			}
			r.properties = append(r.properties, property{m.name, e, must})
		}
	}
	return r, t.undeclared(v, r, properties)
}

// required reads the names of required properties.
func (t *translator) required(v *value) (map[string]*value, error) {
	if v == nil {
		return nil, nil
	}
	if v.kind != array {
		return nil, t.errorf(v, "must be an array of names")
	}
	names := map[string]*value{}
	for _, item := range v.items {
		if item.kind != text {
			return nil, t.errorf(item, "must be a name")
		}
		names[item.text] = item
	}
	return names, nil
}

// undeclared adds required properties that the schema gives no schema of their
// own: that of other properties is theirs.
func (t *translator) undeclared(v *value, r *record, properties *value) error {
	list := v.member("required")
	if list == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, item := range list.items {
		if seen[item.text] || properties != nil && properties.member(item.text) != nil {
			continue
		}
		seen[item.text] = true
		others := r.rest
		if others == nil {
			if v.member("additionalProperties") != nil {
				return t.errorf(item, "%q is required, but not in properties, and additionalProperties is false", item.text)
			}
			others = t.anyValue()
		}
		r.properties = append(r.properties, property{item.text, others, true})
	}
	return nil
}
