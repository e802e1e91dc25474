package products

import "tierlab/engine/backend/cuda/internal/kernels"

// settings of the kernels that are not in use and worth a trial on a chip: more
// chunks under way against more warps, larger tiles against more blocks.
var (
	smallSettings = []kernels.SmallProduct{
		{Tokens: 8, RowTiles: 1, Warps: 8, Slots: 4, BlocksPerSM: 2},
		{Tokens: 8, RowTiles: 2, Warps: 8, Slots: 2, BlocksPerSM: 2},
		{Tokens: 8, RowTiles: 1, Warps: 4, Slots: 2, BlocksPerSM: 6},
		{Tokens: 8, RowTiles: 1, Warps: 16, Slots: 4, BlocksPerSM: 1},
		{Tokens: 16, RowTiles: 1, Warps: 8, Slots: 3, BlocksPerSM: 2},
		{Tokens: 16, RowTiles: 2, Warps: 8, Slots: 1, BlocksPerSM: 2},
		{Tokens: 32, RowTiles: 1, Warps: 8, Slots: 1, BlocksPerSM: 3},
		{Tokens: 32, RowTiles: 2, Warps: 8, Slots: 2, BlocksPerSM: 1},
	}
	tiledSettings = []kernels.TiledProduct{
		{T: 16, N: 32, K: 128, Stages: 8, WarpsT: 1, WarpsN: 2, BlocksPerSM: 2},
		{T: 16, N: 32, K: 64, Stages: 8, WarpsT: 1, WarpsN: 2, BlocksPerSM: 4},
		{T: 16, N: 64, K: 128, Stages: 5, WarpsT: 1, WarpsN: 4, BlocksPerSM: 2},
		{T: 32, N: 64, K: 128, Stages: 4, WarpsT: 1, WarpsN: 4, BlocksPerSM: 2},
		{T: 64, N: 128, K: 64, Stages: 4, WarpsT: 2, WarpsN: 2, BlocksPerSM: 2},
		{T: 128, N: 128, K: 64, Stages: 6, WarpsT: 2, WarpsN: 2, BlocksPerSM: 1},
		{T: 128, N: 256, K: 64, Stages: 3, WarpsT: 2, WarpsN: 4, BlocksPerSM: 1},
		{T: 256, N: 128, K: 64, Stages: 4, WarpsT: 4, WarpsN: 2, BlocksPerSM: 1},
	}
)

// Settings are the kernels of this project that can be the quickest for so many
// tokens on some chip.
func Settings(tokens int) []kernels.ProductKernel {
	var list []kernels.ProductKernel
	for _, k := range append([]kernels.SmallProduct{smallKernel(8), smallKernel(16), smallKernel(32)}, smallSettings...) {
		if tokens <= k.Tokens && k.Tokens < max(16, 2*tokens) {
			list = append(list, k)
		}
	}
	// A tile of more than four times the tokens is mostly empty, and one of an eighth reads
	// the weights eight times.
	for _, k := range append(tiles[:], tiledSettings...) {
		if k.T <= max(16, 4*tokens) && (8*k.T > tokens || k.T >= 128) {
			list = append(list, k)
		}
	}
	return list
}
