package kernels

import "unsafe"

//go:noescape
func peakTilesAMX(config *tileConfig, n uint64)

//go:noescape
func peakF32AVX512(n uint64)

//go:noescape
func peakDotAVX512(n uint64)

//go:noescape
func readAVX512(p unsafe.Pointer, kib uint64)

// Operations of one round of the loops that gen writes.
const (
	peakF32Round   = 16 * 16 * 2      // instructions, lanes
	peakDotRound   = 16 * 16 * 4      // instructions, lanes of two products
	peakTilesRound = 4 * 16 * 16 * 64 // instructions, sums of 32 products
)

func readVector(b []byte) { readAVX512(unsafe.Pointer(&b[0]), uint64(len(b)/1024)) }

func peakF32(rounds int) { peakF32AVX512(uint64(rounds)) }

func peakDot(rounds int) { peakDotAVX512(uint64(rounds)) }

func peakTiles(rounds int) {
	var c tileConfig
	c.shape(16)
	peakTilesAMX(&c, uint64(rounds))
}
