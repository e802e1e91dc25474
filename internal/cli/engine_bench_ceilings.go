package cli

import (
	"context"

	"tierlab/bench/shapes"
	"tierlab/engine/backend/cpu/ceiling"
	"tierlab/engine/backend/cuda"
)

// looks is how often a ceiling is measured before each shape and after the last.
const looks = 5

// ceilings of processors are measured in between the shapes, and are medians like
// the rates beside them: a shared machine's differ from one moment to the next.
// A GPU's are measured once, before its memory is the engine's.
type ceilings struct {
	cpu           *ceiling.Bench
	read, compute []float64
	unknown       string // why they are
}

// openGPU measures a device's ceilings, before an engine takes its memory. What
// cannot be measured is no failure: figures then have no share of a ceiling.
func (c *ceilings) openGPU(ctx context.Context, device int) {
	got, err := cuda.MeasureCeilings(ctx, device)
	if err != nil {
		c.unknown = err.Error()
		return
	}
	c.read, c.compute = []float64{got.CopyGBs}, []float64{got.GFLOPs}
}

// open prepares the measurement on processors; a pass reads that many bytes.
func (c *ceilings) open(device, numerics string, threads int, bytes float64) error {
	switch device {
	case backendCPU:
	case backendNull:
		c.unknown = "nothing is computed"
		return nil
	default: // measured before
		return nil
	}
	var err error
	c.cpu, err = ceiling.New(numerics, threads, max(1<<20, int64(bytes)))
	return err
}

// look measures, if there is something to measure by.
func (c *ceilings) look() {
	if c.cpu == nil {
		return
	}
	for range looks {
		c.read, c.compute = append(c.read, c.cpu.ReadGBs()), append(c.compute, c.cpu.GFLOPs())
	}
}

// median is over all looks; 0 where there were none.
func (c *ceilings) median() shapes.Ceilings {
	if len(c.read) == 0 {
		return shapes.Ceilings{}
	}
	return shapes.Ceilings{GBPerS: shapes.Median(c.read), GFLOPPerS: shapes.Median(c.compute)}
}

// Close ends the threads.
func (c *ceilings) Close() {
	if c.cpu != nil {
		c.cpu.Close()
	}
}
