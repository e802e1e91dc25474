package tokenizer

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalize returns s in normal form C of Unicode 9. norm.NFC.String would be
// that of version 15 and, as the stream-safe format of UAX #15 has it, insert a
// U+034F after 30 marks; the normalizer of the published tokenizers does
// neither. So norm gives the properties of characters, and composition is here.
func normalize(s string) string {
	if norm.NFC.QuickSpanString(s) == len(s) {
		return s
	}
	c := composer{known: make(map[[2]rune]rune)}
	out := make([]byte, 0, len(s))
	for s != "" {
		n := cluster(s)
		if part := s[:n]; norm.NFC.QuickSpanString(part) == n {
			out = append(out, part...)
		} else {
			out = c.append(out, part)
		}
		s = s[n:]
	}
	return string(out)
}

// cluster is the length of the first character of s and those that may combine
// with it, or of ASCII characters, the last of which is left to what follows.
func cluster(s string) int {
	ascii := 0
	for ascii < len(s) && s[ascii] < utf8.RuneSelf {
		ascii++
	}
	if ascii == len(s) || ascii > 1 {
		return max(ascii-1, 1)
	}
	_, n := utf8.DecodeRuneInString(s)
	for n < len(s) {
		p := norm.NFC.PropertiesString(s[n:])
		if p.Size() == 0 || p.BoundaryBefore() {
			break
		}
		n += p.Size()
	}
	return n
}

// mark is a decomposed character; raw is a byte that is not UTF-8.
type mark struct {
	r     rune
	class uint8 // canonical combining class
	raw   bool
}

// composer normalizes by the steps of UAX #15: decompose, order, compose.
type composer struct {
	marks []mark
	known map[[2]rune]rune // pairs asked for; to 0 if they do not compose
}

func (c *composer) append(dst []byte, s string) []byte {
	c.decompose(s)
	marks := c.marks
	for i := 0; i < len(marks); {
		j := i + 1
		if marks[i].class > 0 {
			for j < len(marks) && marks[j].class > 0 {
				j++
			}
			slices.SortStableFunc(marks[i:j], func(a, b mark) int { return int(a.class) - int(b.class) })
		}
		i = j
	}
	for _, m := range c.compose(marks) {
		if m.raw {
			dst = append(dst, byte(m.r))
		} else {
			dst = utf8.AppendRune(dst, m.r)
		}
	}
	return dst
}

func (c *composer) decompose(s string) {
	c.marks = c.marks[:0]
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			c.marks = append(c.marks, mark{r: rune(s[i]), raw: true})
			i++
			continue
		}
		parts := s[i : i+size]
		if r != lateComposite {
			parts = norm.NFD.String(parts)
		}
		for _, d := range parts {
			m := mark{r: d}
			if !unicode.Is(marks10, d) {
				m.class = norm.NFD.PropertiesString(string(d)).CCC()
			}
			c.marks = append(c.marks, m)
		}
		i += size
	}
}

// compose joins marks with the last starter before them, in place, where
// nothing between them is of the same class or a higher one.
func (c *composer) compose(marks []mark) []mark {
	out := marks[:0]
	starter := -1
	for _, m := range marks {
		if starter >= 0 && !m.raw {
			adjacent := starter == len(out)-1
			if last := out[len(out)-1].class; adjacent || last != 0 && last < m.class {
				if r := c.composite(out[starter].r, m.r); r != 0 {
					out[starter].r = r
					continue
				}
			}
		}
		out = append(out, m)
		if m.raw {
			starter = -1
		} else if m.class == 0 {
			starter = len(out) - 1
		}
	}
	return out
}

// composite is the character that two others compose to, 0 if they do not.
func (c *composer) composite(a, b rune) rune {
	pair := [2]rune{a, b}
	r, ok := c.known[pair]
	if !ok {
		composed := norm.NFC.String(string(pair[:]))
		whole, size := utf8.DecodeRuneInString(composed)
		if size == len(composed) && whole != lateComposite {
			r = whole
		}
		c.known[pair] = r
	}
	return r
}
