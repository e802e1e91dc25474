package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The patterns that split a text into words, as the published files spell them.
// Each alternative is tried in order at the place where the last word ended.
const (
	gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

	llama3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}` + patternTail
	qwen2Pattern  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + patternTail
	patternTail   = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// cut is one stage of splitting: it returns the length of the first word of a
// text that is not empty. The patterns look ahead and never back, so what stood
// before does not matter.
type cut func(c *classes, s string) int

// cutGPT2 follows gpt2Pattern.
func cutGPT2(c *classes, s string) int {
	if n := contraction(s, false); n > 0 {
		return n
	}
	kind, size := c.at(s, 0)
	from := 0
	if s[0] == ' ' && len(s) > 1 {
		if k, _ := c.at(s, 1); k != space {
			kind, from = k, 1
		}
	}
	if kind == space {
		return c.spaces(s, size)
	}
	return c.run(s, from, kind)
}

// cutLlama3 follows llama3Pattern, or qwen2Pattern with one digit to a word.
func cutLlama3(digits int) cut {
	return func(c *classes, s string) int {
		if n := contraction(s, true); n > 0 {
			return n
		}
		kind, size := c.at(s, 0)
		if kind == letter {
			return c.run(s, size, letter)
		}
		if kind == number {
			end := size
			for n := 1; n < digits && end < len(s); n++ {
				k, size := c.at(s, end)
				if k != number {
					break
				}
				end += size
			}
			return end
		}
		next, from := class(space), size
		if from < len(s) {
			next, _ = c.at(s, from)
		}
		if next == letter && s[0] != '\r' && s[0] != '\n' {
			return c.run(s, from, letter)
		}
		if kind == other || s[0] == ' ' && next == other {
			end := c.run(s, from, other)
			for end < len(s) && (s[end] == '\r' || s[end] == '\n') {
				end++
			}
			return end
		}
		return c.lines(s, size)
	}
}

// cutDigits makes a word of each digit, as the pre-tokenizer Digits does with
// individual_digits.
func cutDigits(c *classes, s string) int {
	kind, end := c.at(s, 0)
	if kind == number {
		return end
	}
	for end < len(s) {
		k, size := c.at(s, end)
		if k == number {
			break
		}
		end += size
	}
	return end
}

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the beginning
// of s. Without regard to case, 's has the long s too.
func contraction(s string, fold bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	lower := func(i int) byte {
		if fold && 'A' <= s[i] && s[i] <= 'Z' {
			return s[i] + 'a' - 'A'
		}
		return s[i]
	}
	switch first := lower(1); first {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v', 'l':
		second := byte('e')
		if first == 'l' {
			second = 'l'
		}
		if len(s) > 2 && lower(2) == second {
			return 3
		}
	case "ſ"[0]:
		if fold && len(s) > 2 && s[1:3] == "ſ" {
			return 3
		}
	}
	return 0
}

// run is where the characters of one class end that begin at from.
func (c *classes) run(s string, from int, kind class) int {
	for from < len(s) {
		k, size := c.at(s, from)
		if k != kind {
			break
		}
		from += size
	}
	return from
}

// spaces matches \s+(?!\S)|\s+ where white space of size bytes begins s: all of
// it at the end of s, and otherwise all but the last, which goes with the word
// that follows, unless there is only one.
func (c *classes) spaces(s string, size int) int {
	end, last := size, 0
	for end < len(s) {
		k, size := c.at(s, end)
		if k != space {
			if last > 0 {
				return last
			}
			return end
		}
		last = end
		end += size
	}
	return end
}

// lines matches \s*[\r\n]+|\s+(?!\S)|\s+: white space up to its last line end,
// or as spaces does if it has none.
func (c *classes) lines(s string, size int) int {
	end := c.run(s, 0, space)
	for i := end - 1; i >= 0; i-- {
		if s[i] == '\r' || s[i] == '\n' {
			return i + 1
		}
	}
	return c.spaces(s, size)
}

// class is what the patterns tell characters apart by.
type class uint8

const (
	other class = iota
	letter
	number
	space
)

// classes has the class of each character of the basic plane.
type classes [1 << 16]class

func newClasses() *classes {
	var c classes
	for _, t := range []struct {
		table *unicode.RangeTable
		kind  class
	}{{unicode.L, letter}, {letters16, letter}, {unicode.N, number}, {numbers16, number}, {unicode.White_Space, space}} {
		for _, r := range t.table.R16 {
			for x := int(r.Lo); x <= int(r.Hi); x += int(r.Stride) {
				c[x] = t.kind
			}
		}
	}
	return &c
}

// at is the class and size of the character at s[i:]. A byte that is not UTF-8
// is a character of class other.
func (c *classes) at(s string, i int) (class, int) {
	if s[i] < utf8.RuneSelf {
		return c[s[i]], 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	switch {
	case r < 1<<16:
		return c[r], size
	case unicode.Is(unicode.L, r) || unicode.Is(letters16, r):
		return letter, size
	case unicode.Is(unicode.N, r) || unicode.Is(numbers16, r):
		return number, size
	}
	return other, size
}
