//go:build unix

package sim

import (
	"syscall"
	"time"
)

// cpuTime is the processor time that the process has had, in its own and the
// kernel's code: on a machine that others use too, it says more than the wall clock.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
