package cli

import (
	"os"

	"tierlab/engine/grammar"
)

// schemaGrammar constrains an output of at most maxTokens tokens to the
// documents of a JSON Schema. Where a document is complete but might go on, it
// ends with one of the tokens ends.
func (m *loadedModel) schemaGrammar(file string, maxTokens int, ends []int32) (*grammar.Matcher, error) {
	schema, err := os.ReadFile(file)
	if err != nil {
		return nil, badInputf("--json-schema: %w", err)
	}
	g, err := grammar.Schema(schema, grammar.Options{})
	if err != nil {
		return nil, badInputf("%s: %w", file, err)
	}
	v, err := grammar.NewVocabulary(m.tokenizer)
	if err != nil {
		return nil, badInput(err)
	}
	a, err := grammar.Bind(v, g)
	if err != nil {
		return nil, badInput(err)
	}
	matcher := a.Matcher(ends...)
	if err := matcher.Limit(maxTokens); err != nil {
		return nil, badInputf("--max-tokens: %w", err)
	}
	return matcher, nil
}
