//go:build unix

package child

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what this process has taken of the processor, and the most memory
// that it has held, in bytes.
func usage() (cpu time.Duration, memory int64) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0, 0
	}
	memory = int64(u.Maxrss)
	if runtime.GOOS != "darwin" {
		memory <<= 10 // in KiB elsewhere
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), memory
}
