package confine

import "golang.org/x/sys/unix"

const (
	filterable = true
	auditArch  = unix.AUDIT_ARCH_X86_64
)

// archRules are the calls that other architectures do without.
func archRules() []rule {
	return []rule{
		{call: unix.SYS_EPOLL_WAIT, then: permit},
		{call: unix.SYS_OPEN, then: refuse(unix.EPERM)},
		{call: unix.SYS_READLINK, then: refuse(unix.EPERM)},
		{call: unix.SYS_ACCESS, then: refuse(unix.EPERM)},
	}
}
