package gateway

import (
	"fmt"
	"strings"

	"tierlab/engine"
	"tierlab/engine/grammar"
	"tierlab/engine/tokenizer"
	"tierlab/engine/tokenizer/chat"
)

// callRules are the grammar of outputs that may call tools:
//
//	free text (not with required), then Prefix call Suffix, once or more
//
// A call is the object that the tools' schemas describe. Where a template has a
// Prefix, a call begins with it: a model that was told of the tools calls one
// by writing it. Without, an output is a call as a whole if it begins with an
// object, and a text otherwise.
type callRules struct {
	tokenizer tokenizer.Tokenizer
	vocab     int // of the model, which may be larger than the tokenizer's

	opening string   // the prefix without space: what a text is watched for
	prefix  []int32  // tokens that begin the first call,
	rest    []int32  // those after the opening,
	suffix  []int32  // those after a call's object,
	between []int32  // and from there to the next one
	braces  []uint64 // tokens that begin an object; nil where there is a prefix

	object    *grammar.Automaton
	text      *grammar.Automaton // of a text; nil: any text
	ends      []int32            // tokens that end an output
	required  bool               // no text before the first call
	most      int                // calls of an output
	maxTokens int                // of an output
}

// maxCalls bounds the calls of one output, since weights that know nothing may
// not find an end.
const maxCalls = 16

func newCallRules(t tokenizer.Tokenizer, vocab int, f chat.CallFormat) *callRules {
	encode := func(text string) []int32 { return t.Encode(nil, text, true) }
	r := &callRules{tokenizer: t, vocab: vocab, opening: strings.TrimSpace(f.Prefix)}
	if f.Prefix == "" {
		return r
	}
	_, rest, _ := strings.Cut(f.Prefix, r.opening)
	r.prefix, r.rest, r.suffix, r.between = encode(f.Prefix), encode(rest), encode(f.Suffix), encode("\n"+f.Prefix)
	return r
}

// start begins an output. It is an error if the shortest output that is
// demanded takes more tokens than there are.
func (r *callRules) start() (engine.Grammar, error) {
	g := &callGrammar{callRules: r, left: r.maxTokens}
	switch {
	case r.required:
		return g, g.open(r.prefix)
	case r.text != nil:
		g.said = r.text.Matcher(r.ends...)
		return g, g.said.Limit(g.left)
	}
	return g, nil
}

// callGrammar follows one output.
type callGrammar struct {
	*callRules
	state   callState
	said    *grammar.Matcher // of the text
	call    *grammar.Matcher // of the call's object
	literal []int32          // still to come
	tail    string           // the end of the text so far
	calls   int              // that are whole
	left    int              // tokens until the output is cut off
}

type callState uint8

const (
	callText    callState = iota // watching for a call
	callNever                    // free: the output is a text
	callLiteral                  // before a call's object
	callObject
	callSuffix
	callChoice // after a call: another one, or the end
	callDone
)

// open begins a call that comes after a literal. If the call cannot be whole
// before the output is cut off, it is an error, and the call begins all the
// same.
func (g *callGrammar) open(literal []int32) error {
	g.state, g.literal, g.call = callLiteral, literal, g.object.Matcher()
	if len(literal) == 0 {
		g.state = callObject
	}
	return g.call.Limit(g.left - len(literal) - len(g.suffix))
}

// Mask is engine.Grammar's.
func (g *callGrammar) Mask(dst []uint64) {
	switch g.state {
	case callObject:
		g.call.Mask(dst)
	case callText, callNever:
		g.maskText(dst)
	case callLiteral, callSuffix:
		clear(dst)
		set(dst, g.literal[0])
	default:
		clear(dst)
		for _, id := range g.ends {
			set(dst, id)
		}
		if g.another() {
			set(dst, g.between[0])
		}
	}
}

// maskText allows any text, or that of the response format, and a call.
func (g *callGrammar) maskText(dst []uint64) {
	if g.said != nil {
		g.said.Mask(dst)
		if g.left == g.maxTokens { // a call instead of a text, not after it
			set(dst, g.prefix[0])
		}
		return
	}
	fill(dst, g.vocab)
	if g.state == callText && g.braces != nil {
		// Of the tokens that begin an object, those that begin a call.
		call := make([]uint64, len(dst))
		g.object.Matcher().Mask(call)
		for i := range g.braces {
			dst[i] &^= g.braces[i] &^ call[i]
		}
	}
}

// another says whether one more call may follow, and can be whole.
func (g *callGrammar) another() bool {
	return g.state == callChoice && g.calls < g.most && len(g.ends) > 0 &&
		g.left > len(g.between)+g.object.Matcher().MinTokens()+len(g.suffix)
}

// Accept is engine.Grammar's.
func (g *callGrammar) Accept(token int32) error {
	err := g.accept(token)
	g.left--
	return err
}

func (g *callGrammar) accept(token int32) error {
	switch g.state {
	case callText:
		return g.acceptText(token)
	case callNever:
		return nil
	case callLiteral, callSuffix:
		return g.acceptLiteral(token)
	case callObject:
		if err := g.call.Accept(token); err != nil {
			return err
		}
		if g.call.Done() {
			g.state, g.literal = callSuffix, g.suffix
			g.next()
		}
		return nil
	case callChoice:
		if token == g.between[0] {
			_ = g.open(g.between) // Mask has looked whether it fits
			return g.acceptLiteral(token)
		}
		g.state = callDone // by an end that the request ignores
		return nil
	}
	return fmt.Errorf("token %d after the end", token)
}

func (g *callGrammar) acceptText(token int32) error {
	switch {
	case g.said != nil && g.left == g.maxTokens && token == g.prefix[0]:
		_ = g.open(g.prefix) // that it is cut off is the model's choice
		return g.acceptLiteral(token)
	case g.said != nil:
		err := g.said.Accept(token)
		if g.said.Done() {
			g.state = callDone
		}
		return err
	case g.braces != nil:
		return g.acceptFirst(token)
	}
	g.tail += string(g.tokenizer.Bytes(nil, token))
	if strings.HasSuffix(g.tail, g.opening) {
		g.left--
		_ = g.open(g.rest) // as above
		g.left++
		return nil
	}
	g.tail = g.tail[max(0, len(g.tail)-len(g.opening)):]
	return nil
}

// acceptFirst looks for the first token that is not space, where a template has
// no mark for calls.
func (g *callGrammar) acceptFirst(token int32) error {
	if has(g.braces, token) {
		_ = g.open(nil) // as above
		return g.accept(token)
	}
	if strings.TrimSpace(string(g.tokenizer.Bytes(nil, token))) != "" {
		g.state = callNever
	}
	return nil
}

func (g *callGrammar) acceptLiteral(token int32) error {
	if token != g.literal[0] {
		return fmt.Errorf("token %d where the tool call's mark has %d", token, g.literal[0])
	}
	g.literal = g.literal[1:]
	g.next()
	return nil
}

// next goes on behind a literal that is complete.
func (g *callGrammar) next() {
	switch {
	case len(g.literal) > 0:
	case g.state == callLiteral:
		g.state = callObject
	default:
		g.calls++
		if g.state = callChoice; !g.another() {
			g.state = callDone
		}
	}
}

// Done is engine.Grammar's.
func (g *callGrammar) Done() bool { return g.state == callDone }

// The bits of a mask.

func set(mask []uint64, id int32) { mask[id/64] |= 1 << (id % 64) }
func has(mask []uint64, id int32) bool {
	return int(id/64) < len(mask) && mask[id/64]>>(id%64)&1 != 0
}

// fill sets the bits of a vocabulary.
func fill(mask []uint64, vocab int) {
	for i := range mask {
		mask[i] = ^uint64(0)
	}
	if n := vocab % 64; n != 0 {
		mask[len(mask)-1] = 1<<n - 1
	}
}

// openings are a vocabulary's tokens that begin an object.
func openings(t tokenizer.Tokenizer) []uint64 {
	mask := make([]uint64, (t.Vocab()+63)/64)
	var b []byte
	for id := range int32(t.Vocab()) {
		b = t.Bytes(b[:0], id)
		if !t.Special(id) && strings.HasPrefix(strings.TrimLeft(string(b), space), "{") {
			set(mask, id)
		}
	}
	return mask
}
