package cuda

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/fake"
	"tierlab/engine/backend/cuda/internal/lab"
	"tierlab/engine/backend/cuda/internal/rig"
)

// TestMeasureCeilings: what a device gave comes in the units of a roofline, on
// any driver; on a GPU it is what a chip can do.
func TestMeasureCeilings(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		if r.Name == "cuda" {
			c, err := MeasureCeilings(t.Context(), 0)
			if err != nil || c.CopyGBs < 100 || c.GFLOPs < 10e3 || c.By == "" {
				t.Errorf("%+v, %v", c, err)
			}
		}
	})
	failed := errors.New("the copy failed")
	c := Config{Driver: fake.New(fake.Options{}), Compiler: fake.Compiler{}}
	for _, give := range []error{nil, failed} {
		got, err := measureCeilings(t.Context(), &c, func(*lab.Bench, context.Context, *cublaslt.Library) (lab.Ceilings, error) {
			return lab.Ceilings{CopyBytesPerSecond: 4.3e12, MatrixFLOPs: 7.9e14, MatrixBy: "a library"}, give
		})
		if give == nil && (err != nil || got != Ceilings{CopyGBs: 4300, GFLOPs: 790e3, By: "a library"}) {
			t.Errorf("%+v, %v", got, err)
		}
		if give != nil && !errors.Is(err, give) {
			t.Errorf("%v, want %v", err, give)
		}
	}
	if _, err := measureCeilings(t.Context(), &Config{Device: 9, Driver: c.Driver, Compiler: c.Compiler}, nil); err == nil || !strings.Contains(err.Error(), "device 9") {
		t.Errorf("a device that is not there: %v", err)
	}
}
