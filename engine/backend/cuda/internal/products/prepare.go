package products

import (
	"errors"
	"fmt"
	"slices"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// Operands are where Prepare finds the operands of a shape, for as many tokens as
// the shape has. X, Y and the workspace lose what they hold.
type Operands struct {
	// W are matrices of the shape, as those of all layers. Timing goes from one to
	// the next, so that they are not found in a cache, where steps do not find them.
	W               []driver.Ptr
	X, Y, Workspace driver.Ptr
}

// Prepare runs all candidates once, admits those that have the bits that
// batch-invariant mode asks for, and with Options.Tune takes the quickest. Nothing
// else runs on the device meanwhile. Without it, Multiply uses what needs no
// trial.
func (p *Products) Prepare(s driver.Stream, operands []Operands) (err error) {
	if len(operands) != len(p.places) {
		return fmt.Errorf("products: operands of %d shapes for %d", len(operands), len(p.places))
	}
	t := &trial{dev: p.dev, stream: s}
	if err := t.open(); err != nil {
		return errors.Join(err, t.close())
	}
	defer func() { err = errors.Join(err, t.close()) }()
	for i, shape := range p.options.Shapes {
		if len(operands[i].W) == 0 {
			return fmt.Errorf("product %s: no weights to try it with", shape.Name)
		}
		if err := p.prepareShape(t, i, operands[i]); err != nil {
			return fmt.Errorf("product %s: %w", shape.Name, err)
		}
	}
	return nil
}

func (p *Products) prepareShape(t *trial, shape int, o Operands) error {
	places := make([]*place, 0, len(p.places[shape]))
	for _, at := range p.places[shape] {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b *place) int { return b.tokens - a.tokens }) // the largest gives the rows to compare with
	for i, at := range places {
		if i == 0 {
			if err := t.begin(at, o); err != nil {
				return err
			}
		}
		if err := t.count(at.tokens); err != nil {
			return err
		}
		if p.options.Invariant {
			if err := p.admit(t, at, i == 0); err != nil {
				return err
			}
		} else if err := t.loadAll(at); err != nil {
			return err
		}
		at.chosen = at.candidates[0]
		if p.options.Tune {
			if err := t.tune(at); err != nil {
				return err
			}
		}
	}
	return nil
}

// admit keeps the candidates whose rows are bit-equal to those of the largest
// bucket's trusted kernel, which it notes first.
func (p *Products) admit(t *trial, at *place, first bool) error {
	if first {
		i := slices.IndexFunc(at.candidates, candidate.trusted)
		if err := t.note(at, at.candidates[i]); err != nil {
			return err
		}
	}
	return at.keep(func(c candidate) error {
		differs, err := t.differs(at, c)
		if err == nil && differs >= 0 {
			err = fmt.Errorf("row %d of %d has other bits than in another batch", differs, at.tokens)
		}
		return err
	})
}

// loadAll runs each candidate, so that what it needs is on the device.
func (t *trial) loadAll(at *place) error {
	return at.keep(func(c candidate) error { return t.run(c) })
}

// keep drops the candidates that fail. A trusted kernel of this project must not,
// nor all.
func (at *place) keep(try func(candidate) error) error {
	var kept []candidate
	var failed []error
	for _, c := range at.candidates {
		err := try(c)
		if _, isOwn := c.(own); err != nil && isOwn {
			return fmt.Errorf("%d tokens by %v: %w", at.tokens, c, err)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%d tokens by %v: %w", at.tokens, c, err))
			at.refused = append(at.refused, c)
			continue
		}
		kept = append(kept, c)
	}
	if len(kept) == 0 {
		return errors.Join(failed...)
	}
	at.candidates = kept
	return nil
}

// params are a candidate's operands with the n-th of the weights.
func (t *trial) params(n int) *kernels.ProductParams {
	return &kernels.ProductParams{Count: t.tokens, W: t.operands.W[n%len(t.operands.W)], X: t.operands.X, Y: t.operands.Y, Workspace: t.operands.Workspace}
}
