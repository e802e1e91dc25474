package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"tierlab/engine/tokenizer/chat"
)

// callReader tells text and tool calls apart while an output grows, so that a
// stream can pass on a call's arguments as they come. What cannot be a call
// any more is text.
type callReader struct {
	format chat.CallFormat
	open   string // what a call begins with
	state  readState
	held   string // read, and not yet known to be text or call
	calls  int    // begun so far
	shape  jsonShape
	said   bool // something but space was text
}

type readState uint8

const (
	readingText      readState = iota // before a call, or where there is none
	readingHead                       // in a call, before the value of its arguments
	readingArguments                  // in that value
	readingTail                       // after it, up to the next call
)

const space = " \t\r\n"

// pieces are what a token adds to a message.
type pieces struct {
	text  string
	calls []toolCall // with an index, of which each is there once; a new one has a name
}

func newCallReader(f chat.CallFormat) *callReader {
	open := strings.TrimSpace(f.Prefix)
	if open == "" {
		open = "{" // the call is the whole output, and an object
	}
	return &callReader{format: f, open: open}
}

// add takes in the output's next characters.
func (c *callReader) add(text string) (p pieces) {
	c.held += text
	for {
		before, state := len(c.held), c.state
		switch c.state {
		case readingText:
			c.readText(&p)
		case readingHead:
			c.readHead(&p)
		case readingArguments:
			c.readArguments(&p)
		case readingTail:
			c.readTail(&p)
		}
		if c.state == state && len(c.held) == before || c.held == "" {
			return p
		}
	}
}

// end gives out what was held back: text, if no call came of it.
func (c *callReader) end() (p pieces) {
	if c.state == readingText || c.state == readingHead {
		p.text, c.held = c.held, ""
	}
	return p
}

// readText passes on what is no call's beginning.
func (c *callReader) readText(p *pieces) {
	at := strings.Index(c.held, c.open)
	if c.format.Prefix == "" && (c.said || strings.TrimLeft(c.held[:max(at, 0)], space) != "") {
		at = -1 // an object inside a text is no call
	}
	if at >= 0 {
		// The text ends before the space that a template puts there.
		c.say(p, len(strings.TrimRight(c.held[:at], space)))
		c.state = readingHead
		return
	}
	ready := len(c.held) - unfinished(c.held, c.open)
	ready = len(strings.TrimRight(c.held[:ready], space))
	c.say(p, ready)
}

// say passes on the first n bytes that are held as text.
func (c *callReader) say(p *pieces, n int) {
	p.text += c.held[:n]
	c.said = c.said || n > 0
	c.held = c.held[n:]
}

// unfinished is how many bytes at the end of a text may be the beginning of a
// mark.
func unfinished(text, mark string) int {
	for n := min(len(mark)-1, len(text)); n > 0; n-- {
		if strings.HasSuffix(text, mark[:n]) {
			return n
		}
	}
	return 0
}

// readHead waits for {"name": "...", "arguments": and the value's first byte.
func (c *callReader) readHead(p *pieces) {
	body := strings.TrimLeft(c.held, space)
	mark := len(c.held) - len(body) + len(c.open)
	if c.format.Prefix != "" {
		body = body[len(c.open):]
	}
	name, rest, verdict := c.head(body)
	switch verdict {
	case headBroken:
		c.state = readingText
		c.say(p, mark) // and look for a call after it
	case headWhole:
		c.begin(p, name)
		c.held, c.state, c.shape = rest, readingArguments, jsonShape{}
	}
}

// begin tells of a new call. A client concatenates the arguments that follow.
func (c *callReader) begin(p *pieces, name string) {
	index := c.calls
	c.calls++
	p.calls = append(p.calls, toolCall{Index: &index, Type: "function", Function: function{Name: name}})
}

// readArguments passes on the value's bytes.
func (c *callReader) readArguments(p *pieces) {
	n, whole := c.shape.read(c.held)
	if index := c.calls - 1; n > 0 {
		if last := len(p.calls) - 1; last < 0 || *p.calls[last].Index != index {
			p.calls = append(p.calls, toolCall{Index: &index})
		}
		p.calls[len(p.calls)-1].Function.Arguments += c.held[:n]
		c.held = c.held[n:]
	}
	if whole {
		c.state = readingTail
	}
}

// readTail drops the marks after a call, and what stands between two.
func (c *callReader) readTail(*pieces) {
	if c.format.Prefix == "" {
		c.held = ""
		return
	}
	if at := strings.Index(c.held, c.open); at >= 0 {
		c.held, c.state = c.held[at:], readingHead
		return
	}
	c.held = c.held[len(c.held)-unfinished(c.held, c.open):]
}

// maxHead is how far into a call its arguments begin at the latest, in bytes.
// A tool's name has at most 64.
const maxHead = 1024

// headVerdict is what the beginning of a call is known to be.
type headVerdict uint8

const (
	headOpen   headVerdict = iota // it may become one
	headWhole                     // it is one
	headBroken                    // it is none
)

// head reads a call up to its arguments. A decoder over text that is cut off
// reports a syntax error only for what no continuation could mend.
func (c *callReader) head(body string) (name, rest string, verdict headVerdict) {
	d := json.NewDecoder(strings.NewReader(body))
	if len(body) > maxHead {
		return "", "", headBroken
	}
	expect := []any{json.Delim('{'), c.format.Name, nil, c.format.Arguments}
	for _, want := range expect {
		got, err := d.Token()
		switch {
		case err != nil && isOpen(err):
			return "", "", headOpen
		case err != nil, want != nil && got != want:
			return "", "", headBroken
		case want == nil:
			if name, _ = got.(string); name == "" {
				return "", "", headBroken
			}
		}
	}
	rest = strings.TrimLeft(body[d.InputOffset():], space)
	if rest == "" || rest[0] == ':' && strings.TrimLeft(rest[1:], space) == "" {
		return "", "", headOpen
	}
	rest = strings.TrimLeft(strings.TrimPrefix(rest, ":"), space)
	if rest[0] != '{' {
		return "", "", headBroken
	}
	return name, rest, headWhole
}

// isOpen says that JSON text ended before it was whole.
func isOpen(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
