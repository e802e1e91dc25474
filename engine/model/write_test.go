package model

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// written is a preset's folder.
func written(t testing.TB, name string, o WriteOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := WriteFolder(context.Background(), dir, Seeded(preset(t, name), 5), o); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRoundTrip reads back what was written, in every type, whole and sharded:
// the same shape, and the same bits, since seeded weights are exact in all types.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"tiny", "tiny-tied", "tiny-qwen2", "tiny-qwen3"} {
		for _, o := range []WriteOptions{{}, {DType: F16}, {DType: F32}, {ShardBytes: 100_000}, {DType: F16, ShardBytes: 1}} {
			dir := written(t, name, o)
			got, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, Seeded(preset(t, name), 5))
			if per := int64(max(2, o.DType.size())); got.Bytes() != got.Config().Params()*per {
				t.Errorf("%s: %d bytes for %d weights of %d bytes", name, got.Bytes(), got.Config().Params(), per)
			}
			if err := got.Close(); err != nil {
				t.Error(err)
			}
			if err := got.Rows(Ref{Kind: Embed}, 0, make([]float32, got.Config().Hidden)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: reading after Close: error %v, want %v", name, err, os.ErrClosed)
			}
		}
	}
}

// compare holds two sources to the same shape and the same weights.
func compare(t *testing.T, got, want Source) {
	t.Helper()
	c := want.Config()
	if !reflect.DeepEqual(got.Config(), c) {
		t.Fatalf("%+v\nwant %+v", got.Config(), c)
	}
	for _, r := range append(c.Tensors(), Ref{Kind: Head}) {
		n, cols := c.Shape(r)
		if !slices.Equal(rows(t, got, r, 0, n), rows(t, want, r, 0, n)) {
			t.Errorf("%s: %v differs", c.Name, r)
		}
		if last := rows(t, want, r, n-1, 1); !slices.Equal(rows(t, got, r, n-1, 1), last) || len(last) != cols {
			t.Errorf("%s: the last row of %v differs", c.Name, r)
		}
	}
}

func TestShards(t *testing.T) {
	dir := written(t, "tiny", WriteOptions{ShardBytes: 70_000})
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil || len(files) < 4 || filepath.Base(files[0]) != "model-00001-of-0000"+string(rune('0'+len(files)))+".safetensors" {
		t.Errorf("files %v, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > 72_000 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
}

func TestWriteFolderRefuses(t *testing.T) {
	s := Seeded(preset(t, "tiny"), 1)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFolder(context.Background(), dir, s, WriteOptions{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("into a folder with a file: error %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	parent := t.TempDir()
	if err := WriteFolder(ctx, filepath.Join(parent, "m"), s, WriteOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
	if err := WriteFolder(context.Background(), filepath.Join(parent, "m"), s, WriteOptions{DType: "I8"}); err == nil || !strings.Contains(err.Error(), `"I8"`) {
		t.Errorf("as I8: error %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("what failed left %v, %v", left, err)
	}
}
