package confine

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// giveUpIdentity becomes nobody where the process is root, which takes every
// capability from all threads; a process of another user has none to begin
// with, unless someone gave it some.
func giveUpIdentity(*Config) (string, error) {
	if os.Geteuid() == 0 {
		if err := becomeNobody(); err != nil {
			return "", err
		}
	}
	if err := withoutCapabilities(); err != nil {
		return "", err
	}
	return fmt.Sprintf("user %d, no capabilities", os.Geteuid()), nil
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

// refusePrivileges is for the calling thread; the filter of Seccomp takes it to
// all others. Where there is no filter it cannot be for all, and says so.
func refusePrivileges(c *Config) (string, error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return "", fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS): %w", err)
	}
	if !c.wants(Seccomp) {
		return "on one thread", nil
	}
	return "", nil
}

func becomeUndumpable(*Config) (string, error) {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return "", fmt.Errorf("prctl(PR_SET_DUMPABLE): %w", err)
	}
	return "", nil
}
