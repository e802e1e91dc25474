package gateway

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tierlab/engine"
	"tierlab/engine/grammar"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// callWorld is a vocabulary with the grammar of two tools in it.
type callWorld struct {
	words   tokenizer.Tokenizer
	format  chat.CallFormat
	rules   *callRules
	text    *grammar.Automaton // of a response format
	opening int32              // a token by which a call may begin
}

const cityTool = `{"type":"object","properties":{"city":{"enum":["Rome","Oslo"]},"days":{"type":"integer","minimum":0,"maximum":9}},"required":["city"],"additionalProperties":false}`

func newCallWorld(t *testing.T, template chat.Template) *callWorld {
	t.Helper()
	words, err := tokenizer.NewBytes(testVocab)
	if err != nil {
		t.Fatal(err)
	}
	v, err := grammar.NewVocabulary(words)
	if err != nil {
		t.Fatal(err)
	}
	bind := func(g *grammar.Grammar, err error) *grammar.Automaton {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		a, err := grammar.Bind(v, g)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	w := &callWorld{words: words, format: template.Calls()}
	w.rules = newCallRules(words, testVocab+1, w.format) // a model with a token that has no text
	w.rules.object = bind(grammar.Calls([]grammar.Tool{{Name: "weather", Parameters: []byte(cityTool)}, {Name: "time"}}, w.format.Arguments, grammarOptions()))
	w.rules.ends = chat.StopIDs(template, words)
	w.rules.most = 3
	w.text = bind(grammar.Schema([]byte(`{"type":"array","items":{"type":"boolean"},"maxItems":3}`), grammarOptions()))
	w.opening = '{'
	if w.format.Prefix == "" {
		w.rules.braces = openings(words)
		w.rules.most = 1
	} else {
		w.opening = w.rules.prefix[0]
	}
	return w
}

// write lets random weights write an output of at most max tokens: each next
// token is any that the grammar allows, the opening of a call more often in half
// of the outputs.
func (w *callWorld) write(t *rapid.T, g engine.Grammar, max int) (text string, whole bool) {
	mask := make([]uint64, (w.rules.vocab+63)/64)
	keen := rapid.Bool().Draw(t, "keen") // on calls
	var ids []int32
	for range max {
		g.Mask(mask)
		var allowed []int32
		for id := range int32(len(mask) * 64) {
			if has(mask, id) {
				allowed = append(allowed, id)
			}
		}
		if len(allowed) == 0 || allowed[len(allowed)-1] >= int32(w.rules.vocab) {
			t.Fatalf("after %q the mask allows %v", tokenizer.Decode(w.words, ids), allowed)
		}
		id := rapid.SampledFrom(allowed).Draw(t, "token")
		if slices.Contains(allowed, w.opening) && keen && rapid.IntRange(0, 4).Draw(t, "call") == 0 {
			id = w.opening
		}
		if slices.Contains(w.rules.ends, id) {
			return tokenizer.Decode(w.words, ids), true
		}
		if err := g.Accept(id); err != nil {
			t.Fatalf("after %q: token %d, which the mask allowed: %v", tokenizer.Decode(w.words, ids), id, err)
		}
		ids = append(ids, id)
		if g.Done() {
			return tokenizer.Decode(w.words, ids), true
		}
	}
	return tokenizer.Decode(w.words, ids), false
}

// checkCalls demands that each call is of a tool and keeps to its schema.
func checkCalls(t *rapid.T, output string, calls []chat.ToolCall) {
	for _, c := range calls {
		var arguments struct {
			City *string
			Days *int
		}
		if err := json.Unmarshal(c.Arguments, &arguments); err != nil {
			t.Fatalf("%q: %v", output, err)
		}
		switch {
		case c.Name == "time" && string(c.Arguments) == "{}":
		case c.Name == "weather" && arguments.City != nil && slices.Contains([]string{"Rome", "Oslo"}, *arguments.City) &&
			(arguments.Days == nil || *arguments.Days >= 0 && *arguments.Days <= 9):
		default:
			t.Fatalf("%q calls %s(%s)", output, c.Name, c.Arguments)
		}
	}
}

// TestRequiredCalls holds that a request for a call gets whole and valid calls
// within its tokens, whatever the weights.
func TestRequiredCalls(t *testing.T) {
	for _, template := range []chat.Template{chat.ChatML{}, chat.Llama3{}} {
		t.Run(template.Name(), func(t *testing.T) {
			w := newCallWorld(t, template)
			rapid.Check(t, func(t *rapid.T) {
				rules := *w.rules
				rules.required, rules.maxTokens = true, rapid.IntRange(1, 300).Draw(t, "max")
				g, err := rules.start()
				if err != nil {
					if rules.maxTokens > 60 {
						t.Fatalf("%d tokens: %v", rules.maxTokens, err)
					}
					return
				}
				output, whole := w.write(t, g, rules.maxTokens)
				text, calls, err := w.format.Parse(output)
				if err != nil || !whole || text != "" || len(calls) == 0 || len(calls) > rules.most {
					t.Fatalf("%q: whole %v, text %q, %d calls, %v", output, whole, text, len(calls), err)
				}
				checkCalls(t, output, calls)
			})
		})
	}
}

// TestFreeCalls holds that a model that may call tools writes any text, and
// that what it begins as a call is one.
func TestFreeCalls(t *testing.T) {
	for _, template := range []chat.Template{chat.ChatML{}, chat.Llama3{}} {
		t.Run(template.Name(), func(t *testing.T) {
			w := newCallWorld(t, template)
			called, spoke := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				rules := *w.rules
				rules.maxTokens = 400
				g, _ := rules.start()
				output, whole := w.write(t, g, rules.maxTokens)
				_, calls, err := w.format.Parse(output)
				if err != nil && whole {
					t.Fatalf("%q: %v", output, err)
				}
				checkCalls(t, output, calls)
				if len(calls) > 0 {
					called++
				} else {
					spoke++
				}
			})
			if called == 0 || spoke == 0 {
				t.Errorf("%d outputs with calls and %d without: one of them was not tried", called, spoke)
			}
		})
	}
}

// TestFormatOrCalls holds that an output has the response format or calls
// tools.
func TestFormatOrCalls(t *testing.T) {
	w := newCallWorld(t, chat.ChatML{})
	called, spoke := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		rules := *w.rules
		rules.maxTokens, rules.text = 300, w.text
		g, err := rules.start()
		if err != nil {
			t.Fatal(err)
		}
		output, whole := w.write(t, g, rules.maxTokens)
		text, calls, err := w.format.Parse(output)
		var list []bool
		switch {
		case err != nil || !whole:
			t.Fatalf("%q: whole %v, %v", output, whole, err)
		case len(calls) > 0 && text == "":
			called++
		case len(calls) == 0 && json.Unmarshal([]byte(text), &list) == nil:
			spoke++
		default:
			t.Fatalf("%q is text %q and %d calls", output, text, len(calls))
		}
		checkCalls(t, output, calls)
	})
	if called == 0 || spoke == 0 {
		t.Errorf("%d outputs with calls and %d without", called, spoke)
	}
}

// TestGrammarsForgetTheOldest holds the number of compiled grammars.
func TestGrammarsForgetTheOldest(t *testing.T) {
	words, err := tokenizer.NewBytes(testVocab)
	if err != nil {
		t.Fatal(err)
	}
	g := newGrammars(words)
	compiled := 0
	get := func(name string) {
		if _, err := g.get(name, func() (*grammar.Grammar, error) { compiled++; return grammar.Literal(name) }); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxGrammars + 1 {
		get(string(rune('a' + i)))
		get("a") // in use, so never forgotten
	}
	if compiled != maxGrammars+1 || len(g.bound) != maxGrammars || len(g.oldest) != maxGrammars {
		t.Errorf("compiled %d, kept %d in an order of %d", compiled, len(g.bound), len(g.oldest))
	}
	if get("b"); compiled != maxGrammars+2 {
		t.Error("the least recently used one is still there")
	}
}
