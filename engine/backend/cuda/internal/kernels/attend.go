package kernels

import (
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Sizes of the attention kernels, which have the same as macros or constants; a
// unit that is compiled with others than the entries' needs other figures here.
const (
	attendThreads = 128
	decodeRun     = 16                             // positions that a warp of attend_decode reads at once
	decodeStep    = decodeRun * attendThreads / 32 // that a block does
	decodeStages  = 3                              // runs in a warp's ring
	prefillTiles  = 2                              // of 16 rows for a warp of attend_prefill
	prefillRows   = 16 * prefillTiles * attendThreads / 32
	prefillStages = 2
	keyTile       = 64 // positions that attend_prefill reads at once
	mostGroup     = 8  // query heads of a head of keys and values
)

// QueryTile is how many queries of a row are a prefill item: they and the heads of
// a group are the rows of a tile.
func (s Spec) QueryTile() int { return prefillRows / s.group() }

func (s Spec) group() int { return s.Model.Heads / s.Model.KVHeads }

// validateAttention says which field no attention kernel can be made for.
func (s Spec) validateAttention() error {
	switch {
	case s.group() > mostGroup:
		return fmt.Errorf("model %s: %d query heads share a head of keys and values: the CUDA kernels have at most %d", s.Model.Name, s.group(), mostGroup)
	case s.BlockTokens%decodeRun != 0 || keyTile%s.BlockTokens != 0 && s.BlockTokens%keyTile != 0:
		return fmt.Errorf("blocks of %d positions: the CUDA kernels have 16, 32 and multiples of 64", s.BlockTokens)
	case s.SplitTokens%decodeStep != 0 || s.SplitTokens%s.BlockTokens != 0:
		return fmt.Errorf("splits of %d positions: the CUDA kernels have multiples of %d and of the block's %d", s.SplitTokens, decodeStep, s.BlockTokens)
	}
	return nil
}

// decodeShared is attend_decode's shared memory: the warps' rings of keys and
// values, and their shares of a split's sums.
func (s Spec) decodeShared() int {
	warps := attendThreads / 32
	ring := decodeStages * 2 * decodeRun * s.Model.HeadDim * 2
	return warps * (ring + s.group()*(s.Model.HeadDim+8+2)*4)
}

// prefillShared is attend_prefill's: queries, and the ring of keys and values.
func (s Spec) prefillShared() int {
	return (prefillRows + prefillStages*2*keyTile) * s.Model.HeadDim * 2
}

// AttendDecode computes the sums of at most that many decode items. Its blocks
// take items in turn, so that the grid is what the device holds at once.
func (s *Set) AttendDecode(st driver.Stream, p *AttendParams, items int) error {
	grid := min(items*s.spec.Model.KVHeads, s.resident[kAttendDecode])
	return s.launch(st, kAttendDecode, [3]int{grid, 1, 1}, s.entries[kAttendDecode].shared, Bytes(p))
}

// AttendCombine joins the sums of at most that many rows. It follows AttendDecode.
func (s *Set) AttendCombine(st driver.Stream, p *AttendParams, rows int) error {
	heads := ceilDiv(s.spec.Model.Heads, s.entries[kAttendCombine].threads/32)
	return s.launch(st, kAttendCombine, [3]int{heads, rows, 1}, 0, Bytes(p))
}

// AttendPrefill computes the attention of at most that many prefill items. Each
// has its own blocks, which the device starts in the items' order.
func (s *Set) AttendPrefill(st driver.Stream, p *AttendParams, items int) error {
	return s.launch(st, kAttendPrefill, [3]int{items * s.spec.Model.KVHeads, 1, 1}, s.entries[kAttendPrefill].shared, Bytes(p))
}
