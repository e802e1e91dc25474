package cpu

import (
	"math"
	"syscall"
	"unsafe"
)

// memoryStatus is MEMORYSTATUSEX of the Windows API.
type memoryStatus struct {
	length, load                             uint32
	totalPhysical, availablePhysical         uint64
	totalCommit, availableCommit             uint64
	totalVirtual, availableVirtual, extended uint64
}

// systemLeft is the memory that Windows has left and would commit to a process.
func systemLeft() int64 {
	var s memoryStatus
	s.length = uint32(unsafe.Sizeof(s))
	status := syscall.NewLazyDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if ok, _, _ := status.Call(uintptr(unsafe.Pointer(&s))); ok == 0 {
		return math.MaxInt64
	}
	return int64(min(s.availablePhysical, s.availableCommit, math.MaxInt64))
}
