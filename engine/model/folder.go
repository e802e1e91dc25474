package model

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// The names of a folder's files.
const (
	oneFile   = "model.safetensors"
	indexFile = "model.safetensors.index.json"
)

// Open reads a Hugging Face folder. It checks all that the package comment says
// before it returns, and reads no weights; the error names the file, the field
// or tensor, and what would be right.
func Open(dir string) (Source, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{config: c, tensors: map[Ref]located{}}
	if err := f.open(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// folder is an open Hugging Face folder.
type folder struct {
	config  Config
	files   []*tensorFile
	tensors map[Ref]located
	total   int64
}

// located is a tensor and the file that holds it.
type located struct {
	stored
	file *tensorFile
}

func (f *folder) Config() Config { return f.config }

func (f *folder) Bytes() int64 { return f.total }

func (f *folder) Close() error {
	var errs []error
	for _, file := range f.files {
		errs = append(errs, file.region.close())
	}
	return errors.Join(errs...)
}

// Stored is Stored's.
func (f *folder) Stored(t Ref) (Extent, bool) {
	if t.Kind == Head && f.config.TiedHead {
		t.Kind = Embed
	}
	at, ok := f.tensors[t]
	if !ok {
		return Extent{}, false
	}
	return Extent{File: at.file.region, Path: at.file.path, Off: at.begin, Bytes: at.end - at.begin, DType: at.dtype}, true
}

// Rows reads through pieces that fit a cache, which bounds the memory taken
// where a file is not mapped.
func (f *folder) Rows(t Ref, row int, dst []float32) error {
	cols, err := checkRows(f.config, t, row, len(dst))
	if err != nil {
		return err
	}
	if t.Kind == Head && f.config.TiedHead {
		t.Kind = Embed
	}
	return f.tensors[t].rows(int64(row)*int64(cols), dst)
}

// rows decodes a tensor's elements from one on. A file in memory that has been
// cut off since faults where it is read, which is an error here and no crash.
func (at located) rows(first int64, dst []float32) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // of a fault, see SetPanicOnFault
			err = fmt.Errorf("%s was cut off since it was opened", at.file.path)
		default:
			panic(r)
		}
	}()
	const piece = 1 << 16
	size := at.dtype.size()
	off := at.begin + first*int64(size)
	for len(dst) > 0 {
		n := min(len(dst), piece)
		raw, err := at.file.region.bytes(off, n*size)
		if err != nil {
			return fmt.Errorf("%s: %w", at.file.path, err)
		}
		at.dtype.decode(dst[:n], raw)
		dst, off = dst[n:], off+int64(n*size)
	}
	return nil
}

// open opens the folder's files and matches their tensors with the shape's.
func (f *folder) open(dir string) error {
	where, err := f.openFiles(dir)
	if err != nil {
		return err
	}
	held := map[string]located{}
	for _, file := range f.files {
		for _, name := range slices.Sorted(maps.Keys(file.tensors)) {
			if other, twice := held[name]; twice {
				return fmt.Errorf("%s: tensor %q is in %s too", file.path, name, filepath.Base(other.file.path))
			}
			held[name] = located{file.tensors[name], file}
		}
	}
	for _, r := range f.config.Tensors() {
		name := hfName(r)
		t, ok := held[name]
		if !ok {
			return fmt.Errorf("%s: tensor %q is missing: config.json asks for it", where, name)
		}
		if err := checkTensor(t, name, hfShape(f.config, r)); err != nil {
			return err
		}
		delete(held, name)
		f.tensors[r] = t
		f.total += t.end - t.begin
	}
	return f.checkRest(held)
}

func checkTensor(t located, name string, want []int64) error {
	if !slices.Equal(t.shape, want) {
		return fmt.Errorf("%s: tensor %q has shape %v; config.json asks for %v", t.file.path, name, t.shape, want)
	}
	if t.dtype.size() == 0 {
		return fmt.Errorf("%s: tensor %q: %w", t.file.path, name, errDType(t.dtype))
	}
	return nil
}

// checkRest refuses tensors that the computation would leave out, such as a
// bias that config.json does not speak of. It passes over what old programs
// saved with the weights: RoPE's frequencies, and a head that is the embedding.
func (f *folder) checkRest(held map[string]located) error {
	for _, name := range slices.Sorted(maps.Keys(held)) {
		if strings.HasSuffix(name, ".rotary_emb.inv_freq") || name == hfNames[Head] {
			continue
		}
		return fmt.Errorf("%s: tensor %q is no part of the model that config.json describes", held[name].file.path, name)
	}
	return nil
}

// openFiles opens the one file of weights, or those that the index names, and
// says which file should hold all tensors.
func (f *folder) openFiles(dir string) (where string, err error) {
	where = filepath.Join(dir, oneFile)
	if _, err = os.Stat(where); err == nil {
		return where, f.openFile(where)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	where = filepath.Join(dir, indexFile)
	text, err := os.ReadFile(where)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: it has neither %s nor %s; weights in other formats are not read", dir, oneFile, indexFile)
	}
	if err != nil {
		return "", err
	}
	if err := f.openShards(dir, text); err != nil {
		return "", fmt.Errorf("%s: %w", where, err)
	}
	return where, nil
}

func (f *folder) openFile(path string) error {
	file, err := openTensorFile(path)
	if err != nil {
		return err
	}
	f.files = append(f.files, file)
	return nil
}

// openShards opens the files of an index and checks that each has the tensors
// that the index says.
func (f *folder) openShards(dir string, index []byte) error {
	shards, err := parseIndex(index)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(shards)) {
		if err := f.openFile(filepath.Join(dir, name)); err != nil {
			return err
		}
		file := f.files[len(f.files)-1]
		for _, tensor := range shards[name] {
			if _, ok := file.tensors[tensor]; !ok {
				return fmt.Errorf("weight_map has tensor %q in %s, which does not hold it", tensor, name)
			}
		}
	}
	return nil
}

// parseIndex lists the tensors of each file that an index names.
func parseIndex(text []byte) (map[string][]string, error) {
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := unmarshal(text, &index); err != nil {
		return nil, err
	}
	if len(index.Map) == 0 {
		return nil, errors.New("weight_map is missing: it maps each tensor to its file")
	}
	shards := map[string][]string{}
	for _, tensor := range slices.Sorted(maps.Keys(index.Map)) {
		name := index.Map[tensor]
		if name == "" || name != filepath.Base(name) || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("weight_map has tensor %q in %q, which is no file name in the folder", tensor, name)
		}
		shards[name] = append(shards[name], tensor)
	}
	return shards, nil
}
