package confine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// target is what an attempt is directed at, as the parent has prepared it.
type target struct {
	Dir     string // anyone may write there; holds a file
	Address string // of a listener on the loopback device
	Parent  int
}

func (t *target) file() string { return filepath.Join(t.Dir, "file") }

// attempt is a thing that a program which has taken over its child may try. It
// returns nil where it got through. Each layer of by prevents it alone.
type attempt struct {
	name string
	by   []Layer
	try  func(*target) error
}

func attempts() []attempt {
	return append(append(attemptsOnFiles(), attemptsOnProcesses()...), attemptsOnTheKernel()...)
}

func attemptsOnFiles() []attempt {
	return []attempt{
		{"read a file", []Layer{Landlock, Rlimits, Seccomp}, func(t *target) error {
			_, err := os.ReadFile(t.file())
			return err
		}},
		{"write a file", []Layer{Landlock, Rlimits, Seccomp}, func(t *target) error {
			return os.WriteFile(filepath.Join(t.Dir, "new"), []byte("x"), 0o600)
		}},
		{"list a folder", []Layer{Landlock, Rlimits, Seccomp}, func(t *target) error {
			_, err := os.ReadDir(t.Dir)
			return err
		}},
		{"remove a file", []Layer{Landlock, Seccomp}, func(t *target) error {
			return unix.Unlink(filepath.Join(t.Dir, "spare"))
		}},
		{"read the parent's environment", []Layer{Landlock, Rlimits, Seccomp}, func(t *target) error {
			_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", t.Parent))
			return err
		}},
		{"copy a descriptor", []Layer{Rlimits, Seccomp}, func(*target) error {
			_, err := unix.Dup(1)
			return err
		}},
		{"a file in memory", []Layer{Rlimits, Seccomp}, func(*target) error {
			_, err := unix.MemfdCreate("x", 0)
			return err
		}},
		{"a socket", []Layer{Rlimits, Seccomp}, func(*target) error {
			_, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
			return err
		}},
		{"connect to the loopback device", []Layer{Namespaces, Landlock, Rlimits, Seccomp}, func(t *target) error {
			c, err := net.DialTimeout("tcp", t.Address, time.Second)
			if err == nil {
				c.Close()
			}
			return err
		}},
	}
}

func attemptsOnProcesses() []attempt {
	return []attempt{
		{"execute a program", []Layer{Landlock, Rlimits, Seccomp}, func(*target) error {
			return exec.Command("/bin/true").Run()
		}},
		{"fork", []Layer{Seccomp}, func(*target) error {
			pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
			if errno != 0 {
				return errno
			}
			if pid == 0 {
				syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
			}
			return nil
		}},
		{"signal the parent", []Layer{Namespaces, Seccomp}, func(t *target) error {
			return unix.Kill(t.Parent, 0)
		}},
		{"trace the parent", []Layer{Namespaces, Landlock, Seccomp}, func(t *target) error {
			return numbered(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(t.Parent))
		}},
		{"read the parent's memory", []Layer{Namespaces, Landlock, Seccomp}, func(t *target) error {
			b := make([]byte, 1)
			_, err := unix.ProcessVMReadv(t.Parent, []unix.Iovec{{Base: &b[0], Len: 1}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&os.Args)), Len: 1}}, 0)
			return err
		}},
		{"become root", []Layer{Identity, Seccomp}, func(*target) error {
			if err := syscall.Setresuid(0, 0, 0); err != nil {
				return err
			}
			if withoutCapabilities() == nil {
				return errors.New("root without capabilities")
			}
			return nil
		}},
		{"mount a file system", []Layer{Identity, Seccomp}, func(*target) error {
			runtime.LockOSThread()
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			return unix.Mount("none", "/proc", "tmpfs", 0, "")
		}},
	}
}

func attemptsOnTheKernel() []attempt {
	return []attempt{
		{"bpf", []Layer{Rlimits, Seccomp}, func(*target) error {
			array := [4]uint32{2, 4, 4, 1} // type, key size, value size, entries
			return numbered(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&array)), unsafe.Sizeof(array))
		}},
		{"io_uring", []Layer{Rlimits, Seccomp}, func(*target) error {
			var params [30]uint32
			return numbered(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)))
		}},
		{"userfaultfd", []Layer{Rlimits, Seccomp}, func(*target) error {
			return numbered(unix.SYS_USERFAULTFD, 1)
		}},
		{"perf events", []Layer{Rlimits, Seccomp}, func(*target) error {
			a := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Config: unix.PERF_COUNT_SW_CPU_CLOCK}
			_, err := unix.PerfEventOpen(&a, 0, -1, -1, 0)
			return err
		}},
		{"keys", []Layer{Seccomp}, func(*target) error {
			_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_PROCESS_KEYRING, true)
			return err
		}},
		{"memory to write and execute", []Layer{Seccomp}, func(*target) error {
			_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
			return err
		}},
		{"memory that becomes code", []Layer{Seccomp}, func(*target) error {
			b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
			if err != nil {
				return err
			}
			return unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC)
		}},
		{"a lock that hands priority on", []Layer{Seccomp}, func(*target) error {
			var word uint32
			const lockPI = 6
			return numbered(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&word)), lockPI)
		}},
		{"what the kernel is called", []Layer{Seccomp}, func(*target) error {
			return unix.Uname(new(unix.Utsname))
		}},
		{"a core of the process", []Layer{Undumpable, Seccomp}, func(*target) error {
			if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable == 0 {
				return fmt.Errorf("dumpable %d, %v", dumpable, err)
			}
			return nil
		}},
		{"new privileges", []Layer{NoNewPrivs, Seccomp}, func(*target) error {
			if refused, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || refused == 1 {
				return fmt.Errorf("refused %d, %v", refused, err)
			}
			return nil
		}},
	}
}

func numbered(call uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := syscall.Syscall6(call, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func names(list []Layer) string {
	var b []string
	for _, l := range list {
		b = append(b, string(l))
	}
	return strings.Join(b, "+")
}
