package confine

import "golang.org/x/sys/unix"

const allBits = 1<<32 - 1

// callRules are the calls of Go's runtime, of glibc's where the build has cgo,
// and of a compiler, on every architecture. pid is this process.
//
// What is left to a program that has broken out of WebAssembly: to read and write
// the descriptors that are open, to take and give back private memory, to start
// threads, to wait, to look at clocks and at its own signals, and to end.
// Whatever no rule names ends the process: nothing that keeps to WebAssembly gets
// there, so a program that does has broken out, and gets no second attempt.
// The calls that are refused instead are those that a library or Go's runtime
// makes by itself and can do without.
func callRules(c *Config, pid uint32) []rule {
	rules := append(plain(), threads(pid)...)
	return append(rules, memory(c)...)
}

func plain() (rules []rule) {
	for _, call := range []uintptr{
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_CLOSE,
		unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT,
		unix.SYS_MUNMAP, unix.SYS_BRK,
		unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_RESTART_SYSCALL,
		unix.SYS_SIGALTSTACK, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN,
		unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
		unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETRUSAGE, unix.SYS_GETRANDOM,
		unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	} {
		rules = append(rules, rule{call: call, then: permit})
	}
	for _, call := range []uintptr{
		unix.SYS_OPENAT, unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FSTAT, unix.SYS_PRLIMIT64, unix.SYS_UNAME,
	} {
		rules = append(rules, rule{call: call, then: refuse(unix.EPERM)})
	}
	// Go names its memory areas with prctl until it is told that this is unknown;
	// os.NewFile asks for a descriptor's flags.
	return append(rules,
		rule{call: unix.SYS_PRCTL, then: refuse(unix.EINVAL)},
		rule{call: unix.SYS_FCNTL, when: []test{{arg: 1, mask: allBits, values: []uint32{unix.F_GETFD, unix.F_GETFL}}},
			then: permit, otherwise: refuse(unix.EPERM)})
}

// threadFlags is all that a new thread of Go or of glibc is; namespaces, a
// tracer or a process of its own are not among them.
const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD |
	unix.CLONE_SYSVSEM | unix.CLONE_SETTLS | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_SETTID |
	unix.CLONE_CHILD_CLEARTID | unix.CLONE_DETACHED

// threads lets the process start threads, signal them and wait for them. The
// arguments of clone3 lie in memory, where a filter cannot see them: glibc falls
// back to clone. Of futex the operations of plain waiting are left: those that
// hand priorities on have had bugs of their own.
func threads(pid uint32) []rule {
	return []rule{
		{call: unix.SYS_FUTEX, when: []test{{arg: 1, mask: ^uint32(futexFlags), values: []uint32{0, 1, 9, 10}}}, then: permit, otherwise: end},
		{call: unix.SYS_CLONE3, then: refuse(unix.ENOSYS)},
		{call: unix.SYS_CLONE, when: []test{
			{arg: 0, mask: ^uint32(threadFlags), values: []uint32{0}},
			{arg: 0, mask: unix.CLONE_THREAD, values: []uint32{unix.CLONE_THREAD}},
		}, then: permit, otherwise: end},
		{call: unix.SYS_TGKILL, when: []test{{arg: 0, mask: allBits, values: []uint32{pid}}}, then: permit, otherwise: end},
	}
}

// futexFlags may come with an operation: private, and the clock.
// FUTEX_WAIT, WAKE, WAIT_BITSET and WAKE_BITSET are 0, 1, 9 and 10.
const futexFlags = 128 | 256

// memory lets the process have private memory that no file is behind. No new
// memory is executable; what is there becomes so only where the child compiles,
// and loses the right to be written with the same call.
func memory(c *Config) []rule {
	code := test{arg: 2, mask: unix.PROT_EXEC, values: []uint32{0}}
	if c.MakesCode {
		const both = unix.PROT_WRITE | unix.PROT_EXEC
		code = test{arg: 2, mask: both, values: []uint32{both}, not: true}
	}
	return []rule{
		{call: unix.SYS_MMAP, when: []test{
			{arg: 2, mask: unix.PROT_EXEC, values: []uint32{0}},
			{arg: 3, mask: unix.MAP_ANONYMOUS, values: []uint32{unix.MAP_ANONYMOUS}},
		}, then: permit, otherwise: end},
		{call: unix.SYS_MPROTECT, when: []test{code}, then: permit, otherwise: end},
		{call: unix.SYS_MADVISE, when: []test{{arg: 2, mask: allBits, values: []uint32{
			unix.MADV_DONTNEED, unix.MADV_FREE, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE, unix.MADV_COLLAPSE,
		}}}, then: permit, otherwise: refuse(unix.EINVAL)},
	}
}
