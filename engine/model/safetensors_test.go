package model

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
)

// memory is a region of bytes at hand.
type memory []byte

func (m memory) size() int64 { return int64(len(m)) }

func (m memory) bytes(off int64, n int) ([]byte, error) { return m[off : off+int64(n)], nil }

func (m memory) ReadAt(b []byte, off int64) (int, error) { return bytes.NewReader(m).ReadAt(b, off) }

func (m memory) close() error { return nil }

// raw is a safetensors file with that header and that many bytes of data.
func raw(header string, data int) memory {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestReadHeader(t *testing.T) {
	const a, b = `"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}`, `"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}`
	for _, header := range []string{
		"{" + a + "," + b + "}", "{" + b + "," + a + "}   ",
		`{"__metadata__":{"format":"pt"},` + a + "," + b + "}",
	} {
		got, err := readHeader(raw(header, 16))
		if err != nil || len(got) != 2 || got["a"].dtype != BF16 || got["b"].end-got["b"].begin != 4 || got["a"].begin != int64(8+len(header)) {
			t.Errorf("%s: %v, %v", header, got, err)
		}
	}
	if got, err := readHeader(raw(`{"x":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}}`, 3)); err != nil || got["x"].dtype.size() != 0 {
		t.Errorf("a type that is not read: %v, %v", got, err)
	}
}

func TestReadHeaderRefuses(t *testing.T) {
	entry := func(dtype, shape, offsets string) string {
		return `{"a":{"dtype":"` + dtype + `","shape":` + shape + `,"data_offsets":` + offsets + `}}`
	}
	const two = `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	for _, c := range []struct {
		file memory
		want string
	}{
		{nil, "truncated: it has 0 bytes"},
		{raw("{}", 0)[:9], "header has 2 bytes, of which 1 are missing"},
		{memory("PK\x03\x04 a zip file"), "this is no safetensors file"},
		{raw("", 0), "the header is no JSON object"},
		{raw("[]", 0), "the header is no JSON object"},
		{raw(`{"a":1}`, 0), `tensor "a"`},
		{raw(`{"a":{}}`, 0), "it needs dtype, shape, and data_offsets"},
		{raw("{", 0), "header: "},
		{raw("{}x", 0), `"x" follows its end`},
		{raw(`{"__metadata__":1}`, 0), "__metadata__"},
		{raw(entry("F32", "[1]", "[0]"), 4), "data_offsets with a begin and an end"},
		{raw(entry("F32", "[1]", "[-4,0]"), 4), "0 <= begin <= end"},
		{raw(entry("F32", "[1]", "[4,0]"), 4), "0 <= begin <= end"},
		{raw(entry("F32", "[1]", "[0,9223372036854775807]"), 4), "0 <= begin <= end"},
		{raw(entry("F32", "[-1]", "[0,4]"), 4), "shape [-1] is out of range"},
		{raw(entry("F32", "[4294967296,4294967296]", "[0,0]"), 0), "out of range"},
		{raw(entry("F32", "[2]", "[0,4]"), 4), "are 4 bytes; F32 [2] has 8"},
		{raw(entry("F32", "[1]", "[0,4]"), 3), "truncated: it has 65 bytes, and its tensors end at 66: 1 are missing"},
		{raw(entry("F32", "[1]", "[0,4]"), 6), "2 too many"},
		{raw(entry("F32", "[1]", "[4,8]"), 8), `tensor "a" begins at byte 4 of the data; the one before it ends at 0`},
		{raw("{"+two+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, 6), `tensor "b" overlaps "a"`},
		{raw("{"+two+","+two+"}", 4), `tensor "a" is there twice`},
	} {
		if _, err := readHeader(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.file, err, c.want)
		}
	}
}

// FuzzReadHeader: tensors of an accepted file fill it behind the header, each
// as long as its type and shape say.
func FuzzReadHeader(f *testing.F) {
	f.Add([]byte(raw(`{"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}`, 12)))
	f.Add([]byte(raw(`{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}} `, 4)))
	header, err := tensorHeader(preset(f, "tiny-qwen3"), preset(f, "tiny-qwen3").Tensors()[:3], F16)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header)
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := readHeader(memory(file))
		if err != nil {
			return
		}
		at := int64(8 + binary.LittleEndian.Uint64(file))
		for name, s := range tensors {
			n := int64(s.dtype.size())
			for _, dim := range s.shape {
				n *= dim
			}
			if s.begin < 8 || s.end < s.begin || s.end > int64(len(file)) || s.dtype.size() > 0 && n != s.end-s.begin {
				t.Fatalf("%q has %+v in a file of %d bytes", name, s, len(file))
			}
			at += s.end - s.begin
		}
		if at != int64(len(file)) {
			t.Fatalf("tensors fill %d bytes of %d", at, len(file))
		}
	})
}

// TestUnmapped reads a folder's files as a system without mappings does.
func TestUnmapped(t *testing.T) {
	s, err := Open(written(t, "tiny-tied", WriteOptions{ShardBytes: 300_000}))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range s.(*folder).files {
		if err := file.region.close(); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(file.path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		file.region = &unmapped{f, info.Size()}
		if tensors, err := readHeader(file.region); err != nil || len(tensors) != len(file.tensors) {
			t.Errorf("%s: %d tensors, %v", file.path, len(tensors), err)
		}
	}
	compare(t, s, Seeded(preset(t, "tiny-tied"), 5))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Rows(Ref{Kind: Embed}, 0, make([]float32, 96)); err == nil {
		t.Error("it reads after Close")
	}
}
