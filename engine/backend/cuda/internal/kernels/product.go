package kernels

import (
	"fmt"
	"slices"

	"tierlab/engine/backend/cuda/internal/driver"
)

// ProductShape is that of a product y[t][n] = sum over k of x[t][k] w[n][k].
type ProductShape struct {
	Name string // "qkv", for the names of units
	N, K int    // outputs and inputs
	F32  bool   // y is f32, else bf16
}

// Validate says what the kernels cannot multiply.
func (s ProductShape) Validate() error {
	if s.N < 1 || s.K < 16 || s.K%16 != 0 {
		return fmt.Errorf("product %s has %d outputs and %d inputs: the CUDA kernels want inputs in multiples of 16", s.Name, s.N, s.K)
	}
	return nil
}

// unit is a unit for the shape. The macros of the model are not among its own.
func (s ProductShape) unit(file, variant, arch string, macros ...string) Unit {
	macros = append(macros, fmt.Sprintf("PRODUCT_N=%d", s.N), fmt.Sprintf("PRODUCT_K=%d", s.K), fmt.Sprintf("PRODUCT_F32=%d", bit(s.F32)))
	slices.Sort(macros)
	return Unit{Name: file + "_" + s.Name + "_" + variant, File: file + ".cu", Macros: macros, Arch: arch}
}

// ProductKernel is a kernel with all its sizes, for any shape.
type ProductKernel interface {
	String() string
	Function() string // its name in the unit
	Unit(s ProductShape, arch string) Unit
	// Shared is the dynamic shared memory of a block in bytes.
	Shared() int
	// Launch is a launch for at most that many tokens. It refers to p.
	Launch(f driver.Function, s ProductShape, tokens int, p *ProductParams) driver.Launch
}

// SmallProduct is product_small: its fields are the macros of the file.
type SmallProduct struct {
	Tokens      int // of a block, a multiple of 8; more are further passes over w
	RowTiles    int // 16 outputs each
	Warps       int
	Slots       int // chunks of 64 inputs under way, for each warp
	BlocksPerSM int // at least, which bounds the registers
}

func (k SmallProduct) String() string {
	return fmt.Sprintf("small t%d r%d w%d s%d b%d", k.Tokens, k.RowTiles, k.Warps, k.Slots, k.BlocksPerSM)
}

// Function is the kernel's name.
func (k SmallProduct) Function() string { return "product_small" }

// Unit is the kernel for a shape.
func (k SmallProduct) Unit(s ProductShape, arch string) Unit {
	return s.unit("product_small", fmt.Sprintf("t%d", k.Tokens), arch,
		fmt.Sprintf("TOKENS_TILE=%d", k.Tokens), fmt.Sprintf("ROW_TILES=%d", k.RowTiles), fmt.Sprintf("WARPS=%d", k.Warps),
		fmt.Sprintf("SLOTS=%d", k.Slots), fmt.Sprintf("BLOCKS_PER_SM=%d", k.BlocksPerSM))
}

// Shared is 0: what it has is static.
func (k SmallProduct) Shared() int { return 0 }

// Launch is a launch for at most that many tokens.
func (k SmallProduct) Launch(f driver.Function, s ProductShape, tokens int, p *ProductParams) driver.Launch {
	return driver.Launch{
		Function: f,
		Grid:     [3]uint32{uint32(ceilDiv(s.N, 16*k.RowTiles)), uint32(ceilDiv(tokens, k.Tokens)), 1},
		Block:    [3]uint32{uint32(32 * k.Warps), 1, 1},
		Params:   Bytes(p),
	}
}

// TiledProduct is product_mma: its fields are the macros of the file.
type TiledProduct struct {
	T, N           int // tokens and outputs of a block
	K              int // inputs of a stage, a multiple of 64
	Stages         int
	WarpsT, WarpsN int // how a block's warps share its tile
	BlocksPerSM    int // at least, which bounds the registers
}

func (k TiledProduct) String() string {
	return fmt.Sprintf("tiled %dx%dx%d s%d w%dx%d b%d", k.T, k.N, k.K, k.Stages, k.WarpsT, k.WarpsN, k.BlocksPerSM)
}

// Function is the kernel's name.
func (k TiledProduct) Function() string { return "product_mma" }

// Unit is the kernel for a shape.
func (k TiledProduct) Unit(s ProductShape, arch string) Unit {
	return s.unit("product_mma", fmt.Sprintf("%dx%d", k.T, k.N), arch,
		fmt.Sprintf("BLOCK_T=%d", k.T), fmt.Sprintf("BLOCK_N=%d", k.N), fmt.Sprintf("BLOCK_K=%d", k.K), fmt.Sprintf("STAGES=%d", k.Stages),
		fmt.Sprintf("WARPS_T=%d", k.WarpsT), fmt.Sprintf("WARPS_N=%d", k.WarpsN), fmt.Sprintf("BLOCKS_PER_SM=%d", k.BlocksPerSM))
}

// Shared is what the stages take.
func (k TiledProduct) Shared() int { return k.Stages * (k.T + k.N) * k.K * 2 }

// Launch is a launch for at most that many tokens.
func (k TiledProduct) Launch(f driver.Function, s ProductShape, tokens int, p *ProductParams) driver.Launch {
	return driver.Launch{
		Function: f,
		Grid:     [3]uint32{uint32(ceilDiv(s.N, k.N) * ceilDiv(tokens, k.T)), 1, 1},
		Block:    [3]uint32{uint32(32 * k.WarpsT * k.WarpsN), 1, 1},
		Shared:   k.Shared(),
		Params:   Bytes(p),
	}
}
