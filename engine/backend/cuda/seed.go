package cuda

import (
	"fmt"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
)

// makeWeights makes seeded weights on the device.
func (b *Backend) makeWeights(m model.Config, seed uint64) error {
	for i := range b.weights.places {
		to := &b.weights.places[i]
		p := kernels.SeededParams{To: to.to, Elements: to.elements()}
		var ok bool
		if p.A, p.B, p.Scale, ok = model.SeededTensor(seed, m, to.ref); !ok {
			return fmt.Errorf("the model has no tensor %v", to.ref)
		}
		if !to.ref.Kind.Matrix() {
			p.IsFloat = 1
		}
		if err := b.set.Seeded(b.stream, &p); err != nil {
			return fmt.Errorf("%v: %w", to.ref, err)
		}
	}
	return b.dev.Synchronize(b.stream)
}
