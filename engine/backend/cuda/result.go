package cuda

import (
	"fmt"
	"math/bits"
	"slices"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/sample"
)

// fetch queues the copies of what a step gives to the host: the tokens chosen,
// and the logits of the rows that ask for them.
func (b *Backend) fetch(f *flight) error {
	picks := f.step.Picks
	if len(picks) == 0 {
		return nil
	}
	if err := b.dev.CopyOut(f.chosen[:8*len(picks)], b.acts.chosen, b.stream); err != nil {
		return fmt.Errorf("fetching the tokens: %w", err)
	}
	row := 4 * b.caps.Vocab
	if err := b.roomFor(f, row); err != nil {
		return err
	}
	at := 0
	for i := range picks {
		if !asks(&picks[i]) {
			continue
		}
		if err := b.dev.CopyOut(f.logits[at:at+row], b.acts.logits+driver.Ptr(i*row), b.stream); err != nil {
			return fmt.Errorf("fetching logits: %w", err)
		}
		at += row
	}
	return nil
}

// roomFor sees to it that the flight holds the logits that it asks for. Room
// grows in powers of 2 and is kept.
func (b *Backend) roomFor(f *flight, row int) error {
	if f.asked*row <= len(f.logits) {
		return nil
	}
	rows := min(1<<bits.Len(uint(f.asked-1)), b.sizes.samples)
	memory, err := b.held.host(rows * row)
	if err != nil {
		return fmt.Errorf("page-locked memory for the logits of %d rows: %w", rows, err)
	}
	f.logits = memory
	return nil
}

// collect turns what the device chose into a result.
func (b *Backend) collect(f *flight, r *backend.Result) error {
	picks := f.step.Picks
	r.Plan = f.step.Plan.ID
	r.Choices = slices.Grow(r.Choices[:0], len(picks))[:len(picks)]
	chosen := view[kernels.Chosen](f.chosen, 0, len(picks))
	row := 0
	for i := range picks {
		if err := checkChosen(chosen[i], b.caps.Vocab); err != nil {
			return fmt.Errorf("row %d that samples: %w", i, err)
		}
		c := &r.Choices[i]
		if !asks(&picks[i]) {
			*c = sample.Choice{Token: chosen[i].Token, Top: c.Top[:0], Logits: c.Logits[:0]}
			continue
		}
		logits := view[float32](f.logits, int64(4*b.caps.Vocab*row), b.caps.Vocab)
		row++
		if err := b.sampler.Choose(logits, &picks[i], c); err != nil {
			return fmt.Errorf("row %d that samples: %w", i, err)
		}
		// The token chosen here follows from the same logits by the same
		// arithmetic. The next step may already go on from the device's.
		if c.Token != chosen[i].Token {
			return fmt.Errorf("row %d that samples: the device chose token %d, and of the same logits the host chooses %d: the device's arithmetic is not that of package sample", i, chosen[i].Token, c.Token)
		}
	}
	return nil
}

// checkChosen says why there is no token.
func checkChosen(c kernels.Chosen, vocab int) error {
	switch {
	case c.Token == kernels.NotFinite:
		return fmt.Errorf("logit %d of %d is not finite", c.At, vocab)
	case c.Token == kernels.NoneLeft:
		return fmt.Errorf("the mask allows none of the %d tokens", vocab)
	case c.Token < 0 || int(c.Token) >= vocab:
		return fmt.Errorf("the device chose token %d of %d", c.Token, vocab)
	}
	return nil
}
