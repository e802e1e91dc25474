package gateway

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"tierlab/engine"
	"tierlab/engine/grammar"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// grammars are the compiled grammars of recent requests: agents send the same
// tools with each call, and what one output has computed serves the next.
type grammars struct {
	vocabulary func() (*grammar.Vocabulary, error) // read once, when first needed
	openings   func() []uint64                     // likewise: the tokens that begin an object

	mu     sync.Mutex
	bound  map[[32]byte]*grammar.Automaton
	oldest [][32]byte // the keys, the least recently used first
}

// maxGrammars bounds what is kept. An automaton remembers some 32 MiB of masks
// at most.
const maxGrammars = 8

func newGrammars(t tokenizer.Tokenizer) *grammars {
	return &grammars{
		vocabulary: sync.OnceValues(func() (*grammar.Vocabulary, error) { return grammar.NewVocabulary(t) }),
		openings:   sync.OnceValue(func() []uint64 { return openings(t) }),
		bound:      map[[32]byte]*grammar.Automaton{},
	}
}

// get is the automaton of that name, compiled if it is new.
func (g *grammars) get(name string, compile func() (*grammar.Grammar, error)) (*grammar.Automaton, error) {
	key := sha256.Sum256([]byte(name))
	if a := g.find(key); a != nil {
		return a, nil
	}
	v, err := g.vocabulary()
	if err != nil {
		return nil, err
	}
	rules, err := compile()
	if err != nil {
		return nil, err
	}
	a, err := grammar.Bind(v, rules)
	if err != nil {
		return nil, err
	}
	g.keep(key, a)
	return a, nil
}

func (g *grammars) find(key [32]byte) *grammar.Automaton {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.bound[key]
	if a != nil {
		g.touch(key)
	}
	return a
}

func (g *grammars) keep(key [32]byte, a *grammar.Automaton) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bound[key] = a
	g.touch(key)
	if len(g.oldest) > maxGrammars {
		delete(g.bound, g.oldest[0])
		g.oldest = g.oldest[1:]
	}
}

// touch makes a key the most recently used one.
func (g *grammars) touch(key [32]byte) {
	for i, k := range g.oldest {
		if k == key {
			g.oldest = append(g.oldest[:i], g.oldest[i+1:]...)
			break
		}
	}
	g.oldest = append(g.oldest, key)
}

// grammarOptions allow a space after commas and colons, as models write them.
func grammarOptions() grammar.Options { return grammar.Options{Spaces: true} }

// chatGrammar is what constrains each of a request's outputs; nil: nothing does.
func (s *Server) chatGrammar(c *chatRequest, maxTokens int) (func() (engine.Grammar, error), *apiError) {
	if c.ForceTokens != nil {
		return nil, nil
	}
	text, fault := s.formatGrammar(c.ResponseFormat)
	if fault != nil {
		return nil, fault
	}
	if c.mayCall() {
		return s.callGrammar(c, text, maxTokens)
	}
	if text == nil {
		return nil, nil
	}
	ends := s.ends()
	return func() (engine.Grammar, error) {
		m := text.Matcher(ends...)
		return m, m.Limit(maxTokens)
	}, nil
}

// formatGrammar is that of a text in a response format; nil: any text.
func (s *Server) formatGrammar(f *responseFormat) (*grammar.Automaton, *apiError) {
	if f == nil || f.Type == formatText {
		return nil, nil
	}
	const param = "response_format.json_schema.schema"
	var a *grammar.Automaton
	var err error
	if f.Type == formatObject {
		a, err = s.grammars.get(formatObject, func() (*grammar.Grammar, error) { return grammar.Object(grammarOptions()) })
	} else {
		schema := f.JSONSchema.Schema
		a, err = s.grammars.get(formatSchema+string(schema), func() (*grammar.Grammar, error) { return grammar.Schema(schema, grammarOptions()) })
	}
	if err != nil {
		return nil, invalid(param, "%s: %v.", param, err)
	}
	return a, nil
}

// callGrammar is that of outputs that may call tools.
func (s *Server) callGrammar(c *chatRequest, text *grammar.Automaton, maxTokens int) (func() (engine.Grammar, error), *apiError) {
	format := s.cfg.Template.Calls()
	object, err := s.callObject(c, format)
	if err != nil {
		return nil, invalid("tools", "tools: %v.", err)
	}
	if text != nil && format.Prefix == "" {
		return nil, unsupported("response_format", "response_format cannot be told from a tool call in the chat template %s: set tool_choice to \"none\".", s.cfg.Template.Name())
	}
	rules := newCallRules(s.cfg.Engine.Tokenizer(), s.cfg.Engine.Caps().Vocab, format)
	if format.Prefix == "" {
		rules.braces = s.grammars.openings()
	}
	rules.object, rules.text, rules.ends, rules.maxTokens = object, text, s.ends(), maxTokens
	rules.required = c.forcesCall()
	rules.most = maxCalls
	if format.Prefix == "" || c.ToolChoice.mode == chooseFunction || c.ParallelToolCalls != nil && !*c.ParallelToolCalls {
		rules.most = 1
	}
	return rules.start, nil
}

// callObject is the object by which one of the tools that may be called is.
func (s *Server) callObject(c *chatRequest, format chat.CallFormat) (*grammar.Automaton, error) {
	if format.Name != "name" {
		return nil, errors.New("the chat template " + s.cfg.Template.Name() + " has no tools")
	}
	var tools []grammar.Tool
	var loose []bool // of tools
	name := "calls " + format.Arguments
	for i, t := range c.Tools {
		if c.ToolChoice.mode == chooseFunction && t.Function.Name != c.ToolChoice.name {
			continue
		}
		tool := grammar.Tool{Name: t.Function.Name, Parameters: notNull(t.Function.Parameters)}
		strict := t.Function.Strict != nil && *t.Function.Strict
		name += fmt.Sprintf("\n%d %q %v %s", i, tool.Name, strict, tool.Parameters)
		tools = append(tools, tool)
		loose = append(loose, !strict)
	}
	return s.grammars.get(name, func() (*grammar.Grammar, error) {
		for i := range tools {
			if loose[i] {
				tools[i].Parameters = understood(tools[i].Parameters)
			}
		}
		return grammar.Calls(tools, format.Arguments, grammarOptions())
	})
}

// understood is a schema, or that of any object where it says what grammars do
// not know: OpenAI, too, takes any schema of a tool that is not strict.
func understood(schema []byte) []byte {
	if schema == nil {
		return nil
	}
	if _, err := grammar.Schema(schema, grammarOptions()); err != nil {
		return []byte(`{"type":"object"}`)
	}
	return schema
}

// ends are the tokens that end a message.
func (s *Server) ends() []int32 {
	return chat.StopIDs(s.cfg.Template, s.cfg.Engine.Tokenizer())
}
