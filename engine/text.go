package engine

import (
	"bytes"

	"tierlab/engine/tokenizer"
)

// text is an output's text as it grows. It holds back what may still become a
// character or a stop string.
type text struct {
	tok     tokenizer.Tokenizer
	stops   []string
	decoder tokenizer.Decoder
	piece   []byte
	held    []byte // whole characters that may be the start of a stop string
}

// add is what the text grows by with a token, and whether a stop string ends it.
func (t *text) add(id int32) (grown string, stopped bool) {
	if t.tok == nil || t.tok.Special(id) {
		return "", false
	}
	t.piece = t.tok.Bytes(t.piece[:0], id)
	t.held = t.decoder.Append(t.held, t.piece)
	return t.release()
}

// release takes out of what is held all that no stop string can begin in.
func (t *text) release() (grown string, stopped bool) {
	ready := len(t.held)
	for _, stop := range t.stops {
		if i := bytes.Index(t.held[:ready], []byte(stop)); i >= 0 {
			ready, stopped = i, true
		}
	}
	if !stopped {
		for _, stop := range t.stops {
			ready = min(ready, len(t.held)-overlap(t.held, stop))
		}
	}
	grown = string(t.held[:ready])
	t.held = append(t.held[:0], t.held[ready:]...)
	return grown, stopped
}

// overlap is how many bytes at the end of text are the beginning of stop.
func overlap(text []byte, stop string) int {
	for n := min(len(stop)-1, len(text)); n > 0; n-- {
		if string(text[len(text)-n:]) == stop[:n] {
			return n
		}
	}
	return 0
}

// rest is what was held back, at the end of an output that no stop string ended.
func (t *text) rest() string {
	t.held = t.decoder.Flush(t.held)
	return string(t.held)
}
