// Package grammar constrains an output to the documents of a JSON Schema, token
// by token: even a model with random weights then writes valid JSON. A Matcher
// gives the mask of the tokens that may come next and follows the one that was
// taken; it is what package engine calls a Grammar.
//
//	v, err := grammar.NewVocabulary(tokenizer)   // once per tokenizer
//	g, err := grammar.Schema(schema, grammar.Options{})
//	a, err := grammar.Bind(v, g)                 // once per schema; keeps masks
//	m := a.Matcher(ends...)                      // once per output
//	err = m.Limit(maxTokens)
//	for !m.Done() { m.Mask(mask); token := choose(mask); err = m.Accept(token) }
//
// Sequence and Choice put grammars and literal texts together, Calls does so for
// a choice of tools. Object is any JSON object.
//
// # What a schema means here
//
// A grammar's texts are documents of its schema (JSON Schema 2020-12), never
// others. It does not have all of them: a document has many spellings, and one
// is enough. The spelling is:
//
//   - No white space; with Options.Spaces, at most one space after a comma and
//     after a colon.
//   - Properties in the schema's order, each at most once; then those that it
//     does not name. Names and constants have the fewest escapes.
//   - Strings are valid UTF-8, with any escapes but surrogates: a character
//     outside of the basic plane is written as itself.
//   - Integers have up to 15 digits, so they are exact as float64, and no
//     exponent or fraction. Numbers have up to 15 digits on each side of the
//     point and an exponent of up to 2.
//
// # Supported keywords
//
//	type                 one or a list. Without it: the types that the schema's
//	                     other keywords are for, or any value if there are none.
//	enum, const          of any values; beside each other and type alone
//	properties, required a required name without a schema has that of other
//	                     properties
//	additionalProperties default: false if there are properties, else true. The
//	                     names of others have 1 to 64 characters, differ from
//	                     those in properties, and are not compared among each
//	                     other; up to Options.MaxItems of them
//	items                a schema, true or false
//	minItems, maxItems   up to Options.MaxItems
//	minLength, maxLength in characters, up to Options.MaxLength
//	minimum, maximum, exclusiveMinimum, exclusiveMaximum
//	                     of integers. Of numbers too, which are then integers
//	                     within, or have a fraction between two integers that
//	                     are within, and no exponent
//	anyOf                alone, as $ref and the two below: a schema beside it
//	                     would have to hold as well
//	oneOf                if its schemas exclude each other by type, by constants,
//	                     or by constants of a property that all require
//	allOf                of one schema
//	$ref                 to a JSON pointer within the schema, recursion included
//	uniqueItems          false
//
// Ignored: title, description, default, example, examples, deprecated, readOnly,
// writeOnly, $comment, $schema, the root's $id, $defs, definitions,
// contentEncoding, contentMediaType, and format, which the standard makes a note
// to readers unless agreed otherwise. Any other keyword is an error that names
// its place, pattern, patternProperties, not and if among them.
//
// # Bounds
//
// Every output ends, whatever tokens are taken: strings, arrays, numbers, other
// properties and recursion are bounded (Options), so a text has at most
// Grammar.MaxBytes bytes and as many tokens. Options.MaxDepth is the number of
// rules that refer to themselves, by $ref or as any JSON value does, which a
// place in the output may be within; a grammar that cannot end within it is an
// error, and an alternative that cannot is left out. A schema has at most 1 MiB,
// 200 levels and 131,072 states, and for oneOf 100,000 pairs of schemas and of
// constants are compared.
//
// After Matcher.Limit, the output is complete within the given number of tokens
// as well. MinTokens of them are enough: the fewest tokens that spell the
// shortest completion. A token is allowed if after it the tokens that are then
// left are enough for some reading.
//
// # How it works
//
// A schema becomes an automaton over bytes with a stack: nodes that consume a
// byte, forks, and calls of rules. A reading of the output so far is a node and
// a stack; equal stacks are one object. Most outputs have one reading at a time,
// as constants that start alike are merged. Up to 128 are followed; a schema so
// ambiguous that it has more loses the later ones, and may miss its limit.
//
// A mask is the union of those of the readings, each of which follows from the
// node and the stack alone and is remembered. To compute one, the vocabulary's
// trie is walked in step with the automaton, past what no reading survives. In a
// string nearly every token survives: those that stay within it are known from
// the vocabulary, and only those with a closing quote are walked. With a limit, a
// mask also knows how far from the end its tokens lead at most, in bytes, which
// are never fewer than tokens: only near the end are tokens weighed one by one.
package grammar
