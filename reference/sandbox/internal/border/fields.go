package border

import (
	"encoding/binary"
	"unicode/utf8"
)

// put appends fields to a message.
func putUint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }
func putInt(b []byte, n int64) []byte   { return binary.AppendVarint(b, n) }
func putBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// fields takes a message apart. After the first field that does not parse all
// others are zero, and end returns the error.
type fields struct {
	rest []byte
	err  error
}

func (f *fields) uint() uint64 {
	n, size := binary.Uvarint(f.rest)
	return took(f, n, size)
}

func (f *fields) int() int64 {
	n, size := binary.Varint(f.rest)
	return took(f, n, size)
}

func took[T uint64 | int64](f *fields, n T, size int) T {
	if f.err == nil && size <= 0 {
		f.err = broken("a number is cut off or too large")
	}
	if f.err != nil {
		return 0
	}
	f.rest = f.rest[size:]
	return n
}

// bytes is a part of the message's own memory.
func (f *fields) bytes() []byte {
	n := f.uint()
	if f.err == nil && n > uint64(len(f.rest)) {
		f.err = broken("a field of %d bytes where %d are left", n, len(f.rest))
	}
	if f.err != nil {
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) text() string {
	b := f.bytes()
	if f.err == nil && !utf8.Valid(b) {
		f.err = broken("text that is not UTF-8")
	}
	if f.err != nil {
		return ""
	}
	return string(b)
}

// texts is a list; each element takes at least one byte of the message, which
// bounds the memory that a number of elements can ask for.
func (f *fields) texts() []string {
	n := f.uint()
	if f.err == nil && n > uint64(len(f.rest)) {
		f.err = broken("a list of %d elements in %d bytes", n, len(f.rest))
	}
	if f.err != nil || n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = f.text()
	}
	return list
}

func (f *fields) end() error {
	if f.err == nil && len(f.rest) > 0 {
		f.err = broken("%d bytes after the last field", len(f.rest))
	}
	return f.err
}
