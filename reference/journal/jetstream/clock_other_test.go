//go:build !linux

package jetstream

import "time"

var processStart = time.Now()

// monotonic is this process's clock: faults are injected into other processes on
// Linux only.
func monotonic() time.Duration { return time.Since(processStart) }
