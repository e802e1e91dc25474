package cuda

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/fake"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// folder writes a preset as a Hugging Face folder and opens it.
func folder(t *testing.T, preset string, o model.WriteOptions) (model.Source, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), preset)
	if err := model.WriteFolder(context.Background(), dir, source(t, preset), o); err != nil {
		t.Fatal(err)
	}
	s, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, dir
}

// TestWeightsFromFolders: whatever a folder stores its tensors in, the device has
// them in their places, matrices in bf16 and vectors in f32.
func TestWeightsFromFolders(t *testing.T) {
	for _, preset := range []string{"tiny-tied", "tiny-qwen2", "tiny-qwen3"} {
		for _, o := range []model.WriteOptions{{}, {DType: model.F16, ShardBytes: 100_000}, {DType: model.F32}} {
			src, _ := folder(t, preset, o)
			b := open(t, Config{Source: src, Driver: fake.New(fake.Options{}), Compiler: fake.Compiler{}, Slots: 2, Budget: 32, Blocks: 4})
			seen := int64(0)
			for _, p := range b.weights.places {
				want := make([]float32, p.elements())
				if err := src.Rows(p.ref, 0, want); err != nil {
					t.Fatal(err)
				}
				if at := differs(b.dev.(*fake.Context), &p, want); at >= 0 {
					t.Errorf("%s in %q: element %d of %v is not what the folder has", preset, o.DType, at, p.ref)
				}
				seen += p.elements()
			}
			if seen != src.Config().Params() {
				t.Errorf("%s: %d weights have places, the model has %d", preset, seen, src.Config().Params())
			}
		}
	}
}

// differs is the first element on the device that is not as wanted; -1: none.
func differs(c *fake.Context, p *place, want []float32) int {
	if p.ref.Kind.Matrix() {
		for i, v := range on[bf16.Number](c, p.to, len(want)) {
			if v.Float() != want[i] {
				return i
			}
		}
		return -1
	}
	for i, v := range on[float32](c, p.to, len(want)) {
		if v != want[i] {
			return i
		}
	}
	return -1
}

// TestStackedMatricesHaveNoGaps: Q, K and V of a layer are one matrix, and so
// are Gate and Up.
func TestStackedMatricesHaveNoGaps(t *testing.T) {
	m := source(t, "tiny-qwen2").Config()
	w, _ := layWeights(m, 1<<20)
	at := map[model.Ref]place{}
	for _, p := range w.places {
		at[p.ref] = p
	}
	for _, pair := range [][2]model.Kind{{model.Q, model.K}, {model.K, model.V}, {model.QBias, model.KBias}, {model.KBias, model.VBias}, {model.Gate, model.Up}} {
		a, b := at[model.Ref{Kind: pair[0], Layer: 1}], at[model.Ref{Kind: pair[1], Layer: 1}]
		if int64(b.to-a.to) != a.elements()*a.size() {
			t.Errorf("%v lies %d bytes behind %v, which has %d", b.ref, b.to-a.to, a.ref, a.elements()*a.size())
		}
	}
}

// shortened is a source whose file loses its end after it was opened.
type shortened struct {
	model.Source
	stored model.Stored
	cut    func()
}

func (s *shortened) Stored(r model.Ref) (model.Extent, bool) {
	s.cut()
	return s.stored.Stored(r)
}

// TestReadingFails: what goes wrong names the tensor and the file, ends Open, and
// leaves nothing behind.
func TestReadingFails(t *testing.T) {
	src, dir := folder(t, "tiny", model.WriteOptions{})
	path := filepath.Join(dir, "model.safetensors")
	d := fake.New(fake.Options{})
	cut := &shortened{src, src.(model.Stored), func() {
		if err := os.Truncate(path, 5000); err != nil {
			t.Error(err)
		}
	}}
	_, err := Open(Config{Source: cut, Driver: d, Compiler: fake.Compiler{}, Slots: 2, Budget: 32, Blocks: 4})
	if err == nil || !strings.Contains(err.Error(), "was cut off") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if leaks := d.Leaks(); len(leaks) > 0 {
		t.Errorf("left %q", leaks)
	}
	lost := errors.New("the bus is gone")
	for _, call := range []string{"AllocHost", "CopyIn", "Record", "NewEvent"} {
		src, _ := folder(t, "tiny", model.WriteOptions{})
		d := fake.New(fake.Options{})
		d.Fail(call, 8, lost) // beyond what steps need
		_, err := Open(Config{Source: src, Driver: d, Compiler: fake.Compiler{}, Slots: 2, Budget: 32, Blocks: 4})
		if !errors.Is(err, lost) || len(d.Leaks()) > 0 {
			t.Errorf("%s fails: error %v, left %q", call, err, d.Leaks())
		}
	}
}
