package lab

import (
	"fmt"
	"math/rand/v2"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// The bounds of what is compared. A result that is rounded to bf16 once is off
// by at most 2^-8, and by 1.7e-3 on the average of numbers of all sizes.
const (
	exact     = 0
	roundedTo = 3e-3 // bf16
)

// sampled is how many rows of an output are compared at most.
const sampled = 64

// some is n rows' numbers, or some of them.
func some(r *rand.Rand, n int) []int {
	if n <= sampled {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	return r.Perm(n)[:sampled]
}

func tokensOf(m model.Config, tokens int) string { return fmt.Sprintf("%s/tokens=%d", m.Name, tokens) }

// perToken is the grid of a kernel that gives each token a block.
func perToken(tokens int) func(model.Config, int) [3]uint32 {
	return func(model.Config, int) [3]uint32 { return [3]uint32{uint32(tokens), 1, 1} }
}

// embedCase reads rows of the table and writes the residual stream.
func embedCase(m model.Config, tokens int) Case {
	return Case{
		Kernel: "embed", Shape: tokensOf(m, tokens), Bound: exact, model: m,
		Bytes:    int64(tokens) * int64(m.Hidden) * (2 + 4),
		Versions: []Version{inUse("embed")},
		draw: func(r *Ready, o *operands) *trial {
			ids := make([]int32, tokens)
			for i := range ids {
				ids[i] = o.rand.Int32N(int32(m.Vocab))
			}
			p := kernels.EmbedParams{
				Counts: upload(o, kernels.Counts{Tokens: int32(tokens)}), IDs: upload(o, ids...),
				Table: o.shared("table", func() driver.Ptr { return o.numbers(m.Vocab*m.Hidden, 2) }), H: o.room(4 * tokens * m.Hidden),
			}
			return &trial{
				launch: func(s driver.Stream) error { return r.set.Embed(s, &p, tokens) },
				params: kernels.Bytes(&p),
				compare: func() (got, want []float64) {
					for _, t := range some(o.rand, tokens) {
						got = append(got, widen32(row[float32](o, p.H, t, m.Hidden))...)
						want = append(want, widen16(row[bf16.Number](o, p.Table, int(ids[t]), m.Hidden))...)
					}
					return got, want
				},
			}
		},
	}
}

// normCase adds to the residual stream and normalizes it.
func normCase(m model.Config, tokens int) Case {
	return Case{
		Kernel: "rms_norm", Shape: tokensOf(m, tokens), Bound: roundedTo, model: m,
		Bytes: int64(m.Hidden) * (int64(tokens)*(4+2+4+2) + 4),
		Versions: []Version{inUse("rms_norm"), candidate("rms_norm_2",
			"16 bytes of y and of x at once, and half the threads, for large steps", normThreads(m), perToken(tokens))},
		draw: func(r *Ready, o *operands) *trial {
			p := kernels.NormParams{
				Counts: upload(o, kernels.Counts{Tokens: int32(tokens)}), H: o.floats(tokens*m.Hidden, 4),
				Y: o.numbers(tokens*m.Hidden, 1), Weight: o.floats(m.Hidden, 2), X: o.room(2 * tokens * m.Hidden),
			}
			rows := some(o.rand, tokens)
			var before [][]float32
			return &trial{
				launch: func(s driver.Stream) error { return r.set.Norm(s, &p, tokens) },
				params: kernels.Bytes(&p),
				before: func() {
					for _, t := range rows {
						before = append(before, row[float32](o, p.H, t, m.Hidden))
					}
				},
				compare: func() (got, want []float64) {
					weight := download[float32](o, p.Weight, m.Hidden)
					for i, t := range rows {
						sum, x := reference.Norm(before[i], row[bf16.Number](o, p.Y, t, m.Hidden), weight, m.RMSEps)
						got = append(append(got, widen32(row[float32](o, p.H, t, m.Hidden))...), widen16(row[bf16.Number](o, p.X, t, m.Hidden))...)
						want = append(append(want, widen32(sum)...), x...)
					}
					return got, want
				},
			}
		},
	}
}

// normThreads has each thread take 16 elements.
func normThreads(m model.Config) int { return min(max(32, ceilDiv(m.Hidden/16, 32)*32), 1024) }

// siluCase multiplies silu(gate) with up.
func siluCase(m model.Config, tokens int) Case {
	return Case{
		Kernel: "silu", Shape: tokensOf(m, tokens), Bound: roundedTo, model: m,
		Bytes: int64(tokens) * int64(m.FFN) * (2 + 2 + 2),
		Versions: []Version{inUse("silu"), candidate("silu_2",
			"four loads under way in a thread in place of two, and half the blocks", 256,
			func(m model.Config, threads int) [3]uint32 {
				return [3]uint32{uint32(ceilDiv(m.FFN/8, 2*threads)), uint32(tokens), 1}
			})},
		draw: func(r *Ready, o *operands) *trial {
			p := kernels.SiluParams{
				Counts: upload(o, kernels.Counts{Tokens: int32(tokens)}),
				GU:     o.numbers(tokens*2*m.FFN, 8), Y: o.room(2 * tokens * m.FFN),
			}
			return &trial{
				launch: func(s driver.Stream) error { return r.set.SiLU(s, &p, tokens) },
				params: kernels.Bytes(&p),
				compare: func() (got, want []float64) {
					for _, t := range some(o.rand, tokens) {
						gu := row[bf16.Number](o, p.GU, t, 2*m.FFN)
						for i, up := range gu[m.FFN:] {
							want = append(want, reference.SiLU(gu[i], up))
						}
						got = append(got, widen16(row[bf16.Number](o, p.Y, t, m.FFN))...)
					}
					return got, want
				},
			}
		},
	}
}

func widen32(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

func widen16(v []bf16.Number) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x.Float())
	}
	return w
}
