//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/bf16"
)

// The constants of testdata/planted.cu.
const (
	plantedDim, plantedPage, plantedQueries = 32, 16, 32
)

// attention is what planted.cu computes for queries from position first on, by
// plain loops in f64.
func attention(q, keys, values []float64, table []int32, first int) []float64 {
	out := make([]float64, plantedQueries*plantedDim)
	for i := range plantedQueries {
		var total float64
		row := out[i*plantedDim:][:plantedDim]
		for at := range first + i + 1 {
			from := (int(table[at/plantedPage])*plantedPage + at%plantedPage) * plantedDim
			var score float64
			for d := range plantedDim {
				score += q[i*plantedDim+d] * keys[from+d]
			}
			weight := math.Exp2(score)
			total += weight
			for d := range row {
				row[d] += weight * values[from+d]
			}
		}
		for d := range row {
			row[d] /= total
		}
	}
	return out
}

// numbers are random, as bf16 and as what that is.
func numbers(r *rand.Rand, n int) ([]bf16.Number, []float64) {
	rounded, values := make([]bf16.Number, n), make([]float64, n)
	for i := range rounded {
		rounded[i] = bf16.Of(float32(r.NormFloat64() / 2))
		values[i] = float64(rounded[i].Float())
	}
	return rounded, values
}

// TestPlantedBugs: the right kernel agrees with plain arithmetic, and each
// mistake shows, as another result or as an error: with few positions, of which
// half a tile is absent, or with enough to use the buffers again.
func TestPlantedBugs(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	const pages = 12
	q, qs := numbers(r, plantedQueries*plantedDim)
	k, ks := numbers(r, pages*plantedPage*plantedDim)
	v, vs := numbers(r, pages*plantedPage*plantedDim)
	var table []int32
	for _, p := range r.Perm(pages) {
		table = append(table, int32(p))
	}
	for _, bug := range []string{"NONE", "MASK", "TABLE", "WAIT", "FILLED", "DRAINED", "TAIL", "DIVERGENT"} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			d := open(t, Options{Strict: true})
			f := d.function(t, "planted.cu", "planted", "BUG="+bug)
			var seen error
			for _, first := range []int{10, 75} {
				used := (first + plantedQueries + plantedPage - 1) / plantedPage
				out := upload(t, d, make([]float32, plantedQueries*plantedDim))
				p := struct {
					q, keys, values, table, out driver.Ptr
					first, pages                int32
				}{upload(t, d, q), upload(t, d, k), upload(t, d, v), upload(t, d, table[:used]), out, int32(first), int32(used)}
				err := d.Launch(driver.Launch{Function: f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{64, 1, 1}, Params: kernels.Bytes(&p)}, d.stream)
				if err == nil {
					err = differs(download[float32](t, d, out, plantedQueries*plantedDim), attention(qs, ks, vs, table, first))
				}
				t.Logf("first position %d: %v", first, err)
				seen = errors.Join(seen, err)
			}
			if (seen == nil) != (bug == "NONE") {
				t.Errorf("%s: %v", bug, seen)
			}
		})
	}
}

// differs compares to what bf16 weights can be off by.
func differs(got []float32, want []float64) error {
	for i, w := range want {
		if off := math.Abs(float64(got[i]) - w); !(off <= 1e-2) {
			return fmt.Errorf("query %d, element %d: %g, want %g", i/plantedDim, i%plantedDim, got[i], w)
		}
	}
	return nil
}
