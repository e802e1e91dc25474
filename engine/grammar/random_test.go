package grammar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// drawSchema draws a schema from the supported keywords. Recursion goes through
// an optional property or an array, so that it can end.
func drawSchema(t *rapid.T, depth int) string {
	kinds := []string{"string", "integer", "number", "boolean", "enum", "list"}
	if depth > 0 {
		kinds = append(kinds, "object", "object", "array", "anyOf", "any", "ref")
	}
	from := func(label string, low, high int) int { return rapid.IntRange(low, high).Draw(t, label) }
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "string":
		least := from("least", 0, 4)
		return fmt.Sprintf(`{"type":"string","minLength":%d,"maxLength":%d}`, least, least+from("more", 0, 5))
	case "integer", "number":
		low := from("low", -120, 120)
		return fmt.Sprintf(`{"type":%q,"%s":%d,"%s":%d}`, kind,
			rapid.SampledFrom([]string{"minimum", "exclusiveMinimum"}).Draw(t, "low"), low,
			rapid.SampledFrom([]string{"maximum", "exclusiveMaximum"}).Draw(t, "high"), low+from("range", 2, 150))
	case "boolean":
		return `{"type":["null","boolean"],"title":"t"}`
	case "enum":
		values := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{`"a"`, `"ab"`, `"a\"b"`, "1", "12", "null", `["a",{}]`, `{"a":1,"b":[]}`}), 1, 5, rapid.ID).Draw(t, "values")
		return `{"enum":[` + strings.Join(values, ",") + `]}`
	case "list":
		return `{"type":"array","items":{"type":"integer"},"maxItems":3}`
	case "array":
		least := from("least", 0, 2)
		return fmt.Sprintf(`{"type":"array","items":%s,"minItems":%d,"maxItems":%d}`, drawSchema(t, depth-1), least, least+from("more", 0, 2))
	case "anyOf":
		return `{"anyOf":[` + drawSchema(t, depth-1) + "," + drawSchema(t, depth-1) + "]}"
	case "any":
		return rapid.SampledFrom([]string{"{}", "true", `{"type":"object"}`, `{"type":"array"}`}).Draw(t, "any")
	case "ref":
		return `{"type":"array","items":{"$ref":"#/$defs/node"}}`
	}
	return drawObject(t, depth)
}

func drawObject(t *rapid.T, depth int) string {
	var properties, required []string
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "ab", "abc", "q\"", "漢", "kind", "\n"}), 0, 5, rapid.ID).Draw(t, "names") {
		key, _ := json.Marshal(name)
		properties = append(properties, string(key)+":"+drawSchema(t, depth-1))
		if rapid.Bool().Draw(t, "required") {
			required = append(required, string(key))
		}
	}
	s := `{"type":"object","properties":{` + strings.Join(properties, ",") + `},"required":[` + strings.Join(required, ",") + `]`
	switch rapid.IntRange(0, 3).Draw(t, "others") {
	case 0:
		s += `,"additionalProperties":false`
	case 1:
		s += `,"additionalProperties":` + drawSchema(t, depth-1)
	}
	return s + "}"
}

func TestRandomSchemas(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	rapid.Check(t, func(t *rapid.T) {
		schema := `{"anyOf":[` + drawSchema(t, 3) + `],"$defs":{"node":` + drawObject(t, 2) + `}}`
		g, err := Schema([]byte(schema), Options{MaxLength: 10, MaxItems: 4, MaxDepth: 3, Spaces: rapid.Bool().Draw(t, "spaces")})
		if err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		a, err := Bind(v, g)
		if err != nil {
			t.Fatal(err)
		}
		valid, err := judge(schema)
		if err != nil {
			t.Fatal(err)
		}
		document := generate(t, a, list, rapid.IntRange(0, 30).Draw(t, "limit over the least"))
		if err := valid(document); err != nil {
			t.Fatalf("%s gives %s: %v", schema, document, err)
		}
	})
}

// TestShared runs outputs side by side over one automaton: each has the tokens
// that it has alone.
func TestShared(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	bind := func() *Automaton {
		return mustBind(t, v, mustSchema(t, tool, Options{MaxLength: 20, MaxItems: 3, MaxDepth: 3}))
	}
	output := func(a *Automaton, seed uint64) string {
		r := rand.New(rand.NewPCG(seed, 0))
		m := a.Matcher()
		if err := m.Limit(120); err != nil {
			return err.Error()
		}
		mask := make([]uint64, (len(list)+63)/64)
		var text strings.Builder
		for !m.Done() {
			m.Mask(mask)
			id := int32(r.IntN(len(list)))
			for !has(mask, id) {
				id = (id + 1) % int32(len(list))
			}
			if err := m.Accept(id); err != nil {
				return err.Error()
			}
			text.WriteString(list[id])
		}
		return text.String()
	}
	shared := bind()
	var group sync.WaitGroup
	got := make([]string, 16)
	for i := range got {
		group.Go(func() { got[i] = output(shared, uint64(i)) })
	}
	group.Wait()
	for i, text := range got {
		if want := output(bind(), uint64(i)); text != want || !json.Valid([]byte(text)) {
			t.Errorf("output %d: %s, alone %s", i, text, want)
		}
	}
}
