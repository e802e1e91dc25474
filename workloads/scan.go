package workloads

import "encoding/json"

// skipSpace moves to the next token.
func (d *decoder) skipSpace() {
	for d.pos < len(d.b) {
		switch d.b[d.pos] {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return
		}
	}
}

// peek is the first byte of the next token, 0 at the end of the line.
func (d *decoder) peek() byte {
	d.skipSpace()
	if d.pos >= len(d.b) {
		return 0
	}
	return d.b[d.pos]
}

// take consumes c if it is next.
func (d *decoder) take(c byte) bool {
	if d.peek() != c {
		return false
	}
	d.pos++
	return true
}

// word consumes what stands before the next delimiter, a number or a literal;
// it may be empty.
func (d *decoder) word() []byte {
	d.skipSpace()
	start := d.pos
	for i := start; i < len(d.b); i++ {
		switch d.b[i] {
		case ',', '}', ']', ' ', '\t', '\r', '\n', ':', '{', '[', '"':
			d.pos = i
			return d.b[start:i]
		}
	}
	d.pos = len(d.b)
	return d.b[start:]
}

// text reads a string.
func (d *decoder) text() (string, *Error) {
	if d.peek() != '"' {
		return "", d.syntax("a string")
	}
	end, plain := d.stringEnd(d.pos)
	if end < 0 {
		return "", d.truncated()
	}
	token := d.b[d.pos:end]
	d.pos = end
	if plain {
		return string(token[1 : len(token)-1]), nil
	}
	var s string
	if err := json.Unmarshal(token, &s); err != nil {
		return "", d.fail("", "not a JSON string: %v", err)
	}
	return s, nil
}

// stringEnd finds the end of the string that starts at pos, -1 when it has
// none, and whether it stands for itself.
func (d *decoder) stringEnd(pos int) (end int, plain bool) {
	plain = true
	for i := pos + 1; i < len(d.b); i++ {
		switch c := d.b[i]; {
		case c == '"':
			return i + 1, plain
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			plain = false
		}
	}
	return -1, false
}

// skipValue finds the end of the list or object that is next.
func (d *decoder) skipValue() (int, *Error) {
	depth := 0
	for i := d.pos; i < len(d.b); i++ {
		switch d.b[i] {
		case '"':
			end, _ := d.stringEnd(i)
			if end < 0 {
				return 0, d.truncated()
			}
			i = end - 1
		case '[', '{':
			if depth++; depth > maxDepth {
				return 0, d.fail("", "nested more than %d deep", maxDepth)
			}
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, d.truncated()
}

func (d *decoder) truncated() *Error {
	return d.fail("the file may be cut off", "the line ends early")
}

func (d *decoder) syntax(want string) *Error {
	if d.peek() == 0 {
		return d.truncated()
	}
	return d.fail("want "+want, "not JSON: %q at byte %d", d.b[d.pos], d.pos+1)
}
