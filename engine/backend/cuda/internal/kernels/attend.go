package kernels

import (
	"cmp"
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
)

// AttendSizes are sizes of the attention kernels that change how fast they are,
// and of attend_decode the order in which sums are taken. Those that are 0 are as
// the engine has them.
type AttendSizes struct {
	DecodeWarps  int // of a block of attend_decode
	DecodeStages int // runs of 16 positions in a warp's ring
	DecodeBlocks int // on a multiprocessor at once, which bounds the registers

	PrefillWarps  int // of a block of attend_prefill
	PrefillTiles  int // of 16 rows for a warp
	PrefillStages int // tiles of 64 positions in the ring
	PrefillBlocks int
}

const (
	decodeRun = 16 // positions that a warp of attend_decode reads at once
	keyTile   = 64 // positions that attend_prefill reads at once
	mostGroup = 8  // query heads of a head of keys and values
	warpSize  = 32
)

func (s Spec) attendSizes() AttendSizes {
	a := s.Attend
	return AttendSizes{
		DecodeWarps: cmp.Or(a.DecodeWarps, 4), DecodeStages: cmp.Or(a.DecodeStages, 3), DecodeBlocks: cmp.Or(a.DecodeBlocks, 2),
		PrefillWarps: cmp.Or(a.PrefillWarps, 4), PrefillTiles: cmp.Or(a.PrefillTiles, 2),
		PrefillStages: cmp.Or(a.PrefillStages, 2), PrefillBlocks: cmp.Or(a.PrefillBlocks, 2),
	}
}

// QueryTile is how many queries of a row are a prefill item: they and the heads of
// a group are the rows of a tile.
func (s Spec) QueryTile() int { return s.prefillRows() / s.group() }

func (s Spec) group() int { return s.Model.Heads / s.Model.KVHeads }

func (s Spec) prefillRows() int {
	a := s.attendSizes()
	return 16 * a.PrefillTiles * a.PrefillWarps
}

// decodeStep is how many positions a block of attend_decode reads at once.
func (s Spec) decodeStep() int { return decodeRun * s.attendSizes().DecodeWarps }

// validateAttention says which field no attention kernel can be made for.
func (s Spec) validateAttention() error {
	a := s.attendSizes()
	copied := a.PrefillWarps * warpSize * 8 / s.Model.HeadDim // positions that a block of attend_prefill copies at once
	switch {
	case s.group() > mostGroup:
		return fmt.Errorf("model %s: %d query heads share a head of keys and values: the CUDA kernels have at most %d", s.Model.Name, s.group(), mostGroup)
	case s.BlockTokens%decodeRun != 0 || keyTile%s.BlockTokens != 0 && s.BlockTokens%keyTile != 0:
		return fmt.Errorf("blocks of %d positions: the CUDA kernels have 16, 32 and multiples of 64", s.BlockTokens)
	case s.SplitTokens%s.decodeStep() != 0 || s.SplitTokens%s.BlockTokens != 0:
		return fmt.Errorf("splits of %d positions: the CUDA kernels have multiples of %d and of the block's %d", s.SplitTokens, s.decodeStep(), s.BlockTokens)
	case copied%8 != 0 || copied == 0 || keyTile%copied != 0:
		return fmt.Errorf("%d warps for attend_prefill: with heads of %d they copy %d positions at once, which do not divide %d", a.PrefillWarps, s.Model.HeadDim, copied, keyTile)
	case a.DecodeStages < 2 || a.PrefillStages < 2:
		return fmt.Errorf("rings of %d and %d stages for attention: one is copied while another is used", a.DecodeStages, a.PrefillStages)
	}
	return nil
}

// decodeEntry has the shared memory of attend_decode: the warps' rings of keys and
// values, and their shares of a split's sums.
func (s Spec) decodeEntry() entry {
	a := s.attendSizes()
	ring := a.DecodeStages * 2 * decodeRun * s.Model.HeadDim * 2
	return entry{
		name: "attend_decode", threads: a.DecodeWarps * warpSize, strides: true,
		shared: a.DecodeWarps * (ring + s.group()*(s.Model.HeadDim+4+2)*4),
		macros: []string{fmt.Sprintf("DECODE_STAGES=%d", a.DecodeStages), fmt.Sprintf("DECODE_BLOCKS=%d", a.DecodeBlocks)},
	}
}

// prefillEntry has the shared memory of attend_prefill: queries, and the ring of
// keys and values.
func (s Spec) prefillEntry() entry {
	a := s.attendSizes()
	return entry{
		name: "attend_prefill", threads: a.PrefillWarps * warpSize,
		shared: (s.prefillRows() + a.PrefillStages*2*keyTile) * s.Model.HeadDim * 2,
		macros: []string{fmt.Sprintf("PREFILL_TILES=%d", a.PrefillTiles), fmt.Sprintf("PREFILL_STAGES=%d", a.PrefillStages), fmt.Sprintf("PREFILL_BLOCKS=%d", a.PrefillBlocks)},
	}
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
