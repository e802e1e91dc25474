package model

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxHeader is the longest header that the format's own library reads.
const maxHeader = 100_000_000

// stored is one tensor of a safetensors file.
type stored struct {
	dtype      DType
	shape      []int64
	begin, end int64 // from the file's start, in bytes
}

// tensorFile is an open safetensors file.
type tensorFile struct {
	path    string
	region  region
	tensors map[string]stored
}

// openTensorFile maps a file and checks all of its header against its length.
func openTensorFile(path string) (*tensorFile, error) {
	r, err := openRegion(path)
	if err != nil {
		return nil, err
	}
	tensors, err := readHeader(r)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), r.close())
	}
	return &tensorFile{path, r, tensors}, nil
}

// readHeader reads the length that a file starts with, and the header.
func readHeader(r region) (map[string]stored, error) {
	const prefix = 8
	if r.size() < prefix {
		return nil, fmt.Errorf("the file is truncated: it has %d bytes, and a safetensors file starts with %d of header length", r.size(), prefix)
	}
	b, err := r.bytes(0, prefix)
	if err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(b)
	switch {
	case length > maxHeader:
		return nil, fmt.Errorf("this is no safetensors file: its header would have %d bytes, more than the format's %d", length, maxHeader)
	case int64(length) > r.size()-prefix:
		return nil, fmt.Errorf("the file is truncated: its header has %d bytes, of which %d are missing", length, int64(length)-(r.size()-prefix))
	}
	header, err := r.bytes(prefix, int(length))
	if err != nil {
		return nil, err
	}
	return parseHeader(header, prefix+int64(length), r.size())
}

// parseHeader reads the header of a file whose tensors lie from byte data up to
// byte size. As the format's own library does, it demands that they fill this
// range without gap or overlap.
func parseHeader(header []byte, data, size int64) (map[string]stored, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("the header is no JSON object")
	}
	tensors := map[string]stored{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		name, _ := t.(string)
		if name == "__metadata__" {
			var notes map[string]string
			if err := d.Decode(&notes); err != nil {
				return nil, fmt.Errorf("header: __metadata__: %w", err)
			}
			continue
		}
		if _, twice := tensors[name]; twice {
			return nil, fmt.Errorf("header: tensor %q is there twice", name)
		}
		if tensors[name], err = parseEntry(d, data); err != nil {
			return nil, fmt.Errorf("header: tensor %q: %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if rest := bytes.TrimRight(header[d.InputOffset():], " "); len(rest) > 0 {
		return nil, fmt.Errorf("header: %.20q follows its end; only spaces may", rest)
	}
	return tensors, checkLayout(tensors, data, size)
}

// parseEntry reads what the header says of one tensor, and holds its size in
// bytes to its shape and type.
func parseEntry(d *json.Decoder, data int64) (stored, error) {
	var e struct {
		DType   string  `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if err := d.Decode(&e); err != nil {
		return stored{}, err
	}
	if e.DType == "" || len(e.Offsets) != 2 {
		return stored{}, errors.New("it needs dtype, shape, and data_offsets with a begin and an end")
	}
	const most = 1 << 50 // bytes; far above any file, and no sum of two overflows
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || end < begin || end > most {
		return stored{}, fmt.Errorf("data_offsets are %d and %d: 0 <= begin <= end", begin, end)
	}
	s := stored{dtype: DType(e.DType), shape: e.Shape, begin: data + begin, end: data + end}
	n := int64(1)
	for _, dim := range e.Shape {
		if dim < 0 || dim > 0 && n > most/dim {
			return stored{}, fmt.Errorf("shape %v is out of range", e.Shape)
		}
		n *= dim
	}
	if per := int64(s.dtype.size()); per > 0 && n*per != end-begin {
		return stored{}, fmt.Errorf("data_offsets %d to %d are %d bytes; %s %v has %d", begin, end, end-begin, s.dtype, e.Shape, n*per)
	}
	return s, nil
}

// checkLayout demands that the tensors follow one another from byte data to
// byte size.
func checkLayout(tensors map[string]stored, data, size int64) error {
	var names []string
	for name := range tensors {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := tensors[a], tensors[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), strings.Compare(a, b))
	})
	at, before := data, ""
	for _, name := range names {
		switch t := tensors[name]; {
		case t.begin < at:
			return fmt.Errorf("header: tensor %q overlaps %q: it begins at byte %d of the data, before %d", name, before, t.begin-data, at-data)
		case t.begin > at:
			return fmt.Errorf("header: tensor %q begins at byte %d of the data; the one before it ends at %d", name, t.begin-data, at-data)
		default:
			at, before = t.end, name
		}
	}
	switch {
	case at > size:
		return fmt.Errorf("the file is truncated: it has %d bytes, and its tensors end at %d: %d are missing", size, at, at-size)
	case at < size:
		return fmt.Errorf("the file has %d bytes, and its tensors end at %d: %d too many", size, at, size-at)
	}
	return nil
}
