package fuel

import (
	"fmt"
	"unicode/utf8"
)

// FormatError says where a module is not what Instrument understands.
type FormatError struct {
	Offset int // in bytes from the module's beginning
	What   string
}

func (e *FormatError) Error() string { return fmt.Sprintf("module at byte %d: %s", e.Offset, e.What) }

// reader reads a part of a module. After the first error all it returns is
// zero, and at stands still.
type reader struct {
	module  []byte
	at, end int
	err     error
}

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &FormatError{at, fmt.Sprintf(format, args...)}
	}
}

func (r *reader) more() bool { return r.err == nil && r.at < r.end }

func (r *reader) byte() byte {
	if r.err == nil && r.at >= r.end {
		r.fail(r.at, "ends where a byte is expected")
	}
	if r.err != nil {
		return 0
	}
	r.at++
	return r.module[r.at-1]
}

func (r *reader) take(n uint32) []byte {
	if r.err == nil && uint64(n) > uint64(r.end-r.at) {
		r.fail(r.at, "%d bytes are expected, %d are left", n, r.end-r.at)
	}
	if r.err != nil {
		return nil
	}
	r.at += int(n)
	return r.module[r.at-int(n) : r.at]
}

// u32 is an unsigned LEB128 number of at most 5 bytes.
func (r *reader) u32() uint32 {
	start := r.at
	var n uint64
	for shift := 0; ; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			break
		}
		if shift == 28 {
			r.fail(start, "an integer of more than 5 bytes")
			return 0
		}
	}
	if n>>32 != 0 {
		r.fail(start, "an integer of more than 32 bits")
		return 0
	}
	return uint32(n)
}

// signed is a signed LEB128 number of bits bits. The unused bits of the last
// byte a number may have repeat its sign.
func (r *reader) signed(bits int) int64 {
	start := r.at
	var n int64
	for shift := 0; ; shift += 7 {
		b := r.byte()
		n |= int64(b&0x7f) << shift
		left := bits - shift // bits that this byte may fill
		if left < 7 {
			if top := int8(b<<1) >> left; b&0x80 != 0 || top != 0 && top != -1 {
				r.fail(start, "an integer of more than %d bits", bits)
				return 0
			}
		}
		if b&0x80 == 0 {
			if shift+7 < 64 && b&0x40 != 0 {
				n |= -1 << (shift + 7)
			}
			return n
		}
	}
}

// count is the length of a vector, each element of which takes at least a byte.
func (r *reader) count() uint32 {
	start := r.at
	n := r.u32()
	if uint64(n) > uint64(r.end-r.at) {
		r.fail(start, "a list of %d elements in %d bytes", n, r.end-r.at)
		return 0
	}
	return n
}

func (r *reader) name() string {
	start := r.at
	b := r.take(r.u32())
	if !utf8.Valid(b) {
		r.fail(start, "a name that is not UTF-8")
	}
	return string(b)
}

// part is a reader of the next n bytes, which are taken.
func (r *reader) part(n uint32) *reader {
	start := r.at
	r.take(n)
	return &reader{module: r.module, at: start, end: r.at, err: r.err}
}

// done wants nothing left.
func (r *reader) done(what string) error {
	if r.err == nil && r.at != r.end {
		r.fail(r.at, "%d bytes after the end of %s", r.end-r.at, what)
	}
	return r.err
}

func appendU32(b []byte, n uint32) []byte {
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

func appendSigned(b []byte, n int64) []byte {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func appendName(b []byte, name string) []byte {
	return append(appendU32(b, uint32(len(name))), name...)
}
