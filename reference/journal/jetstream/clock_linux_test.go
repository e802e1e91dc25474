package jetstream

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is a clock that all processes of this machine share.
func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}
