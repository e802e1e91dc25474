package backend

import (
	"errors"
	"fmt"

	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// Check refuses a step that a backend of these sizes cannot run, and says what
// is wrong with it. It looks at the step alone; Slots.Apply does the rest.
func (c *Caps) Check(s *Step) error {
	if s == nil || s.Plan == nil {
		return errors.New("backend: a step without a plan")
	}
	p := s.Plan
	if len(p.Rows) == 0 || len(p.Rows) > c.Slots {
		return fmt.Errorf("backend: plan %d has %d rows, want 1..%d", p.ID, len(p.Rows), c.Slots)
	}
	if len(s.Tokens) > c.Budget {
		return fmt.Errorf("backend: plan %d has %d tokens, want at most %d", p.ID, len(s.Tokens), c.Budget)
	}
	for i := range p.Copies {
		if err := c.checkCopy(p.Copies[i]); err != nil {
			return fmt.Errorf("backend: plan %d, copy %d: %w", p.ID, i, err)
		}
	}
	tokens, picks := 0, 0
	for i := range p.Rows {
		r := &p.Rows[i]
		if err := c.checkRow(r); err != nil {
			return fmt.Errorf("backend: plan %d, row %d: %w", p.ID, i, err)
		}
		n := int(r.N)
		if tokens+n > len(s.Tokens) {
			return fmt.Errorf("backend: plan %d, row %d: %d of the step's %d tokens are left, and the row has %d", p.ID, i, len(s.Tokens)-tokens, len(s.Tokens), n)
		}
		input := s.Tokens[tokens : tokens+n]
		if r.FromDevice {
			input = input[:n-1]
		}
		if err := c.checkTokens(input); err != nil {
			return fmt.Errorf("backend: plan %d, row %d: %w", p.ID, i, err)
		}
		tokens += n
		if r.Sample {
			picks++
		}
	}
	if tokens != len(s.Tokens) || picks != len(s.Picks) {
		return fmt.Errorf("backend: plan %d has %d tokens and %d rows that sample, but the step has %d tokens and %d picks", p.ID, tokens, picks, len(s.Tokens), len(s.Picks))
	}
	for i := range s.Picks {
		if err := c.checkPick(&s.Picks[i]); err != nil {
			return fmt.Errorf("backend: plan %d, pick %d: %w", p.ID, i, err)
		}
	}
	return nil
}

func (c *Caps) checkCopy(k kv.Copy) error {
	switch {
	case !c.holds(k.From) || !c.holds(k.To) || k.From == k.To:
		return fmt.Errorf("from block %d to %d, want two of 0..%d", k.From, k.To, c.Blocks-1)
	case k.Tokens < 1 || int(k.Tokens) > c.BlockTokens:
		return fmt.Errorf("%d tokens, want 1..%d", k.Tokens, c.BlockTokens)
	}
	return nil
}

func (c *Caps) holds(b kv.Block) bool { return b >= 0 && int(b) < c.Blocks }

func (c *Caps) checkRow(r *sched.Row) error {
	switch {
	case r.Slot < 0 || int(r.Slot) >= c.Slots:
		return fmt.Errorf("slot %d, want 0..%d", r.Slot, c.Slots-1)
	case r.Start < 0 || r.N < 1 || int64(r.Start)+int64(r.N) > int64(c.Context):
		return fmt.Errorf("%d tokens from position %d on, want at least one within a context of %d", r.N, r.Start, c.Context)
	}
	for _, b := range r.NewBlocks {
		if !c.holds(b) {
			return fmt.Errorf("block %d, want 0..%d", b, c.Blocks-1)
		}
	}
	return nil
}

func (c *Caps) checkTokens(ids []int32) error {
	for _, id := range ids {
		if id < 0 || int(id) >= c.Vocab {
			return fmt.Errorf("token %d, want 0..%d", id, c.Vocab-1)
		}
	}
	return nil
}

func (c *Caps) checkPick(k *sample.Pick) error {
	switch {
	case int(k.Forced) >= c.Vocab:
		return fmt.Errorf("forced token %d, want 0..%d", k.Forced, c.Vocab-1)
	case k.Mask != nil && len(k.Mask) != (c.Vocab+63)/64:
		return fmt.Errorf("a mask of %d words, want %d", len(k.Mask), (c.Vocab+63)/64)
	}
	return nil
}
