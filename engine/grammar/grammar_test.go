package grammar

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

func mustSchema(tb testing.TB, schema string, o Options) *Grammar {
	tb.Helper()
	g, err := Schema([]byte(schema), o)
	if err != nil {
		tb.Fatalf("%s: %v", schema, err)
	}
	return g
}

func mustBind(tb testing.TB, v *Vocabulary, g *Grammar) *Automaton {
	tb.Helper()
	a, err := Bind(v, g)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// judge validates documents independently.
func judge(schema string) (func(document string) error, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		return nil, err
	}
	return func(document string) error {
		if !utf8.ValidString(document) || !json.Valid([]byte(document)) {
			return errors.New("not JSON")
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
		if err != nil {
			return err
		}
		return s.Validate(v)
	}, nil
}

func has(mask []uint64, token int32) bool { return mask[token/64]>>(token%64)&1 == 1 }

// feed hands a text to a matcher in tokens drawn by r, and says whether all were
// allowed and the text is complete.
func feed(t testing.TB, m *Matcher, list tokens, text string, r *rand.Rand) bool {
	t.Helper()
	mask := make([]uint64, (len(list)+63)/64)
	for text != "" {
		var fit []int32
		for id, s := range list[:len(list)-1] {
			if strings.HasPrefix(text, s) {
				fit = append(fit, int32(id))
			}
		}
		id := fit[r.IntN(len(fit))]
		m.Mask(mask)
		err := m.Accept(id)
		if has(mask, id) != (err == nil) {
			t.Fatalf("mask allows %q: %v; Accept: %v", list[id], has(mask, id), err)
		}
		if err != nil {
			return false
		}
		text = text[len(list[id]):]
	}
	m.Mask(mask)
	return m.Done() || has(mask, list.end())
}

func TestExamples(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	r := rand.New(rand.NewPCG(1, 1))
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			a := mustBind(t, v, mustSchema(t, e.schema, e.options))
			valid, err := judge(e.schema)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				for _, text := range e.allowed {
					if err := valid(text); err != nil {
						t.Errorf("%s is listed as allowed, but is not valid: %v", text, err)
					}
					if !feed(t, a.Matcher(list.end()), list, text, r) {
						t.Errorf("%s is refused", text)
					}
				}
				for _, text := range e.refused {
					if feed(t, a.Matcher(list.end()), list, text, r) {
						t.Errorf("%s is allowed", text)
					}
				}
			}
		})
	}
}

// generate draws allowed tokens until the output is complete.
func generate(t *rapid.T, a *Automaton, list tokens, limit int) string {
	m := a.Matcher(list.end())
	if limit >= 0 {
		least := m.MinTokens()
		if err := m.Limit(least - 1); err == nil {
			t.Fatalf("a limit of %d tokens is taken, below %d", least-1, least)
		}
		limit += least
		if err := m.Limit(limit); err != nil {
			t.Fatal(err)
		}
	} else {
		limit = a.longest
	}
	mask := make([]uint64, (len(list)+63)/64)
	var text strings.Builder
	lazy := rapid.Bool().Draw(t, "likes to end")
	for n := 0; ; n++ {
		m.Mask(mask)
		if m.Done() || has(mask, list.end()) && (n == limit || rapid.IntRange(0, 3).Draw(t, "end") == 0) {
			return text.String()
		}
		if n == limit {
			t.Fatalf("%d tokens and no end: %q", n, text.String())
		}
		var allowed []int32
		for id := range int32(len(list) - 1) {
			if has(mask, id) {
				allowed = append(allowed, id)
			}
		}
		if len(allowed) == 0 {
			t.Fatalf("no way on after %q", text.String())
		}
		id := rapid.SampledFrom(allowed).Draw(t, "token")
		if lazy && has(mask, '"') && rapid.Bool().Draw(t, "close") {
			id = '"'
		}
		checkMask(t, m, mask, list)
		if err := m.Accept(id); err != nil {
			t.Fatalf("after %q: %v", text.String(), err)
		}
		text.WriteString(list[id])
	}
}

// checkMask holds a mask, with its caches and short cuts, against following each
// token by itself.
func checkMask(t *rapid.T, m *Matcher, mask []uint64, list tokens) {
	a := m.a
	for id, text := range list[:len(list)-1] {
		var to []thread
		for _, th := range m.set {
			to = a.follow(to, th, []byte(text))
		}
		want := len(to) > 0
		if want && m.left != unlimited {
			want = a.fewest(to, unlimited) <= m.left-1
		}
		if got := has(mask, int32(id)); got != want {
			t.Fatalf("mask of %q: %v, want %v, with %d tokens left", text, got, want, m.left)
		}
	}
}

// TestRandomWalks takes random allowed tokens, with and without a limit: what
// comes out is a document of the schema by an independent judge.
func TestRandomWalks(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			o := e.options
			o.MaxLength = 30
			a := mustBind(t, v, mustSchema(t, e.schema, o))
			valid, err := judge(e.schema)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				document := generate(t, a, list, rapid.IntRange(0, 25).Draw(t, "limit over the least"))
				if err := valid(document); err != nil {
					t.Fatalf("%s: %v", document, err)
				}
				if len(document) > a.longest {
					t.Fatalf("%d bytes, over the bound of %d", len(document), a.longest)
				}
			})
		})
	}
}

// TestWalksEndWithoutLimit shows that the bounds alone end every output.
func TestWalksEndWithoutLimit(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	schema := `{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}},"b":{}},"required":["a"],"additionalProperties":{"type":"number"}}`
	a := mustBind(t, v, mustSchema(t, schema, Options{MaxLength: 5, MaxItems: 2, MaxDepth: 2}))
	if a.longest > 3000 {
		t.Fatalf("the longest output has %d bytes", a.longest)
	}
	valid, err := judge(schema)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		document := generate(t, a, list, -1)
		if err := valid(document); err != nil {
			t.Fatalf("%s: %v", document, err)
		}
	})
}

// TestObject is the JSON mode.
func TestObject(t *testing.T) {
	list := small()
	g, err := Object(Options{MaxLength: 10, MaxItems: 3, MaxDepth: 3})
	if err != nil {
		t.Fatal(err)
	}
	a := mustBind(t, vocabulary(t, list), g)
	rapid.Check(t, func(t *rapid.T) {
		document := generate(t, a, list, rapid.IntRange(0, 40).Draw(t, "limit"))
		var v map[string]any
		if err := json.Unmarshal([]byte(document), &v); err != nil {
			t.Fatalf("%s: %v", document, err)
		}
	})
}

// TestCalls surrounds a choice of tools with the text that a model writes.
func TestCalls(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	tools := []Tool{
		{"add", []byte(`{"type":"object","properties":{"a":{"$ref":"#/$defs/n"},"b":{"$ref":"#/$defs/n"}},"required":["a","b"],"$defs":{"n":{"type":"integer"}}}`)},
		{"address", []byte(`{"type":"object","properties":{"name":{"type":"string"}}}`)},
		{"now", nil},
	}
	calls, err := Calls(tools, "arguments", Options{})
	if err != nil {
		t.Fatal(err)
	}
	open, _ := Literal("<tool_call>\n")
	shut, _ := Literal("\n</tool_call>")
	g, err := Sequence(open, calls, shut)
	if err != nil {
		t.Fatal(err)
	}
	a := mustBind(t, v, g)
	r := rand.New(rand.NewPCG(2, 2))
	for text, want := range map[string]bool{
		"<tool_call>\n{\"name\":\"add\",\"arguments\":{\"a\":1,\"b\":12}}\n</tool_call>":   true,
		"<tool_call>\n{\"name\":\"address\",\"arguments\":{\"name\":\"x\"}}\n</tool_call>": true,
		"<tool_call>\n{\"name\":\"address\",\"arguments\":{}}\n</tool_call>":               true,
		"<tool_call>\n{\"name\":\"now\",\"arguments\":{}}\n</tool_call>":                   true,
		"<tool_call>\n{\"name\":\"add\",\"arguments\":{}}\n</tool_call>":                   false,
		"<tool_call>\n{\"name\":\"sub\",\"arguments\":{}}\n</tool_call>":                   false,
		"<tool_call>\n{\"name\":\"now\",\"arguments\":{}}":                                 false,
		"{\"name\":\"now\",\"arguments\":{}}":                                              false,
	} {
		if got := feed(t, a.Matcher(), list, text, r); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := generate(t, a, list, rapid.IntRange(0, 30).Draw(t, "limit"))
		inner := strings.TrimSuffix(strings.TrimPrefix(text, "<tool_call>\n"), "\n</tool_call>")
		var call struct {
			Name      string
			Arguments map[string]any
		}
		if err := json.Unmarshal([]byte(inner), &call); err != nil || len(inner) != len(text)-len("<tool_call>\n\n</tool_call>") {
			t.Fatalf("%q: %v", text, err)
		}
	})
	if _, err := Calls([]Tool{{"bad", []byte(`{"type":"x"}`)}}, "arguments", Options{}); err == nil || !strings.Contains(err.Error(), `tool "bad": schema at #/type`) {
		t.Errorf("a bad tool: %v", err)
	}
	if _, err := Choice(); err == nil {
		t.Error("a choice of nothing")
	}
}
