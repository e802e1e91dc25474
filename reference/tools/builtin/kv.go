package builtin

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"

	"tierlab/reference/tools"
)

// The key-value tools keep JSON values in the session's state, under kvPrefix.
const (
	kvPrefix = "kv/"
	maxKVKey = 256  // bytes
	maxKVs   = 1000 // keys that kv_list shows at once
)

// keyValue are kv_get, kv_set, kv_list, kv_delete and kv_add. Their effects are
// writes to the session's state only, so all of them are Pure.
func keyValue() []tools.Tool {
	const key = `"key":{"type":"string","minLength":1,"maxLength":256}`
	tool := func(name, description, input, output string, run func(context.Context, *tools.Call) (tools.Result, error)) tools.Tool {
		return tools.Tool{Name: name, Description: description, Input: json.RawMessage(input), Output: json.RawMessage(output),
			Repeat: tools.Pure, Stateful: true, Run: run}
	}
	return []tools.Tool{
		tool("kv_get", "Read a value that was kept under a key. Values outlast the conversation's context.",
			`{"type":"object","properties":{`+key+`},"required":["key"],"additionalProperties":false}`,
			`{"type":"object","properties":{"found":{"type":"boolean"},"value":{}},"required":["found"],"additionalProperties":false}`,
			typed(kvGet)),
		tool("kv_set", "Keep a JSON value under a key. One that is there already is replaced.",
			`{"type":"object","properties":{`+key+`,"value":{}},"required":["key","value"],"additionalProperties":false}`,
			`{"type":"object","properties":{"replaced":{"type":"boolean"}},"required":["replaced"],"additionalProperties":false}`,
			typed(kvSet)),
		tool("kv_list", "List the keys that begin with a prefix, in order. To go on, pass the last key as after.",
			`{"type":"object","properties":{"prefix":{"type":"string","maxLength":256},"after":{"type":"string","maxLength":256},"limit":{"type":"integer","minimum":1,"maximum":1000}},"additionalProperties":false}`,
			`{"type":"object","properties":{"keys":{"type":"array","items":{"type":"string"}},"more":{"type":"boolean"}},"required":["keys","more"],"additionalProperties":false}`,
			typed(kvList)),
		tool("kv_delete", "Forget the value under a key.",
			`{"type":"object","properties":{`+key+`},"required":["key"],"additionalProperties":false}`,
			`{"type":"object","properties":{"deleted":{"type":"boolean"}},"required":["deleted"],"additionalProperties":false}`,
			typed(kvDelete)),
		tool("kv_add", "Add a whole number to the one under a key, which counts as 0 if nothing is there, and tell the sum.",
			`{"type":"object","properties":{`+key+`,"by":{"type":"integer"}},"required":["key","by"],"additionalProperties":false}`,
			`{"type":"object","properties":{"value":{"type":"integer"}},"required":["value"],"additionalProperties":false}`,
			typed(kvAdd)),
	}
}

type kvKey struct {
	Key string `json:"key"`
}

func kvGet(_ context.Context, c *tools.Call, a kvKey) (tools.Result, error) {
	type found struct {
		Found bool            `json:"found"`
		Value json.RawMessage `json:"value,omitempty"`
	}
	value, ok := c.State.Get(kvPrefix + a.Key)
	return answer(found{ok, value})
}

func kvSet(_ context.Context, c *tools.Call, a struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}) (tools.Result, error) {
	if problem := checkKey(a.Key); problem != "" {
		return tools.Fail("key %s: %s", quoted(a.Key), problem), nil
	}
	_, replaced := c.State.Get(kvPrefix + a.Key)
	return change(map[string]bool{"replaced": replaced}, tools.Write{Key: kvPrefix + a.Key, Value: a.Value})
}

// change is a result that writes.
func change(v any, writes ...tools.Write) (tools.Result, error) {
	result, err := answer(v)
	result.Writes = writes
	return result, err
}

func kvList(_ context.Context, c *tools.Call, a struct {
	Prefix string `json:"prefix"`
	After  string `json:"after"`
	Limit  int    `json:"limit"`
}) (tools.Result, error) {
	type listed struct {
		Keys []string `json:"keys"`
		More bool     `json:"more"`
	}
	if a.Limit == 0 {
		a.Limit = maxKVs
	}
	list := listed{Keys: []string{}}
	for _, key := range c.State.List(kvPrefix + a.Prefix) {
		key = strings.TrimPrefix(key, kvPrefix)
		if a.After != "" && key <= a.After {
			continue
		}
		if len(list.Keys) == a.Limit {
			list.More = true
			break
		}
		list.Keys = append(list.Keys, key)
	}
	return answer(list)
}

func kvDelete(_ context.Context, c *tools.Call, a kvKey) (tools.Result, error) {
	if _, ok := c.State.Get(kvPrefix + a.Key); !ok {
		return answer(map[string]bool{"deleted": false})
	}
	return change(map[string]bool{"deleted": true}, tools.Write{Key: kvPrefix + a.Key})
}

func kvAdd(_ context.Context, c *tools.Call, a struct {
	Key string      `json:"key"`
	By  json.Number `json:"by"`
}) (tools.Result, error) {
	if problem := checkKey(a.Key); problem != "" {
		return tools.Fail("key %s: %s", quoted(a.Key), problem), nil
	}
	by, err := strconv.ParseInt(a.By.String(), 10, 64)
	if err != nil {
		return tools.Fail("by is %s: want a whole number of 64 bits, written without fraction and exponent", a.By), nil
	}
	var before int64
	if value, ok := c.State.Get(kvPrefix + a.Key); ok {
		if before, err = strconv.ParseInt(string(value), 10, 64); err != nil {
			return tools.Fail("key %s holds %s, which is no whole number of 64 bits: kv_set one first, or take another key", quoted(a.Key), quoted(string(value))), nil
		}
	}
	if by > 0 && before > math.MaxInt64-by || by < 0 && before < math.MinInt64-by {
		return tools.Fail("key %s holds %d: with %d added it is beyond 64 bits", quoted(a.Key), before, by), nil
	}
	return change(map[string]int64{"value": before + by}, tools.Write{Key: kvPrefix + a.Key, Value: strconv.AppendInt(nil, before+by, 10)})
}

// checkKey says what is wrong with a key that would be written.
func checkKey(key string) string {
	switch {
	case len(key) > maxKVKey:
		return "it has " + strconv.Itoa(len(key)) + " bytes: want at most " + strconv.Itoa(maxKVKey)
	case strings.ContainsFunc(key, unicode.IsControl):
		return "it holds control characters"
	}
	return ""
}

// quoted is a text in quotes, cut to what a message has room for.
func quoted(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "..."
	}
	return strconv.QuoteToGraphic(s)
}
