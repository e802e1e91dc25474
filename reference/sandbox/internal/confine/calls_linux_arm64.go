package confine

import "golang.org/x/sys/unix"

const (
	filterable = true
	auditArch  = unix.AUDIT_ARCH_AARCH64
)

// archRules are the calls that other architectures do without: none here.
func archRules() []rule { return nil }
