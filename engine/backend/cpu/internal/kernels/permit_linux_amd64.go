package kernels

import "syscall"

// permitTiles asks Linux to save tile data for this process; without it the
// first tile instruction is an error (Documentation/arch/x86/xstate.rst).
func permitTiles() bool {
	const (
		reqXcompPerm = 0x1023
		tileData     = 18
	)
	_, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, reqXcompPerm, tileData, 0)
	return errno == 0
}
