package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// faulty is a schema with the place and a part of its error.
type faulty struct{ schema, pointer, want string }

func (c faulty) check(t *testing.T) {
	t.Helper()
	short := c.schema[:min(len(c.schema), 100)]
	_, err := Schema([]byte(c.schema), Options{})
	if err == nil || !strings.Contains(err.Error(), c.want) {
		t.Errorf("%s: %v, want %q", short, err, c.want)
	}
	var at *SchemaError
	if errors.As(err, &at) != (c.pointer != "") || at != nil && at.Pointer != c.pointer {
		t.Errorf("%s: %v, want a place at %q", short, err, c.pointer)
	}
}

func TestSchemaErrors(t *testing.T) {
	for _, c := range []faulty{
		{``, "", "byte 0"},
		{`{"type":"string"`, "", "not JSON"},
		{`{"type":"string"} x`, "", "byte"},
		{"\"\xff\"", "", "UTF-8"},
		{strings.Repeat("[", 300), "#" + strings.Repeat("/0", 201), "nested deeper"},
		{`3`, "#", "must be an object"},
		{`false`, "#", "allows no value"},
		{`{"type":"text"}`, "#/type", "must be one of object"},
		{`{"type":["string","string"]}`, "#/type/1", "twice"},
		{`{"type":[]}`, "#/type", "no type"},
		{`{"type":"string","type":"null"}`, "#", "twice"},
		{`{"properties":{"a/b":{"pattern":"x"}}}`, "#/properties/a~1b/pattern", `"pattern" is not supported; supported are $ref`},
		{`{"items":{"type":"integer","multipleOf":2}}`, "#/items/multipleOf", "not supported"},
		{`{"uniqueItems":true}`, "#/uniqueItems", "not supported"},
		{`{"properties":{"a":{"$id":"x"}}}`, "#/properties/a/$id", "not supported"},
		{`{"properties":[]}`, "#/properties", "object of schemas"},
		{`{"properties":{"a":false},"required":["a"]}`, "#/properties/a", "allows no value"},
		{`{"required":"a"}`, "#/required", "array of names"},
		{`{"required":[1]}`, "#/required/0", "a name"},
		{`{"required":["a"],"additionalProperties":false}`, "#/required/0", "additionalProperties is false"},
		{`{"type":"string","minLength":3,"maxLength":2}`, "#/maxLength", "below minLength"},
		{`{"type":"string","minLength":-1}`, "#/minLength", "whole number"},
		{`{"type":"string","minLength":5000}`, "#/minLength", "at most 1024"},
		{`{"type":"array","minItems":1e30}`, "#/minItems", "at most 32"},
		{`{"type":"array","minItems":1,"items":false}`, "#", "items is false"},
		{`{"type":"array","items":[{}]}`, "#/items", "must be an object, true or false"},
		{`{"type":"integer","minimum":"1"}`, "#/minimum", "must be a number"},
		{`{"type":"integer","minimum":3,"maximum":2}`, "#", "no integer"},
		{`{"type":"number","minimum":0.2,"maximum":0.7}`, "#", "fractions between"},
		{`{"type":"number","minimum":1e999999999}`, "#/minimum", "exponent"},
	} {
		c.check(t)
	}
	for _, o := range []Options{{MaxLength: -1}, {MaxItems: 1 << 20}, {MaxDepth: 1000}} {
		if _, err := Schema([]byte(`{}`), o); err == nil || !strings.Contains(err.Error(), "must be from 1 to") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestCombinationErrors has the errors of keywords that list or combine.
func TestCombinationErrors(t *testing.T) {
	for _, c := range []faulty{
		{`{"enum":[]}`, "#/enum", "array of values"},
		{`{"enum":["a"],"const":"b"}`, "#/const", "not in enum"},
		{`{"enum":["a"],"type":"integer"}`, "#", "no value is left"},
		{`{"enum":["a"],"minLength":1}`, "#/minLength", "beside enum"},
		{`{"anyOf":[{"type":"null"}],"type":"null"}`, "#/type", "beside anyOf"},
		{`{"anyOf":[{"type":"null"}],"$ref":"#"}`, "#/$ref", "beside anyOf"},
		{`{"anyOf":[]}`, "#/anyOf", "array of schemas"},
		{`{"allOf":[{},{}]}`, "#/allOf", "merge"},
		{`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, "#/oneOf/1", "#/oneOf/0"},
		{`{"oneOf":[{"type":"string"},{"maxLength":1}]}`, "#/oneOf/1", "oneOf is supported where"},
		{`{"oneOf":[{"const":1},{"enum":[1.0,2]}]}`, "#/oneOf/1", "may allow the same"},
		{`{"oneOf":[{"type":"object","properties":{"k":{"const":1}}},{"type":"object","properties":{"k":{"const":2}},"required":["k"]}]}`, "#/oneOf/1", "may allow the same"},
		{`{"oneOf":[{"$ref":"#"},{"$ref":"#"}]}`, "#/oneOf/1", "may allow the same"},
		{`{"$ref":"http://example.com/x"}`, "#/$ref", "local"},
		{`{"$ref":"#/$defs/x"}`, "#/$ref", "names no part"},
		{`{"$ref":3}`, "#/$ref", "local"},
		{`{"$ref":"#"}`, "", "leads back to itself"},
		{`{"anyOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"type":"null"},{"$ref":"#"}]}}}`, "", "leads back to itself"},
		{`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`, "", "no output of this grammar ends"},
		{`{"anyOf":[` + strings.Repeat(`{"type":"string"},`, 200) + `{}]}`, "", "more than 128 alternatives"},
		{`{"type":"array","minItems":32,"maxItems":32,"items":{"type":"array","minItems":32,"items":{"type":"array","minItems":32,"items":{"type":"string","minLength":1000}}}}`, "", "the shortest output"},
		{`{"enum":["` + strings.Repeat("a", 200000) + `"]}`, "", "states"},
		{`"` + strings.Repeat("a", maxSchemaBytes) + `"`, "", "at most 1048576"},
	} {
		c.check(t)
	}
}

// TestWideSchemas are large, not ambiguous, and must be taken.
func TestWideSchemas(t *testing.T) {
	var properties, names, values []string
	for i := range 120 {
		name := fmt.Sprintf("property_number_%d", i)
		properties = append(properties, fmt.Sprintf(`%q:{"type":"integer"}`, name))
		names = append(names, fmt.Sprintf("%q", name))
	}
	for i := range 3000 {
		values = append(values, fmt.Sprintf(`"value %d"`, i*7919))
	}
	for _, schema := range []string{
		`{"type":"object","properties":{` + strings.Join(properties, ",") + `}}`,
		`{"type":"object","properties":{` + strings.Join(properties, ",") + `},"required":[` + strings.Join(names, ",") + `]}`,
		`{"enum":[` + strings.Join(values, ",") + `]}`,
	} {
		g := mustSchema(t, schema, Options{})
		if len(g.nodes) > maxNodes/2 {
			t.Errorf("%d states", len(g.nodes))
		}
		a := mustBind(t, vocabulary(t, small()), g)
		if n := len(a.Matcher().set); n != 1 {
			t.Errorf("%d readings at the start", n)
		}
	}
}

// TestRanges holds integers and numbers with limits against comparing.
func TestRanges(t *testing.T) {
	list := allBytes()
	list = append(list, "<|end|>")
	v := vocabulary(t, list)
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.SampledFrom([]int64{0, 1, 9, 10, 99, 100, 101, 999, 1000, 12345, largest})
		sign := rapid.SampledFrom([]int64{-1, 1})
		whole := func(name string) int64 {
			return sign.Draw(t, name)*near.Draw(t, name) + rapid.Int64Range(-3, 3).Draw(t, name)
		}
		low, high := whole("low"), whole("high")
		if low > high {
			low, high = high, low
		}
		lowOpen, highOpen := rapid.Bool().Draw(t, "open"), rapid.Bool().Draw(t, "open")
		l := limits{new(big.Rat).SetInt64(low), new(big.Rat).SetInt64(high), lowOpen, highOpen}
		if rapid.Bool().Draw(t, "half") {
			l.low.Sub(l.low, big.NewRat(1, 2))
		}
		kind := rapid.SampledFrom([]string{"integer", "number"}).Draw(t, "kind")
		c := l.integers()
		if kind == "number" {
			c = l.numbers()
		}
		inside := func(r *big.Rat) bool {
			a, b := r.Cmp(l.low), r.Cmp(l.high)
			return (a > 0 || a == 0 && !lowOpen) && (b < 0 || b == 0 && !highOpen)
		}
		a := bindNumbers(t, v, c)
		for range 20 {
			n := rapid.SampledFrom([]int64{low, high, whole("n")}).Draw(t, "of") + rapid.Int64Range(-2, 2).Draw(t, "off")
			text := fmt.Sprint(n)
			fraction := kind == "number" && rapid.Bool().Draw(t, "fraction")
			if fraction {
				text += fmt.Sprintf(".%d", rapid.IntRange(0, 99).Draw(t, "digits"))
				if n == 0 && rapid.Bool().Draw(t, "minus") {
					text = "-" + text
				}
			}
			r, _ := new(big.Rat).SetString(text)
			got := a != nil && accepts(a, text)
			whole := r.IsInt() && !fraction
			switch {
			case got && !inside(r):
				t.Fatalf("%s is allowed in %v", text, l)
			case !got && whole && inside(r) && math.Abs(float64(n)) <= largest:
				t.Fatalf("%s is refused in %v", text, l)
			case !got && fraction && math.Abs(float64(n))+1 <= largest && inside(new(big.Rat).SetInt64(n)) && inside(awayFromZero(text)):
				t.Fatalf("%s is refused in %v, with room around it", text, l)
			}
		}
	})
}

// bindNumbers is an automaton of numbers; nil if there are none.
func bindNumbers(t *rapid.T, v *Vocabulary, c choice) *Automaton {
	if c == nil {
		return nil
	}
	g, err := newGrammar(c, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Bind(v, g)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// awayFromZero is a number's whole part and one more, with its sign.
func awayFromZero(text string) *big.Rat {
	head, _, _ := strings.Cut(text, ".")
	r, _ := new(big.Rat).SetString(head)
	if strings.HasPrefix(text, "-") {
		return r.Sub(r, big.NewRat(1, 1))
	}
	return r.Add(r, big.NewRat(1, 1))
}

// accepts follows a text byte by byte, tokens 0 to 255 being bytes.
func accepts(a *Automaton, text string) bool {
	end := int32(a.v.size - 1)
	m := a.Matcher(end)
	for i := range len(text) {
		if m.Accept(int32(text[i])) != nil {
			return false
		}
	}
	return m.Done() || m.Accept(end) == nil
}

// FuzzSchema holds whatever compiles to its judge: what a random walk gives is
// valid, and it ends within its limit.
func FuzzSchema(f *testing.F) {
	for _, e := range examples {
		f.Add([]byte(e.schema), uint64(1))
	}
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a","b"]}`), uint64(2))
	list := small()
	v, err := NewVocabulary(list)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, schema []byte, seed uint64) {
		if len(schema) > 4000 {
			return
		}
		g, err := Schema(schema, Options{MaxLength: 12, MaxItems: 3, MaxDepth: 3})
		if err != nil {
			return
		}
		valid, err := judge(string(schema))
		if err != nil {
			return // of values that do not matter here, as a title that is no string
		}
		a, err := Bind(v, g)
		if err != nil {
			return
		}
		m := a.Matcher(list.end())
		if m.MinTokens() > 2000 {
			return
		}
		text := walk(t, m, list, rand.New(rand.NewPCG(seed, 1)))
		if err := valid(text); err != nil || !json.Valid([]byte(text)) {
			t.Fatalf("%s gives %s: %v", schema, text, err)
		}
	})
}

// walk takes tokens at random and ends within a limit somewhat above what is
// enough.
func walk(t *testing.T, m *Matcher, list tokens, r *rand.Rand) string {
	t.Helper()
	limit := m.MinTokens() + r.IntN(30)
	if err := m.Limit(limit); err != nil {
		t.Fatal(err)
	}
	mask := make([]uint64, (len(list)+63)/64)
	var text strings.Builder
	for n := 0; ; n++ {
		m.Mask(mask)
		if m.Done() || has(mask, list.end()) && (n == limit || r.IntN(3) == 0) {
			return text.String()
		}
		id := int32(r.IntN(len(list) - 1))
		for k := 0; !has(mask, id); k++ {
			if id = (id + 1) % int32(len(list)-1); k > len(list) {
				t.Fatalf("no way on after %q", text.String())
			}
		}
		if n == limit {
			t.Fatalf("%q has not ended after %d tokens", text.String(), n)
		}
		if err := m.Accept(id); err != nil {
			t.Fatal(err)
		}
		text.WriteString(list[id])
	}
}
