package confine

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filterSystemCalls installs the filter on every thread at once, and
// no_new_privs with it.
func filterSystemCalls(c *Config) (string, error) {
	if !filterable {
		return "", fmt.Errorf("no list of system calls for %s", runtime.GOARCH)
	}
	rules := append(callRules(c, uint32(os.Getpid())), archRules()...)
	program, err := assembleFilter(rules)
	if err != nil {
		return "", err
	}
	if _, err := refusePrivileges(nil); err != nil { // the kernel wants it first
		return "", err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	tid, errno := seccomp(unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, unsafe.Pointer(&prog))
	switch {
	case errno != 0:
		return "", fmt.Errorf("seccomp: %w", errno)
	case tid != 0:
		return "", fmt.Errorf("seccomp: thread %d has a filter of its own", tid)
	}
	left := 0
	for _, r := range rules {
		if r.then == permit {
			left++
		}
	}
	return fmt.Sprintf("%d system calls left", left), nil
}

func seccomp(operation, flags uintptr, data unsafe.Pointer) (result uintptr, errno syscall.Errno) {
	result, _, errno = unix.Syscall(unix.SYS_SECCOMP, operation, flags, uintptr(data))
	return result, errno
}
