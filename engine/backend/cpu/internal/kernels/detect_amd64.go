package kernels

import "sync"

// cpuid executes CPUID, and xgetbv reads the lower half of XCR0.
func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)
func xgetbv() (lo uint32)

// Detect finds what the chip and the operating system offer. Where there is
// AMX, the first call asks the system for the permission to use it, which holds
// for the whole process.
var Detect = sync.OnceValue(detect)

// detect reads the features from CPUID, and from XCR0 which registers the system
// saves (Intel SDM, volume 1, chapters 13 and 18).
func detect() Features {
	var f Features
	top, _, _, _ := cpuid(0, 0)
	_, _, c1, _ := cpuid(1, 0)
	if top < 7 || c1>>27&1 == 0 {
		return f
	}
	leaves, b7, _, d7 := cpuid(7, 0)
	has := func(reg uint32, bits ...int) bool {
		for _, b := range bits {
			if reg>>b&1 == 0 {
				return false
			}
		}
		return true
	}
	saved := xgetbv()
	f.AVX512 = has(saved, 1, 2, 5, 6, 7) && has(b7, 16, 17, 30, 31)
	if leaves >= 1 {
		a71, _, _, _ := cpuid(7, 1)
		f.AVX512BF16 = f.AVX512 && has(a71, 5)
	}
	f.AMX = f.AVX512BF16 && has(saved, 17, 18) && has(d7, 22, 24) && permitTiles()
	return f
}

// pause tells the chip that a loop waits, so that the other thread of the core
// goes first.
func pause()
