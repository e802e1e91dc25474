package engine

import (
	"strings"
	"unicode/utf8"

	"tierlab/engine/tokenizer"
)

// text is an output's text as it grows. It holds back what may still become a
// character or a stop string.
type text struct {
	tok   tokenizer.Tokenizer
	stops []string
	held  []byte
}

func newText(tok tokenizer.Tokenizer, stops []string) text { return text{tok: tok, stops: stops} }

// add is what the text grows by with a token, and whether a stop string ends it.
func (t *text) add(id int32, heed bool) (grown string, stopped bool) {
	if t.tok == nil || t.tok.Special(id) {
		return "", false
	}
	t.held = t.tok.Bytes(t.held, id)
	ready := len(t.held)
	if heed {
		for _, stop := range t.stops {
			if i := strings.Index(string(t.held), stop); i >= 0 {
				t.held, stopped = t.held[:i], true
			}
		}
		if stopped {
			grown, t.held = string(t.held), nil
			return grown, true
		}
		for _, stop := range t.stops {
			for n := min(len(stop)-1, len(t.held)); n > 0; n-- {
				if strings.HasSuffix(string(t.held), stop[:n]) {
					ready = min(ready, len(t.held)-n)
					break
				}
			}
		}
	}
	for ready > 0 && !utf8.Valid(t.held[:ready]) && len(t.held)-ready < utf8.UTFMax-1 {
		ready--
	}
	grown = string(t.held[:ready])
	t.held = append(t.held[:0], t.held[ready:]...)
	return grown, false
}

// rest is what was held back, at the end.
func (t *text) rest(stopped bool) string {
	if stopped {
		return ""
	}
	return string(t.held)
}
