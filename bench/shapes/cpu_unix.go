//go:build linux || darwin || freebsd

package shapes

import (
	"syscall"
	"time"
)

// ProcessTime is the processor time of this process so far, by getrusage(2); 0
// where the system does not tell.
func ProcessTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
