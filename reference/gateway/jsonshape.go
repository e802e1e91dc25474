package gateway

// jsonShape follows an object byte by byte, to find its end. It checks nothing
// else.
type jsonShape struct {
	depth   int
	text    bool // inside a string
	escaped bool // after a backslash in it
}

// read returns how many bytes of text belong to the object, and whether it is
// whole with them.
func (j *jsonShape) read(text string) (n int, whole bool) {
	for i := range len(text) {
		switch b := text[i]; {
		case j.escaped:
			j.escaped = false
		case j.text:
			j.escaped = b == '\\'
			j.text = b != '"'
		case b == '"':
			j.text = true
		case b == '{' || b == '[':
			j.depth++
		case b == '}' || b == ']':
			if j.depth--; j.depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(text), false
}
