package fake

import "syscall"

// thread is the calling thread.
func thread() int { return syscall.Gettid() }
