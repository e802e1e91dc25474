package gateway

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tierlab/engine/tokenizer/chat"
)

// said is what a callReader made of an output, put together again.
func said(r *callReader, parts ...string) string {
	var text strings.Builder
	var calls []string
	take := func(p pieces) {
		text.WriteString(p.text)
		for _, c := range p.calls {
			if c.Function.Name != "" {
				calls = append(calls, c.Function.Name+" ")
			}
			calls[*c.Index] += c.Function.Arguments
		}
	}
	for _, p := range parts {
		take(r.add(p))
	}
	take(r.end())
	return fmt.Sprintf("%q %q", text.String(), calls)
}

func TestCallReader(t *testing.T) {
	chatml, llama := chat.ChatML{}.Calls(), chat.Llama3{}.Calls()
	for _, c := range []struct {
		name   string
		format chat.CallFormat
		output string
		text   string
		calls  []string
	}{
		{"text", chatml, "Hello, world. ", "Hello, world. ", nil},
		{"call", chatml, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, \"}\\\"\"]}}\n</tool_call>", "", []string{`f {"a": [1, "}\""]}`}},
		{"text and call", chatml, "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>", "Let me see.", []string{`f {}`}},
		{"two calls", chatml, "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":1}}</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>\n", "", []string{`f {"x":1}`, `g {}`}},
		{"cut off in its arguments", chatml, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1", "", []string{`f {"a": 1`}},
		{"cut off before", chatml, "<tool_call>\n{\"name\": \"f\", \"argu", "<tool_call>\n{\"name\": \"f\", \"argu", nil},
		{"no object", chatml, "a <tool_call> is a mark", "a <tool_call> is a mark", nil},
		{"broken, then whole", chatml, "<tool_call>{\"nome\":1}<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>", "<tool_call>{\"nome\":1}", []string{`f {}`}},
		{"arguments that are no object", chatml, "<tool_call>{\"name\":\"f\",\"arguments\":3}</tool_call>", "<tool_call>{\"name\":\"f\",\"arguments\":3}</tool_call>", nil},
		{"an endless head", chatml, "<tool_call>{\"name\":\"" + strings.Repeat("x", maxHead) + "\"}", "<tool_call>{\"name\":\"" + strings.Repeat("x", maxHead) + "\"}", nil},
		{"bare call", llama, " {\"name\": \"f\", \"parameters\": {\"a\": {}}}", "", []string{`f {"a": {}}`}},
		{"bare text", llama, "It is {\"name\": \"f\", \"parameters\": {}}", "It is {\"name\": \"f\", \"parameters\": {}}", nil},
		{"bare object", llama, "{\"answer\": 42} {\"name\": \"f\", \"parameters\": {}}", "{\"answer\": 42} {\"name\": \"f\", \"parameters\": {}}", nil},
		{"space", llama, " \n", " \n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := fmt.Sprintf("%q %q", c.text, c.calls)
			if got := said(newCallReader(c.format), c.output); got != want {
				t.Errorf("at once: %s, want %s", got, want)
			}
			if got := said(newCallReader(c.format), strings.Split(c.output, "")...); got != want {
				t.Errorf("by character: %s, want %s", got, want)
			}
		})
	}
}

// TestCallReaderCuts holds that how an output is cut into tokens does not
// matter, and that a reader neither loses nor invents text.
func TestCallReaderCuts(t *testing.T) {
	words := rapid.SampledFrom([]string{"<tool_call>", "</tool_call>", "<tool", "{", "}", "\"name\"", "\"arguments\"", "\"f\"", ":", ",", " ", "\n", "x", "é", "[", "]", "\\", "\""})
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom([]chat.CallFormat{chat.ChatML{}.Calls(), chat.Llama3{}.Calls()}).Draw(t, "format")
		output := strings.Join(rapid.SliceOf(words).Draw(t, "output"), "")
		whole := said(newCallReader(format), output)
		var parts []string
		for rest := output; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			for !utf8.ValidString(rest[:n]) {
				n++
			}
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		if cut := said(newCallReader(format), parts...); cut != whole {
			t.Fatalf("%q as %q: %s, at once %s", output, parts, cut, whole)
		}
		r := newCallReader(format)
		first := r.add(output)
		rest := r.end()
		if r.calls == 0 && first.text+rest.text != output {
			t.Fatalf("%q became %q", output, first.text+rest.text)
		}
	})
}

func TestJSONShape(t *testing.T) {
	for _, text := range []string{`{}`, `{"a": "\\", "b": ["]", {"c": "\"}"}]}`} {
		for cut := range len(text) {
			var j jsonShape
			n, whole := j.read(text[:cut])
			if n != cut || whole {
				t.Fatalf("%q: %d bytes, whole %v", text[:cut], n, whole)
			}
			if n, whole = j.read(text[cut:] + "}x"); !whole || n != len(text)-cut {
				t.Fatalf("%q after %q: %d bytes, whole %v", text[cut:], text[:cut], n, whole)
			}
		}
	}
}

func TestUnfinished(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 0, "a<": 1, "<tool": 5, "<tool_call": 10, "<<": 1, "<too <t": 2} {
		if got := unfinished(text, "<tool_call>"); got != want {
			t.Errorf("%q ends with %d bytes of a mark, want %d", text, got, want)
		}
	}
}
