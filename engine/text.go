package engine

import (
	"tierlab/engine/sample"
	"tierlab/engine/tokenizer"
)

// text is an output's text as it grows: what its tokens say, in whole
// characters, up to a stop string.
type text struct {
	tok     tokenizer.Tokenizer // nil: there is no text
	decoder tokenizer.Decoder
	stops   *sample.Stops
	piece   []byte // of one token
	whole   []byte // characters that it completes
}

// add is what the text grows by with a token, and whether a stop string ends it.
func (t *text) add(id int32) (grown string, stopped bool) {
	if t.tok == nil || t.tok.Special(id) {
		return "", false
	}
	t.piece = t.tok.Bytes(t.piece[:0], id)
	t.whole = t.decoder.Append(t.whole[:0], t.piece)
	return t.stops.Add(string(t.whole))
}

// rest is what was held back, at the end of an output that no stop string ended.
func (t *text) rest() string {
	grown, stopped := t.stops.Add(string(t.decoder.Flush(nil)))
	if !stopped {
		grown += t.stops.Flush()
	}
	return grown
}
