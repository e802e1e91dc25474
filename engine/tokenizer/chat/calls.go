package chat

import (
	"encoding/json"
	"fmt"
	"strings"
)

// CallFormat is how an output writes a tool call: Prefix, a JSON object with
// the keys Name (a string) and Arguments (an object) in this order, Suffix.
type CallFormat struct {
	Prefix, Suffix  string
	Name, Arguments string

	lead string // what may stand before an object without Prefix
}

// Parse separates an output's text from the tool calls in it; their IDs are
// empty. With a Prefix, calls follow the text, and one that is broken is an
// error. Without, the output is one call or none: a JSON object with both keys,
// and anything else is text.
func (f CallFormat) Parse(output string) (text string, calls []ToolCall, err error) {
	if f.Prefix == "" {
		if call, ok := f.bare(output); ok {
			return "", []ToolCall{call}, nil
		}
		return output, nil, nil
	}
	open, end := strings.TrimSpace(f.Prefix), strings.TrimSpace(f.Suffix)
	text, rest, found := strings.Cut(output, open)
	if !found {
		return output, nil, nil
	}
	for found {
		var body string
		body, rest, found = strings.Cut(rest, end)
		if !found {
			return output, nil, fmt.Errorf("tool call %d has no %s: %.80q", len(calls)+1, end, body)
		}
		call, err := f.object(body)
		if err != nil {
			return output, nil, fmt.Errorf("tool call %d: %w", len(calls)+1, err)
		}
		calls = append(calls, call)
		_, rest, found = strings.Cut(rest, open)
	}
	return strings.TrimRight(text, " \t\r\n"), calls, nil
}

// bare reads an output that is a call as a whole.
func (f CallFormat) bare(output string) (ToolCall, bool) {
	body := strings.TrimPrefix(trim(output), f.lead)
	call, err := f.object(body)
	return call, err == nil
}

// object reads {"name": ..., "arguments": ...}.
func (f CallFormat) object(body string) (ToolCall, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		return ToolCall{}, fmt.Errorf("not a JSON object: %w: %.80q", err, body)
	}
	var name string
	if err := json.Unmarshal(fields[f.Name], &name); err != nil || name == "" {
		return ToolCall{}, fmt.Errorf("%q is missing or not a string: %.80q", f.Name, body)
	}
	arguments := fields[f.Arguments]
	if !isObject(arguments) {
		return ToolCall{}, fmt.Errorf("%q is missing or not an object: %.80q", f.Arguments, body)
	}
	return ToolCall{Name: name, Arguments: arguments}, nil
}

// Text is how many bytes of an output so far are text for certain, and can be
// streamed before it is known whether a tool call follows.
func (f CallFormat) Text(output string) int {
	if f.Prefix == "" {
		body := strings.TrimLeft(output, " \t\r\n")
		if body == "" || body[0] == '{' || f.lead != "" && overlap(body, f.lead) {
			return 0
		}
		return len(output)
	}
	open := strings.TrimSpace(f.Prefix)
	end := strings.Index(output, open)
	for n := min(len(open)-1, len(output)); end < 0; n-- {
		if strings.HasSuffix(output, open[:n]) {
			end = len(output) - n
		}
	}
	return len(strings.TrimRight(output[:end], " \t\r\n"))
}

// overlap says whether one of two strings begins with the other.
func overlap(a, b string) bool {
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}
