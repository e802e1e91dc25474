package lab

import (
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// chooseBlocks is how many rows are looked at at once.
const chooseBlocks = 264

// chooseCase chooses the next tokens of so many rows, all in one manner.
func chooseCase(m model.Config, manner string, pick sample.Pick, samples int) Case {
	return Case{
		Kernel: "choose", Shape: fmt.Sprintf("%s/%s/samples=%d", m.Name, manner, samples), Bound: exact, model: m,
		Bytes: int64(samples) * int64(m.Vocab) * 4, Versions: []Version{inUse("choose")},
		draw: func(r *Ready, o *operands) *trial {
			picks, device := make([]sample.Pick, samples), make([]kernels.Choose, samples)
			for i := range picks {
				picks[i] = pick
				picks[i].Seed = o.rand.Uint64()
				device[i] = kernels.Choose{Random: picks[i].Random(), Temperature: pick.Temperature, TopP: pick.TopP, MinP: pick.MinP,
					TopK: int32(pick.TopK), Forced: pick.Forced, Mask: -1, Slot: int32(i)}
			}
			blocks := min(chooseBlocks, samples)
			p := kernels.ChooseParams{
				Counts: upload(o, kernels.Counts{Samples: int32(samples)}), Picks: upload(o, device...), Logits: o.floats(samples*m.Vocab, 8),
				Workspace: o.shared("workspace", func() driver.Ptr { return o.room(int(kernels.ChooseWorkspace(m, blocks))) }),
				Last:      o.room(4 * samples), Chosen: o.room(8 * samples),
			}
			return &trial{
				launch: func(s driver.Stream) error { return r.set.Choose(s, &p, blocks) },
				compare: func() (got, want []float64) {
					var sampler sample.Sampler
					chosen := download[kernels.Chosen](o, p.Chosen, samples)
					for i := range picks {
						var c sample.Choice
						if err := sampler.Choose(row[float32](o, p.Logits, i, m.Vocab), &picks[i], &c); err != nil && o.err == nil {
							o.err = err
						}
						got, want = append(got, float64(chosen[i].Token)), append(want, float64(c.Token))
					}
					return got, want
				},
			}
		},
	}
}
