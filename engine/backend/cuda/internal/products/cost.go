package products

import (
	"math"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// tiles are those of product_mma that are chosen from. They differ in how many
// blocks a product becomes and in how often a byte of shared memory is used.
var tiles = [...]kernels.TiledProduct{
	{T: 16, N: 32, K: 128, Stages: 6, WarpsT: 1, WarpsN: 2, BlocksPerSM: 3},
	{T: 32, N: 32, K: 128, Stages: 6, WarpsT: 1, WarpsN: 2, BlocksPerSM: 2},
	{T: 64, N: 64, K: 64, Stages: 4, WarpsT: 2, WarpsN: 2, BlocksPerSM: 3},
	{T: 128, N: 128, K: 64, Stages: 3, WarpsT: 2, WarpsN: 2, BlocksPerSM: 2},
	{T: 128, N: 256, K: 64, Stages: 4, WarpsT: 2, WarpsN: 4, BlocksPerSM: 1},
}

// What a multiprocessor of an H200 does in a clock at 1.755 GHz: 4.3 TB/s of
// memory and 5.7 TB/s of the second cache over 132 of them, shared memory by its
// width, and mma.sync at 62 % of the 2048 products of wgmma. The order of tiles
// hardly depends on the chip.
const (
	memoryBytes = 18.6
	cacheBytes  = 24.6
	sharedBytes = 128
	products    = 0.62 * 2048
	// latencyBytes keep the memory busy: what it brings in 700 ns.
	latencyBytes = 700 * 1.755 * memoryBytes
	// chain is the clocks from one mma.sync to the next that adds to its sums.
	chain = 40
)

// cheapest is the tile that is predicted to be the quickest for so many tokens
// of a shape, among those whose stages fit into a block's shared memory.
func cheapest(d driver.Device, s Shape, tokens int) kernels.TiledProduct {
	best, least := tiles[0], math.Inf(1)
	for _, k := range tiles {
		if k.Shared() > d.SharedOptin {
			continue
		}
		if c := clocks(k, max(d.SMs, 1), s, tokens); c < least {
			best, least = k, c
		}
	}
	return best
}

// clocks predicts the time of a tiled product: the longest of streaming the
// operands, of computing, and of waiting for one sum after another.
func clocks(k kernels.TiledProduct, sms int, s Shape, tokens int) float64 {
	ceil := func(n, unit int) float64 { return float64((n + unit - 1) / unit) }
	blocks := ceil(tokens, k.T) * ceil(s.N, k.N)
	steps := ceil(s.K, 16)
	chip := float64(sms)

	// Blocks that run at once have their stages under way, less the one in use.
	running := min(blocks, chip*float64(k.BlocksPerSM))
	underWay := running * float64(k.Shared()) * float64(k.Stages-1) / float64(k.Stages)
	memory := 2 * float64(s.N) * float64(s.K) / (memoryBytes * chip * min(1, underWay/(latencyBytes*chip)))
	rows := min(float64(k.T), float64(tokens)) + float64(k.N)
	cache := blocks * rows * float64(s.K) * 2 / (cacheBytes * chip)

	// A step of 16 inputs: warps read their operands, copies write them.
	warps := float64(k.WarpsT * k.WarpsN)
	perWarp := float64(k.T/k.WarpsT + k.N/k.WarpsN)
	shared := 32 * (warps*perWarp + float64(k.T+k.N)) / sharedBytes
	multiply := float64(k.T*k.N*16) / products
	waves := math.Ceil(blocks / chip)
	compute := waves * steps * max(shared, multiply)

	turns := math.Ceil(blocks / (chip * float64(k.BlocksPerSM)))
	return max(memory, cache, compute, turns*steps*chain)
}
