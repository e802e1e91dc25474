package model

import (
	"slices"
	"testing"
)

// TestStored reads every tensor where a folder says that it lies, and finds what
// Rows gives.
func TestStored(t *testing.T) {
	for _, o := range []WriteOptions{{}, {DType: F16, ShardBytes: 100_000}, {DType: F32}} {
		s, err := Open(written(t, "tiny-tied", o))
		if err != nil {
			t.Fatal(err)
		}
		c := s.Config()
		for _, ref := range append(c.Tensors(), Ref{Kind: Head}) {
			e, ok := s.(Stored).Stored(ref)
			if !ok {
				t.Fatalf("%v lies nowhere", ref)
			}
			raw := make([]byte, e.Bytes)
			if _, err := e.File.ReadAt(raw, e.Off); err != nil {
				t.Fatalf("%v in %s: %v", ref, e.Path, err)
			}
			rows, cols := c.Shape(ref)
			got, want := make([]float32, rows*cols), make([]float32, rows*cols)
			e.DType.decode(got, raw)
			if err := s.Rows(ref, 0, want); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v is not what lies in %s", ref, e.Path)
			}
		}
		if _, ok := s.(Stored).Stored(Ref{Kind: QBias}); ok {
			t.Error("a tensor that the model does not have lies somewhere")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
