package lab

import (
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// seededCase makes the matrix of gates of a layer.
func seededCase(m model.Config) Case {
	rows, cols := m.Shape(model.Ref{Kind: model.Gate})
	return Case{
		Kernel: "seeded", Shape: m.Name + "/gate", Bound: exact, model: m,
		Bytes: 2 * int64(rows) * int64(cols), Versions: []Version{inUse("seeded")},
		draw: func(r *Ready, o *operands) *trial {
			seed, ref := o.rand.Uint64(), model.Ref{Kind: model.Gate, Layer: o.rand.IntN(m.Layers)}
			a, b, scale, _ := model.SeededTensor(seed, m, ref)
			p := kernels.SeededParams{To: o.room(2 * rows * cols), Elements: int64(rows) * int64(cols), A: a, B: b, Scale: scale}
			return &trial{
				launch: func(s driver.Stream) error { return r.set.Seeded(s, &p) },
				params: kernels.Bytes(&p),
				compare: func() (got, want []float64) {
					source := model.Seeded(m, seed)
					for _, i := range some(o.rand, rows) {
						v := make([]float32, cols)
						if err := source.Rows(ref, i, v); err != nil && o.err == nil {
							o.err = err
						}
						got = append(got, widen16(row[bf16.Number](o, p.To, i, cols))...)
						want = append(want, widen32(v)...)
					}
					return got, want
				},
			}
		},
	}
}
