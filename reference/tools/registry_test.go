package tools

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// memory is a session's state in a map.
type memory struct{ *Overlay }

func newMemory() memory { return memory{NewOverlay(nil)} }

const anyObject = `{"type":"object"}`

// echo answers with its arguments.
func echo(name string) Tool {
	return Tool{Name: name, Input: json.RawMessage(anyObject), Repeat: Pure, Run: func(_ context.Context, c *Call) (Result, error) {
		return Result{Content: c.Arguments}, nil
	}}
}

func register(t *testing.T, r *Registry, list ...Tool) {
	t.Helper()
	for _, tool := range list {
		if err := r.Register(tool); err != nil {
			t.Fatal(err)
		}
	}
}

func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func TestRegisterRefuses(t *testing.T) {
	with := func(change func(*Tool)) Tool {
		tool := echo("good")
		change(&tool)
		return tool
	}
	schema := func(text string) Tool { return with(func(t *Tool) { t.Input = json.RawMessage(text) }) }
	for _, c := range []struct {
		tool Tool
		want string
	}{
		{echo(""), "want 1 to 64 letters"},
		{echo("a b"), "want 1 to 64 letters"},
		{echo("bell\a"), "want 1 to 64 letters"},
		{echo(strings.Repeat("x", 65)), "want 1 to 64 letters"},
		{echo("taken"), "there already"},
		{with(func(t *Tool) { t.Run = nil }), "no Run"},
		{with(func(t *Tool) { t.Repeat = 9 }), "Once, Keyed or Pure"},
		{with(func(t *Tool) { t.Description = strings.Repeat("x", 1<<20) }), "at most 8192"},
		{with(func(t *Tool) { t.Description = "clear\x1b[2J" }), "control characters"},
		{with(func(t *Tool) { t.Quota.Calls = -1 }), "negative"},
		{schema(``), "not JSON"},
		{schema(`{`), "not JSON"},
		{schema(`[]`), `"type": "object"`},
		{schema(`true`), `"type": "object"`},
		{schema(`{"type":"string"}`), `"type": "object"`},
		{schema(`{"type":"object","properties":7}`), "schema"},
		{schema(`{"type":"object","properties":{"a":{"type":"strin"}}}`), "schema"},
		{schema(`{"type":"object","properties":{"a":{"pattern":"("}}}`), "schema"},
		{schema(`{"type":"object","properties":{"a":{"$ref":"http://example.com/s.json"}}}`), "leaves the schema"},
		{schema(`{"type":"object","properties":{"a":{"$ref":"file:///etc/passwd"}}}`), "leaves the schema"},
		{schema(`{"type":"object","properties":{"a":{"$ref":"other.json"}}}`), "leaves the schema"},
		{schema(`{"type":"object","properties":{"a":{"$ref":"#/$defs/none"}}}`), "schema"},
		{schema(`{"type":"object","$dynamicRef":"#"}`), "$dynamicRef"},
		{schema(`{"$schema":"tool:///schema.json","type":"object"}`), "schema"},
		{schema(`{"type":"object","maxProperties":1e1000000000}`), "exponent"},
		{schema(`{"type":"object","x":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`), "200 levels"},
		{schema(`{"type":"object","x":"` + strings.Repeat("x", maxSchema) + `"}`), "at most 262144"},
		{with(func(t *Tool) { t.Output = json.RawMessage(`{"type":3}`) }), "output schema"},
	} {
		r := NewRegistry(Options{})
		register(t, r, echo("taken"))
		if err := r.Register(c.tool); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want it to say %q", c.tool.Name, clip(string(c.tool.Input), 60), err, c.want)
		}
		if got := r.Names(); len(got) != 1 {
			t.Errorf("a refused tool was added: %v", got)
		}
	}
}

func TestApprovalStays(t *testing.T) {
	r := NewRegistry(Options{Approval: []string{"a"}})
	for range 2 {
		register(t, r, echo("a"), echo("b"))
		for name, want := range map[string]bool{"a": true, "b": false} {
			if tool, ok := r.Lookup(name); !ok || tool.Approval != want {
				t.Errorf("%s asks for approval: %v, want %v", name, tool.Approval, want)
			}
			r.Remove(name)
		}
	}
}

func TestDefinitionsAreInOrder(t *testing.T) {
	r := NewRegistry(Options{})
	register(t, r, echo("b"), echo("c"), echo("a"))
	list, err := r.Definitions([]string{"c", "a", "c", "b"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range list {
		names = append(names, d.Name)
	}
	if got := strings.Join(names, " "); got != "a b c" {
		t.Errorf("definitions %s, want a b c", got)
	}
	if list, err := r.Definitions(nil); err != nil || len(list) != 0 {
		t.Errorf("no names give %v, %v: want nothing", list, err)
	}
	if _, err := r.Definitions([]string{"bb"}); err == nil {
		t.Error("a definition of a tool that is not there")
	}
	if !r.Remove("a") || r.Remove("a") {
		t.Error("Remove takes a tool out once")
	}
	if _, ok := r.Lookup("a"); ok {
		t.Error("a removed tool is found")
	}
}

func TestArguments(t *testing.T) {
	const input = `{"type":"object","required":["n"],"additionalProperties":false,
	  "properties":{"n":{"type":"integer","minimum":1},"mode":{"enum":["fast","slow"]},"to":{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]},
	  "list":{"type":"array","items":{"$ref":"#/$defs/name"}}},"$defs":{"name":{"type":"string","maxLength":3}}}`
	r := NewRegistry(Options{MaxArguments: 2000})
	tool := echo("t")
	tool.Input = json.RawMessage(input)
	ran := 0
	run := tool.Run
	tool.Run = func(ctx context.Context, c *Call) (Result, error) { ran++; return run(ctx, c) }
	register(t, r, tool)
	for _, c := range []struct{ in, want string }{
		{`{"n":1}`, `{"n":1}`},
		{` {"n": 2, "mode":"fast", "n": 3} `, `{"mode":"fast","n":3}`},
		{`{"n":12345678901234567890}`, `{"n":12345678901234567890}`},
		{`{"n":1,"to":"<a&b>"}`, `{"n":1,"to":"<a&b>"}`},
		{``, `{"error":"arguments do not fit the tool's schema: at the whole value: found an empty object, want with \"n\"","kind":"invalid_arguments","problems":[{"path":"","found":"an empty object","want":"with \"n\""}]}`},
		{`{"n":"1"}`, `{"error":"arguments do not fit the tool's schema: at /n: found string \"1\", want integer","kind":"invalid_arguments","problems":[{"path":"/n","found":"string \"1\"","want":"integer"}]}`},
		{`{"n":0}`, `found number 0, want minimum`},
		{`{"n":1.5}`, `found number 1.5, want integer`},
		{`{"n":1,"mode":"fats"}`, `at /mode: found string \"fats\", want one of \"fast\", \"slow\"`},
		{`{"n":1,"moed":1}`, `at /moed: found a property that the schema does not have, want \"mode\"`},
		{`{"n":1,"to":7}`, `want string, or array`},
		{`{"n":1,"list":["a","long"]}`, `at /list/1: found string \"long\", want maxLength`},
		{`[1]`, `found array of 1, want object`},
		{`{"n":1`, `in the middle of a value`},
		{`{"n":1} {}`, `more follows it`},
		{`{n:1}`, `not JSON: invalid character 'n'`},
		{`{"n":1e1000000000}`, `exponent`},
		{`{"n":` + strings.Repeat("9", 1000) + `}`, `characters`},
		{`{"to":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`, `levels deep`},
		{`{"to":"` + strings.Repeat("x", 2000) + `"}`, `at most 2000`},
	} {
		before := ran
		result, err := r.Call(t.Context(), "t", &Call{Arguments: json.RawMessage(c.in)})
		text := string(result.Content)
		if !strings.Contains(text, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", clip(c.in, 80), text, c.want)
		}
		if bad := strings.Contains(text, `"error"`); bad != (kindOf(err) == InvalidArguments) || bad != result.Failed || bad != (ran == before) {
			t.Errorf("%s: ran %d times, error %v, failed %v", clip(c.in, 80), ran-before, err, result.Failed)
		}
	}
}

// TestSchemaOfExponentialWork asks for 2^150 applications of a schema and more, in
// the ways in which failures are followed up.
func TestSchemaOfExponentialWork(t *testing.T) {
	for _, a := range []string{
		`{"minimum":5,"anyOf":[{"properties":{"x":{"$ref":"#/$defs/a"}}},{"properties":{"x":{"$ref":"#/$defs/a"}}},{"properties":{"x":{"$ref":"#/$defs/a"}},"required":["y"]}]}`,
		`{"minimum":5,"properties":{"x":{"$ref":"#/$defs/a"}},"patternProperties":{"x":{"$ref":"#/$defs/a"},".":{"$ref":"#/$defs/a"}}}`,
		`{"minimum":5,"dependentSchemas":{"x":{"properties":{"x":{"$ref":"#/$defs/a"}}}},"properties":{"x":{"$ref":"#/$defs/a"}}}`,
	} {
		text := `{"type":"object","not":{"$ref":"#/$defs/a"},"$defs":{"a":` + a + `}}`
		r := NewRegistry(Options{})
		tool := echo("t")
		tool.Input = json.RawMessage(text)
		register(t, r, tool)
		deep := strings.Repeat(`{"x":`, 150) + "1" + strings.Repeat("}", 150)
		result, err := r.Call(t.Context(), "t", &Call{Arguments: json.RawMessage(deep)})
		if kindOf(err) != InvalidArguments || !strings.Contains(string(result.Content), "takes too long") {
			t.Errorf("%s: %v %s", text, err, clip(string(result.Content), 200))
		}
	}
}

func FuzzArguments(f *testing.F) {
	f.Add(`{"type":"object","properties":{"n":{"type":"integer"}}}`, `{"n":1}`)
	f.Add(`{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#"},{"multipleOf":0.1}]}}}`, `{"a":{"a":1e300}}`)
	f.Add(`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","dependencies":{"a":["b"]},"definitions":{"x":{"$ref":"#"}}}`, `{"a":1,"a":2}`)
	f.Add(`{"type":"object","unevaluatedProperties":false,"allOf":[{"properties":{"a":{"uniqueItems":true}}}]}`, `{"a":[1,1.0]}`)
	f.Fuzz(func(t *testing.T, schema, arguments string) {
		r := NewRegistry(Options{MaxArguments: 1 << 12})
		tool := echo("t")
		tool.Input = json.RawMessage(schema)
		if err := r.Register(tool); err != nil {
			return
		}
		result, err := r.Call(t.Context(), "t", &Call{Arguments: json.RawMessage(arguments)})
		if !json.Valid(result.Content) {
			t.Fatalf("content %q is no JSON", result.Content)
		}
		if result.Failed != (err != nil) || err != nil && len(result.Content) > 20_000 {
			t.Fatalf("failed %v, error %v, %d bytes", result.Failed, err, len(result.Content))
		}
		if err != nil {
			return
		}
		// What was handed on fits the schema again, and is its own encoding.
		again, err := r.Call(t.Context(), "t", &Call{Arguments: result.Content})
		if err != nil || string(again.Content) != string(result.Content) {
			t.Fatalf("%s was taken, and then: %v %s", result.Content, err, again.Content)
		}
	})
}
