package kernels_test

import (
	"math"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// TestSeeded makes every tensor of the tiny models, which has the bits of
// model.Seeded.
func TestSeeded(t *testing.T) {
	onBeds(t, func(b *bed) {
		set := b.load(b.spec(preset(b.t, "tiny")), "seeded") // which has no size of a model in it
		for _, name := range []string{"tiny", "tiny-tied", "tiny-qwen2", "tiny-qwen3"} {
			m := preset(b.t, name)
			source := model.Seeded(m, b.rand.Uint64())
			for _, ref := range m.Tensors() {
				rows, cols := m.Shape(ref)
				b.seeded(set, source, ref, 0, rows*cols, 0)
			}
		}
	})
}

// TestSeededPieces makes pieces of tensors that begin and end anywhere, into
// memory that is aligned to its numbers alone.
func TestSeededPieces(t *testing.T) {
	onBeds(t, func(b *bed) {
		m := preset(b.t, "tiny-qwen2")
		set := b.load(b.spec(preset(b.t, "tiny")), "seeded")
		source := model.Seeded(m, b.rand.Uint64())
		for range 40 {
			ref := model.Ref{Kind: model.Kind(b.rand.IntN(int(model.Head)))}
			rows, cols := m.Shape(ref)
			if rows == 0 {
				continue
			}
			first := b.rand.IntN(rows * cols)
			b.seeded(set, source, ref, first, 1+b.rand.IntN(min(rows*cols-first, 5000)), b.rand.IntN(9))
		}
	})
}

// seeded makes n elements of a tensor from first on, as a backend keeps them:
// matrices in bf16, vectors in f32, so many elements behind an aligned address.
func (b *bed) seeded(set *kernels.Set, source model.Source, ref model.Ref, first, n, behind int) {
	b.t.Helper()
	m := source.Config()
	seed, _ := model.SeedOf(source)
	keyA, keyB, scale, ok := model.SeededTensor(seed, m, ref)
	if !ok {
		b.t.Fatalf("%s has no %v", m.Name, ref)
	}
	rows, cols := m.Shape(ref)
	want := make([]float32, rows*cols)
	if err := source.Rows(ref, 0, want); err != nil {
		b.t.Fatal(err)
	}
	p := kernels.SeededParams{First: int64(first), Elements: int64(n), A: keyA, B: keyB, Scale: scale}
	got := make([]float32, n+guard)
	if ref.Kind.Matrix() {
		at := rig.Upload(b.t, b.r, poisoned(behind+len(got)))
		p.To = at + driver.Ptr(2*behind)
		b.ran(set.Seeded(b.stream, &p))
		for i, v := range rig.Download[bf16.Number](b.t, b.r, at, behind+len(got))[behind:] {
			got[i] = v.Float()
		}
	} else {
		at := rig.Upload(b.t, b.r, poisonedFloats(behind+len(got)))
		p.To, p.IsFloat = at+driver.Ptr(4*behind), 1
		b.ran(set.Seeded(b.stream, &p))
		copy(got, rig.Download[float32](b.t, b.r, at, behind+len(got))[behind:])
	}
	for i, v := range got {
		if i < n && v != want[first+i] {
			b.t.Fatalf("%s: %v from %d on: element %d: %v, want %v", m.Name, ref, first, i, v, want[first+i])
		}
		if i >= n && v == v {
			b.t.Fatalf("%s: %v from %d on: element %d, behind the last, is written", m.Name, ref, first, i)
		}
	}
}

func TestAngles(t *testing.T) {
	onBeds(t, func(b *bed) {
		for _, m := range append(b.models("tiny-tied", "tiny-qwen3"), b.wide()[1]) {
			positions := 200
			if b.device() {
				positions = m.Context
			}
			set := b.load(b.spec(m), "angles")
			want := reference.Angles(m.Frequencies(), positions)
			p := kernels.AnglesParams{
				Frequencies: rig.Upload(b.t, b.r, m.Frequencies()), Positions: int32(positions),
				Angles: rig.Upload(b.t, b.r, poisonedFloats(len(want)+guard)),
			}
			b.ran(set.Angles(b.stream, &p))
			for i, got := range rig.Download[float32](b.t, b.r, p.Angles, len(want)+guard) {
				if i >= len(want) {
					if got == got {
						b.t.Fatalf("%s: element %d, behind the last, is written", m.Name, i)
					}
					continue
				}
				// sincos of the host and of the device may differ in the last bit of
				// an f64, which now and then rounds to the other f32.
				if steps := int64(math.Float32bits(got)) - int64(math.Float32bits(want[i])); steps < -1 || steps > 1 {
					b.t.Fatalf("%s: number %d of position %d: %v, want %v", m.Name, i%m.HeadDim, i/m.HeadDim, got, want[i])
				}
			}
		}
	})
}
