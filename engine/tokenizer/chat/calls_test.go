package chat

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func call(name, arguments string) ToolCall {
	return ToolCall{Name: name, Arguments: json.RawMessage(arguments)}
}

func TestParseCalls(t *testing.T) {
	llama, chatml := Llama3{}.Calls(), ChatML{}.Calls()
	for _, c := range []struct {
		format CallFormat
		output string
		text   string
		calls  []ToolCall
		err    string
	}{
		{llama, "hello", "hello", nil, ""},
		{llama, ` {"name": "f", "parameters": {"a": [1, "}"]}} ` + "\n", "", []ToolCall{call("f", `{"a": [1, "}"]}`)}, ""},
		{llama, `<|python_tag|>{"name": "f", "parameters": {}}`, "", []ToolCall{call("f", "{}")}, ""},
		{llama, `{"name": "f"}`, `{"name": "f"}`, nil, ""},
		{llama, `{"name": 1, "parameters": {}}`, `{"name": 1, "parameters": {}}`, nil, ""},
		{llama, `{"name": "f", "parameters": {}} and`, `{"name": "f", "parameters": {}} and`, nil, ""},
		{llama, `{"name": "f", "parameters": "{}"}`, `{"name": "f", "parameters": "{}"}`, nil, ""},

		{chatml, "hello <tool_response>", "hello <tool_response>", nil, ""},
		{chatml, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>", "", []ToolCall{call("f", `{"a": 1}`)}, ""},
		{chatml, "Both.\n<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\n<tool_call>\n{\"name\":\"g\",\"arguments\":{}}\n</tool_call>\n",
			"Both.", []ToolCall{call("f", "{}"), call("g", "{}")}, ""},
		{chatml, "a<tool_call>\n{\"name\": \"f\"", "", nil, "tool call 1 has no </tool_call>"},
		{chatml, "<tool_call>f()</tool_call>", "", nil, "tool call 1: not a JSON object"},
		{chatml, "<tool_call>{\"arguments\": {}}</tool_call>", "", nil, `tool call 1: "name" is missing`},
		{chatml, "<tool_call>{\"name\": \"f\"}</tool_call>", "", nil, `tool call 1: "arguments" is missing`},
		{chatml, "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call><tool_call>", "", nil, "tool call 2 has no"},
	} {
		text, calls, err := c.format.Parse(c.output)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || text != c.output || calls != nil {
				t.Errorf("%q: %q, %v, %v", c.output, text, calls, err)
			}
			continue
		}
		if err != nil || text != c.text || !reflect.DeepEqual(calls, c.calls) {
			t.Errorf("%q: %q, %s, %v", c.output, text, calls, err)
		}
	}
}

// TestStreamedText checks for every beginning of an output that what Text lets
// go is part of the text in the end, and that it never takes anything back.
func TestStreamedText(t *testing.T) {
	for _, format := range []CallFormat{Llama3{}.Calls(), ChatML{}.Calls()} {
		call := format.Prefix + `{"` + format.Name + `": "f", "` + format.Arguments + `": {}}` + format.Suffix
		outputs := []string{"plain", " plain\n\n", "a <tool_", "<|pythonic", "x < y", call, "\n" + call, "<|python_tag|>" + call}
		if format.Prefix != "" {
			outputs = append(outputs, "Look: "+call+"\n"+call, "a\n\n"+call)
		}
		for _, output := range outputs {
			text, calls, err := format.Parse(output)
			if err != nil {
				t.Fatal(err)
			}
			before := 0
			for i := range len(output) + 1 {
				n := format.Text(output[:i])
				if n < before || n > i || !strings.HasPrefix(text, output[:n]) {
					t.Errorf("%q lets %d bytes go after %d, of the text %q", output[:i], n, before, text)
				}
				before = n
			}
			if len(calls) > 0 && before != len(text) {
				t.Errorf("%q: %d bytes let go of the text %q", output, before, text)
			}
		}
	}
}

// TestFormatsAgree writes calls as a template does and reads them back.
func TestFormatsAgree(t *testing.T) {
	want := []ToolCall{call("f", `{"a": "\"}\n", "b": [1, 2.5, null, true], "c": {}}`)}
	for _, template := range []Template{Llama3{}, ChatML{}} {
		parts, err := template.Parts(Conversation{Messages: []Message{{Role: User, Content: "x"}, {Role: Assistant, ToolCalls: want}}})
		if err != nil {
			t.Fatal(err)
		}
		var prompt string
		for _, p := range parts {
			prompt += p.Text
		}
		f := template.Calls()
		object := `{"` + f.Name + `": "f", "` + f.Arguments + `": ` + string(want[0].Arguments) + "}"
		if !strings.Contains(prompt, f.Prefix+object+f.Suffix) {
			t.Errorf("%s writes a call otherwise than %q: %q", template.Name(), f.Prefix+object+f.Suffix, prompt)
		}
		_, calls, err := f.Parse(f.Prefix + object + f.Suffix)
		if err != nil || !reflect.DeepEqual(calls, want) {
			t.Errorf("%s: %s, %v", template.Name(), calls, err)
		}
	}
}

func FuzzParseCalls(f *testing.F) {
	for _, s := range []string{"", "x", "<tool_call>", `<tool_call>{"name":"f","arguments":{}}</tool_call>`, `{"name":"f","parameters":{}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, output string) {
		for _, format := range []CallFormat{Llama3{}.Calls(), ChatML{}.Calls()} {
			text, calls, err := format.Parse(output)
			if err != nil && (calls != nil || text != output) {
				t.Errorf("%q: %q, %v with %v", output, text, calls, err)
			}
			for _, c := range calls {
				if !json.Valid(c.Arguments) || c.Name == "" {
					t.Errorf("%q: call %+v", output, c)
				}
			}
			if n := format.Text(output); n < 0 || n > len(output) {
				t.Errorf("%q: %d bytes of text", output, n)
			}
		}
	})
}

// FuzzJSON compares the text of a JSON value with that of the decoded value.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"{}", `{"a": [1, {"b": "\u00e9\n"}], "c": null}`, "[]", `"\ud800"`, "1e5", "true"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !json.Valid([]byte(s)) {
			return
		}
		for _, indent := range []int{0, 4} {
			out, err := appendPython(nil, []byte(s), indent)
			if err != nil {
				if strings.Contains(err.Error(), "nested") {
					continue
				}
				t.Fatalf("%q: %v", s, err)
			}
			var before, after any
			if err := json.Unmarshal([]byte(s), &before); err != nil {
				return // a number beyond float64
			}
			if err := json.Unmarshal(out, &after); err != nil || !reflect.DeepEqual(before, after) {
				t.Errorf("%q became %q: %v", s, out, err)
			}
		}
	})
}
