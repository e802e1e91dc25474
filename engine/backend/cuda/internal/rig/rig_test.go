package rig_test

import (
	"math"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// TestSilu is how a kernel is tested: in each place, against plain arithmetic.
func TestSilu(t *testing.T) {
	const ffn, tokens, bucket = 224, 5, 8
	gu := make([]bf16.Number, bucket*2*ffn)
	for i := range gu {
		gu[i] = bf16.Of(float32(math.Sin(float64(i))) * 6)
	}
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		spec := kernels.Spec{Model: model.Config{Hidden: 96, FFN: ffn, Heads: 3, KVHeads: 1, HeadDim: 32, Vocab: 500}}
		f := r.Function(t, spec.Unit("silu", "silu.cu", "THREADS=32"), "silu")
		y := rig.Upload(t, r, make([]bf16.Number, bucket*ffn))
		p := kernels.SiluParams{
			Counts: rig.Upload(t, r, []kernels.Counts{{Tokens: tokens}}),
			GU:     rig.Upload(t, r, gu), Y: y,
		}
		r.Launch(t, driver.Launch{Function: f, Grid: [3]uint32{1, bucket, 1}, Block: [3]uint32{32, 1, 1}, Params: kernels.Bytes(&p)})
		for i, got := range rig.Download[bf16.Number](t, r, y, bucket*ffn) {
			row := gu[i/ffn*2*ffn:]
			gate, up := float64(row[i%ffn].Float()), float64(row[ffn+i%ffn].Float())
			want := gate / (1 + math.Exp(-gate)) * up
			if i >= tokens*ffn {
				want = 0
			}
			// A rounding to bf16, and one unit for the exponential.
			if diff := math.Abs(float64(got.Float()) - want); diff > math.Abs(want)/200 {
				t.Fatalf("token %d, element %d: %g, want %g", i/ffn, i%ffn, got.Float(), want)
			}
		}
	})
}
