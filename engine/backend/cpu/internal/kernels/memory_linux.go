package kernels

import "syscall"

// mapMemory asks for huge pages where the system gives them on request: a
// stream over weights otherwise walks the page table every 4 KiB.
func mapMemory(size int) ([]byte, error) {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	const madvHugepage = 14
	// Kernels without transparent huge pages refuse; the memory is as good.
	_ = syscall.Madvise(b, madvHugepage)
	return b, nil
}

func unmapMemory(b []byte) error { return syscall.Munmap(b) }
