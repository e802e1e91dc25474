package gateway

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// stringList takes a string for a list of one.
type stringList []string

func (stringList) takes() string { return "a string or an array of strings" }

func (l *stringList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = nil
		if string(b) != "null" {
			*l = stringList{one}
		}
		return nil
	}
	var many []string
	if json.Unmarshal(b, &many) != nil {
		return mistyped(b, *l)
	}
	*l = many
	return nil
}

// prompts are what a completion request may continue: each is text or token
// ids.
type prompts []prompt

type prompt struct {
	text   string
	tokens []int32 // nil: text
}

func (prompts) takes() string {
	return "a string, an array of strings, an array of token ids, or an array of arrays of token ids"
}

func (p *prompts) UnmarshalJSON(b []byte) error {
	var text stringList
	if json.Unmarshal(b, &text) == nil {
		*p = nil
		for _, t := range text {
			*p = append(*p, prompt{text: t})
		}
		return nil
	}
	var ids []int32
	if json.Unmarshal(b, &ids) == nil {
		*p = prompts{{tokens: ids}}
		return nil
	}
	var lists [][]int32
	if json.Unmarshal(b, &lists) != nil {
		return mistyped(b, *p)
	}
	*p = nil
	for _, l := range lists {
		*p = append(*p, prompt{tokens: append([]int32{}, l...)})
	}
	return nil
}

// content is the text of a message: a string, null, or an array of text parts.
type content string

func (content) takes() string { return "a string or an array of text parts" }

func (c *content) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(b, &parts) != nil {
		return mistyped(b, *c)
	}
	var texts []string
	for i, p := range parts {
		if p.Type != "text" {
			return invalid("messages", "messages: content part %d has type %q; this model reads text only.", i, p.Type)
		}
		texts = append(texts, p.Text)
	}
	*c = content(strings.Join(texts, "\n")) // as vLLM does for templates that know no parts
	return nil
}

// mistyped is the error for JSON text that is no T. encoding/json adds the
// field.
func mistyped[T any](b []byte, _ T) error {
	return &json.UnmarshalTypeError{Value: valueName(b), Type: reflect.TypeFor[T]()}
}

// valueName is what encoding/json calls a value.
func valueName(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case b[0] == '{':
		return "object"
	case b[0] == '[':
		return "array of other things"
	case b[0] == '"':
		return "string"
	case b[0] == 't', b[0] == 'f':
		return "bool"
	}
	return fmt.Sprintf("number %.20s", b)
}
