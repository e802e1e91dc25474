package generate

import (
	"bytes"
	"math"
	"testing"

	"tierlab/workloads"
	"tierlab/workloads/inspect"
)

func measured(t failer, p *Profile, n int, seed uint64) *inspect.Result {
	res, err := inspect.Inspect(workloads.NewReader(bytes.NewReader(file(t, p, n, seed)), p.Name))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestPublishedFigures generates some hundreds of sessions of each profile and
// compares them with the figures that the profile was made after.
func TestPublishedFigures(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			p := builtin(t, name)
			if len(p.Published) == 0 {
				t.Fatal("the profile states no published figure")
			}
			n := 500
			if name == "chat-sharegpt" {
				n = 4000 // one-step sessions
			}
			res := measured(t, p, n, 11)
			for _, x := range p.Published {
				got, err := res.Figure(x.Figure)
				if err != nil {
					t.Error(err)
					continue
				}
				off := math.Abs(got/x.Value - 1)
				if !(off <= x.Within) {
					t.Errorf("%s = %.4g, published %.4g (%s): off by %.1f %%, allowed %.1f %%",
						x.Figure, got, x.Value, x.Source, 100*off, 100*x.Within)
				}
				t.Logf("%-24s %10.4g published %10.4g off %5.1f %%", x.Figure, got, x.Value, 100*off)
			}
		})
	}
}
