package backend

import (
	"fmt"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
)

// Slots is what a backend keeps on the host for each slot: the block table of
// the sequence that has it, and the token chosen last.
type Slots struct {
	blockTokens int
	most        int // entries of the longest table
	slots       []slot
	steps       uint64
}

type slot struct {
	table []kv.Block
	last  int32  // chosen last; negative: none
	step  uint64 // the latest Apply with a row of this slot
}

// NewSlots has room for tables of the longest context.
func NewSlots(c *Caps) *Slots {
	s := &Slots{blockTokens: c.BlockTokens, most: (c.Context + c.BlockTokens - 1) / c.BlockTokens, slots: make([]slot, c.Slots)}
	for i := range s.slots {
		s.slots[i] = slot{table: make([]kv.Block, 0, s.most), last: -1}
	}
	return s
}

// Apply takes in the tables of a plan whose step Check has let pass. It is
// called in the order in which plans run.
func (s *Slots) Apply(p *sched.Plan) error {
	s.steps++
	for i := range p.Rows {
		r := &p.Rows[i]
		if err := s.row(r); err != nil {
			return fmt.Errorf("backend: plan %d, row %d, slot %d: %w", p.ID, i, r.Slot, err)
		}
	}
	return nil
}

func (s *Slots) row(r *sched.Row) error {
	t := &s.slots[r.Slot]
	if t.step == s.steps {
		return fmt.Errorf("the slot has a row already")
	}
	t.step = s.steps
	first, blocks := int(r.FirstBlock), int(r.FirstBlock)+len(r.NewBlocks)
	switch {
	case first < 0 || first > len(t.table):
		return fmt.Errorf("blocks from %d on are named, but the table has %d", first, len(t.table))
	case blocks > s.most:
		return fmt.Errorf("%d blocks, want at most %d", blocks, s.most)
	case int(r.Start)+int(r.N) > blocks*s.blockTokens:
		return fmt.Errorf("%d tokens in %d blocks of %d", r.Start+r.N, blocks, s.blockTokens)
	case r.FromDevice && t.last < 0:
		return fmt.Errorf("the last token is to come from the device, which has chosen none")
	}
	t.table = append(t.table[:first], r.NewBlocks...)
	return nil
}

// Table is the slot's block table.
func (s *Slots) Table(slot int32) []kv.Block { return s.slots[slot].table }

// Last is the token chosen last for the slot.
func (s *Slots) Last(slot int32) int32 { return s.slots[slot].last }

// Choose notes the token chosen for the slot.
func (s *Slots) Choose(slot, token int32) { s.slots[slot].last = token }
