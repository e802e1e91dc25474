package cli

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"

	"tierlab/engine/backend/cuda"
)

// machine is what a measurement of this engine was made on: its GPUs are part of
// the machine where they compute.
func (o *engineOptions) machine() string {
	text := machine()
	if o.backend != backendCUDA {
		return text
	}
	for _, d := range cuda.Probe().Devices {
		for _, used := range o.devices {
			if d.Ordinal == used {
				text += ", " + d.Name
			}
		}
	}
	return text
}

// machine is what a measurement was made on: the processor's name where the
// system tells it, and how many of its processors there are.
func machine() string {
	name := runtime.GOOS + "/" + runtime.GOARCH
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			key, value, ok := strings.Cut(lines.Text(), ":")
			if ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d processors", name, runtime.NumCPU())
}
