package confine

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Probe says what a child of this process would be held by, as far as can be
// found out without starting one.
func Probe() Report {
	p, err := Prepare(Config{})
	if err != nil {
		return Report{{Layer: Namespaces, Detail: err.Error()}}
	}
	identity := Outcome{Layer: Identity, InForce: true}
	if err := identityUsable(p); err != nil {
		identity.InForce, identity.Detail = false, err.Error()
	}
	r := Report{p.namespaces, identity, {Layer: NoNewPrivs, InForce: true}, {Layer: Undumpable, InForce: true}}
	land := Outcome{Layer: Landlock, InForce: true}
	if v, err := landlockUsable(); err != nil {
		land.InForce, land.Detail = false, err.Error()
	} else {
		land.Detail = fmt.Sprintf("version %d", v)
	}
	r = append(r, land, Outcome{Layer: Rlimits, InForce: true})
	return append(r, probeSeccomp())
}

func probeSeccomp() Outcome {
	o := Outcome{Layer: Seccomp}
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS)
	if !filterable {
		o.Detail = "no list of system calls for " + runtime.GOARCH
		return o
	}
	if _, errno := seccomp(unix.SECCOMP_GET_ACTION_AVAIL, 0, unsafe.Pointer(&action)); errno != 0 {
		o.Detail = fmt.Sprintf("the kernel has no filters that end a process: %v", errno)
		return o
	}
	o.InForce = true
	return o
}
