package router

import (
	"math/bits"
	"time"

	"tierlab/reference/topology"
)

// history is the first heuristic of CLAIMS C12: a session with more than five
// steps behind it goes to the centre, any other stays at the edge.
//
//	steps  0 1 2 3 4 5 | 6 7 ...
//	       metro       | central
type history struct {
	named
	steps int
}

func newHistory(s Spec) Policy { return &history{named{s.String()}, s.count("steps")} }

// Route implements Policy.
func (p *history) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	tier, reason := topology.Metro, "history: short, edge"
	if req.History.Steps > p.steps {
		tier, reason = topology.Central, "history: long, central"
	}
	s.outward(tier)
	s.answer(d, reason)
}

// keyword is the second heuristic of CLAIMS C12. It counts which words of two
// lists the task holds, each once:
//
//	complex   context > 10 messages, or complex > simple
//	          -> central, frontier model, 350 ms
//	simple    simple > complex
//	          -> metro, the model nearest to 8B, 20 ms
//	moderate  else
//	          -> metro, the model nearest to 70B, 80 ms
//
// The latencies are fixed guesses and reported as the estimate: that they can
// be far off is what a replay shows. The site is the nearest of the tier or
// further out that holds the model.
type keyword struct{ named }

func newKeyword(s Spec) Policy { return &keyword{named{s.String()}} }

// Route implements Policy.
func (p *keyword) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	const longContext = 10 // messages
	simple, complex := 0, 0
	if req.History.Messages <= longContext {
		simple, complex = countKeywords(req.Task)
	}
	switch {
	case req.History.Messages > longContext || complex > simple:
		s.modelAt(s.frontier(), topology.Central)
		s.answer(d, "keyword: complex")
		d.Estimate = 350 * time.Millisecond
	case simple > complex:
		s.modelAt(s.sized(8), topology.Metro)
		s.answer(d, "keyword: simple")
		d.Estimate = 20 * time.Millisecond
	default:
		s.modelAt(s.sized(70), topology.Metro)
		s.answer(d, "keyword: moderate")
		d.Estimate = 80 * time.Millisecond
	}
}

// countKeywords counts the keywords of either list that stand in a text as
// whole words, whatever their case. A word that stands there twice counts
// once.
func countKeywords(text string) (simple, complex int) {
	var found uint
	for i := 0; i < len(text); i++ {
		if !wordByte(text[i]) {
			continue
		}
		found |= keywordAt(text[i:])
		for i++; i < len(text) && wordByte(text[i]); i++ {
		}
	}
	return bits.OnesCount(found & (complexWord - 1)), bits.OnesCount(found / complexWord)
}

// complexWord is the bit of the first word of the complex list; the simple
// list has the bits below.
const complexWord = 1 << 6

// keywordAt is the bit of the keyword that a text starts with; 0: none.
func keywordAt(text string) uint {
	switch text[0] | 0x20 {
	case 'c':
		return word(text, "classify", 0) | word(text, "count", 1) | word(text, "compare and contrast", 6)
	case 's':
		return word(text, "summarize", 2)
	case 'r':
		return word(text, "route", 3)
	case 'e':
		return word(text, "extract", 4) | word(text, "explain why", 7)
	case 'f':
		return word(text, "filter", 5)
	case 'a':
		return word(text, "analyze", 8)
	case 'd':
		return word(text, "design", 9) | word(text, "debug", 10)
	case 'i':
		return word(text, "implement", 11)
	}
	return 0
}

// word is bit n when the text starts with the phrase and a word ends there. A
// space of the phrase stands for any run of blanks and line ends.
func word(text, phrase string, n uint) uint {
	i := 0
	for j := range len(phrase) {
		if phrase[j] == ' ' {
			start := i
			for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
				i++
			}
			if i == start {
				return 0
			}
			continue
		}
		if i == len(text) || text[i]|0x20 != phrase[j] {
			return 0
		}
		i++
	}
	if i < len(text) && wordByte(text[i]) {
		return 0
	}
	return 1 << n
}

// wordByte says whether a byte belongs to a word: a letter, a digit, an
// underscore, or part of a character beyond ASCII.
func wordByte(c byte) bool {
	return c|0x20-'a' < 26 || c-'0' < 10 || c == '_' || c >= 0x80
}
