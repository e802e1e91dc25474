package confine

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// defaultThreads leaves room for the threads of Go's runtime, which starts one
// for each processor that runs Go code and for each that blocks in the kernel.
const defaultThreads = 64

// reserve is the address space that threads' stacks and the C library's
// allocator reserve and do not use, where the build has cgo.
const reserve = 1 << 30

// limit is one of the kernel's limits.
type limit struct {
	name     string
	resource int
	value    uint64
}

// limitResources sets soft and hard limits together. Open descriptors stay
// usable when their limit falls to nothing: from then on none is opened, by
// whatever call.
//
// Memory is bounded twice. RLIMIT_DATA counts what may be written, but the kernel
// does not look at it when memory replaces a reservation, as Go's runtime has it
// do: one large allocation passes. RLIMIT_AS is looked at then, but counts
// reservations: it is set that much above what the process has reserved by now.
func limitResources(c *Config, size uint64) (string, error) {
	limits := []limit{
		{"files", unix.RLIMIT_NOFILE, 0},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"core", unix.RLIMIT_CORE, 0},
		{"locked memory", unix.RLIMIT_MEMLOCK, 0},
		{"message queues", unix.RLIMIT_MSGQUEUE, 0},
		{"real-time priority", unix.RLIMIT_RTPRIO, 0},
	}
	say := []string{"no file, core, locked memory"}
	add := func(name string, resource int, value uint64) {
		limits = append(limits, limit{name, resource, value})
		say = append(say, fmt.Sprintf("%s %d", name, value))
	}
	if c.Memory > 0 && !measured {
		add("data", unix.RLIMIT_DATA, uint64(c.Memory))
		if size > 0 {
			add("addresses", unix.RLIMIT_AS, size+uint64(c.Memory)+reserve)
		}
	}
	if c.CPU > 0 {
		add("cpu", unix.RLIMIT_CPU, uint64((c.CPU+999_999_999)/1_000_000_000))
	}
	if os.Getpid() == 1 {
		threads := c.Threads
		if threads == 0 {
			threads = defaultThreads
		}
		add("threads", unix.RLIMIT_NPROC, uint64(threads))
	}
	for _, l := range limits {
		if err := unix.Prlimit(0, l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}, nil); err != nil {
			return "", fmt.Errorf("limit of %s: %w", l.name, err)
		}
	}
	return strings.Join(say, ", "), nil
}
