package cli

import (
	"io"
	"os"
	"strings"
	"unicode"
)

// visible is where a model's text goes: as it is into a file or a pipe, and
// onto a terminal with signs in the place of control characters, which would
// move the cursor or change the terminal's state.
func visible(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		return signs{f}
	}
	return w
}

type signs struct{ w io.Writer }

// Write shows p, which holds whole characters.
func (s signs) Write(p []byte) (int, error) {
	_, err := io.WriteString(s.w, strings.Map(sign, string(p)))
	return len(p), err
}

// sign is the picture of a control character, by Unicode's block of them. What
// would show text in another order than it is read in is none either.
func sign(r rune) rune {
	switch {
	case unicode.Is(unicode.Bidi_Control, r):
		return unicode.ReplacementChar
	case r == '\n' || r == '\t' || !unicode.IsControl(r):
		return r
	case r < 0x20:
		return '\u2400' + r
	case r == 0x7f:
		return '\u2421'
	}
	return unicode.ReplacementChar
}
