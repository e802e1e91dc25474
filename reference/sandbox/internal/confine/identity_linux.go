package confine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// giveUpIdentity becomes nobody where the process is root, which takes every
// capability from all threads; a process of another user has none to begin
// with, unless someone gave it some.
func giveUpIdentity(*Config) (string, error) {
	var err error
	switch {
	case os.Geteuid() != 0:
	case nobodyMapped():
		err = becomeNobody()
	default:
		err = dropCapabilities()
	}
	if err == nil {
		err = withoutCapabilities()
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("user %d, no capabilities", os.Geteuid()), nil
}

// nobodyMapped says whether nobody is a user of this process's namespace.
func nobodyMapped() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return true // the attempt will tell
	}
	for line := range strings.Lines(string(text)) {
		var first, outside, n int64
		if _, err := fmt.Sscan(line, &first, &outside, &n); err == nil && first <= nobody && nobody < first+n {
			return true
		}
	}
	return false
}

// dropCapabilities is for root of a namespace without another user.
func dropCapabilities() error {
	if err := onAllThreadsOrNot(rootAlone); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
	if errno != 0 {
		return fmt.Errorf("capset: %w", errno)
	}
	return nil
}

// becomeNobody changes group before user, while it still may. The kernel forgets
// on a change of user that the process is to die with its parent.
func becomeNobody() error {
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("setresgid: %w", err)
	}
	if err := syscall.Setresuid(nobody, nobody, nobody); err != nil {
		return fmt.Errorf("setresuid: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_PDEATHSIG): %w", err)
	}
	return nil
}

func withoutCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	if data != ([2]unix.CapUserData{}) {
		return errors.New("the process keeps capabilities that it was given")
	}
	return nil
}

// rootAlone is why capabilities then have to be taken from each thread.
const rootAlone = "the process is root of a namespace without another user, and capabilities are each thread's own"

// identityUsable says whether Apply will find a way.
func identityUsable(p *Plan) error {
	if p.namespaces.InForce || os.Geteuid() != 0 || nobodyMapped() {
		return nil
	}
	return onAllThreadsOrNot(rootAlone)
}

// onAllThreadsOrNot is nil where a system call can be made by all threads.
func onAllThreadsOrNot(need string) error {
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0); errno == unix.ENOTSUP {
		return fmt.Errorf("%s; a build with cgo cannot reach all of its threads (CGO_ENABLED=0 can)", need)
	}
	return nil
}

// refusePrivileges is for the calling thread, and those that it starts; the
// filter of Seccomp takes it to all others.
func refusePrivileges(*Config) (string, error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return "", fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS): %w", err)
	}
	return "", nil
}

func becomeUndumpable(*Config) (string, error) {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return "", fmt.Errorf("prctl(PR_SET_DUMPABLE): %w", err)
	}
	return "", nil
}
