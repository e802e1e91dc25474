package cli

import (
	"fmt"

	"tierlab/bench/shapes"
	"tierlab/engine/backend/cpu/ceiling"
)

// looks is how often a ceiling is measured before each shape and after the last.
const looks = 5

// ceilings are measured in between the shapes, and are medians like the rates
// beside them: a shared machine's differ from one moment to the next.
type ceilings struct {
	cpu           *ceiling.Bench
	read, compute []float64
	unknown       string // why they are
}

// open prepares the measurement for a device; a pass reads that many bytes.
func (c *ceilings) open(device, numerics string, threads int, bytes float64) error {
	if device != "cpu" {
		c.unknown = fmt.Sprintf("the ceilings of the backend %s are not measured here", device)
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
