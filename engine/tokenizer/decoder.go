package tokenizer

import "unicode/utf8"

// replacement is U+FFFD in UTF-8.
const replacement = "\uFFFD"

// Decoder turns the bytes of tokens into whole characters as they come. Bytes
// that no continuation can make valid become one U+FFFD for each maximal part
// of a character, as the Unicode Standard recommends (version 15, section 3.9,
// "U+FFFD Substitution of Maximal Subparts") and as Python and Rust decode. How the bytes
// are split over calls does not matter to the text. The zero value is ready.
type Decoder struct {
	tail [utf8.UTFMax]byte // the beginning of a character
	n    int
}

// Append appends to dst the characters that p completes, and keeps an
// unfinished one at its end for the next call.
func (d *Decoder) Append(dst, p []byte) []byte {
	for len(p) > 0 {
		if d.n == 0 {
			whole := validPrefix(p)
			dst = append(dst, p[:whole]...)
			if p = p[whole:]; len(p) == 0 {
				break
			}
		}
		d.tail[d.n] = p[0]
		switch part := d.tail[:d.n+1]; {
		case !utf8.FullRune(part):
			d.n++
			p = p[1:]
		case utf8.Valid(part):
			dst = append(dst, part...)
			d.n = 0
			p = p[1:]
		case d.n == 0: // no character begins with this byte
			dst = append(dst, replacement...)
			p = p[1:]
		default: // what is held ends here, and this byte begins anew
			dst = append(dst, replacement...)
			d.n = 0
		}
	}
	return dst
}

// Flush appends what is held back, as U+FFFD, at the end of an output. The
// decoder is then as new.
func (d *Decoder) Flush(dst []byte) []byte {
	if d.n > 0 {
		dst = append(dst, replacement...)
		d.n = 0
	}
	return dst
}

// validPrefix is the length of the whole characters at the beginning of p.
func validPrefix(p []byte) int {
	for i := 0; i < len(p); {
		if p[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(p)
}

// Decode is the text of an output: that of its tokens without the special ones.
func Decode(t Tokenizer, ids []int32) string {
	var d Decoder
	var text, piece []byte
	for _, id := range ids {
		if !t.Special(id) {
			piece = t.Bytes(piece[:0], id)
			text = d.Append(text, piece)
		}
	}
	return string(d.Flush(text))
}
