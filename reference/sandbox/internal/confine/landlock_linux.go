package confine

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Versions of Landlock's interface in which rights came in, by the kernel's
// Documentation/userspace-api/landlock.rst.
const (
	landlockRefer    = 2
	landlockTruncate = 3
	landlockNet      = 4
	landlockIoctl    = 5
	landlockSockets  = 6
	landlockSignals  = 7 // came with 6, but until 7 cut a process's own threads off from each other
	landlockTSync    = 8
)

// landlockVersion is 0 where the kernel has none, or has it switched off.
func landlockVersion() (int, error) {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
		return int(v), nil
	case unix.ENOSYS:
		return 0, fmt.Errorf("the kernel is built without Landlock (Linux 5.13 and newer may have it)")
	case unix.EOPNOTSUPP:
		return 0, fmt.Errorf("the kernel has Landlock switched off (lsm= on its command line)")
	}
	return 0, fmt.Errorf("landlock_create_ruleset: %w", errno)
}

// landlockUsable is the version, where this build can use it on all threads.
func landlockUsable() (int, error) {
	version, err := landlockVersion()
	if err != nil || version >= landlockTSync {
		return version, err
	}
	if err := onAllThreadsOrNot(fmt.Sprintf("version %d of the kernel restricts one thread at a time", version)); err != nil {
		return 0, err
	}
	return version, nil
}

// landlockRights are all that a version of the interface can take away.
func landlockRights(version int) (a unix.LandlockRulesetAttr) {
	a.Handled_access_fs = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
	if version >= landlockRefer {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= landlockTruncate {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= landlockNet {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= landlockIoctl {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= landlockSockets {
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	if version >= landlockSignals {
		a.Scoped |= unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}

// forbidPaths enters a Landlock domain without a single rule: what the kernel's
// version can take away is gone. Before version 8 each thread has to enter
// itself, which only a build without cgo can order.
func forbidPaths(*Config) (string, error) {
	version, err := landlockUsable()
	if err != nil {
		return "", err
	}
	if _, err := refusePrivileges(nil); err != nil { // the kernel wants it first
		return "", err
	}
	rights := landlockRights(version)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rights)), unsafe.Sizeof(rights), 0)
	if errno != 0 {
		return "", fmt.Errorf("landlock_create_ruleset: %w", errno)
	}
	defer unix.Close(int(fd))
	if version >= landlockTSync {
		_, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, unix.LANDLOCK_RESTRICT_SELF_TSYNC, 0)
	} else {
		errno = onAllThreads(fd)
	}
	if errno != 0 {
		return "", fmt.Errorf("landlock_restrict_self: %w", errno)
	}
	return fmt.Sprintf("version %d", version), nil
}

// onAllThreads needs no_new_privs on each thread first.
func onAllThreads(ruleset uintptr) syscall.Errno {
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0)
	return errno
}
