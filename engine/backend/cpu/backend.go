package cpu

import (
	"errors"
	"fmt"
	"slices"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cpu/internal/kernels"
)

// Backend computes steps on the host.
type Backend struct {
	caps   backend.Caps
	slots  *backend.Slots
	pool   *kernels.Pool
	w      *weights
	kv     *kernels.KV
	pass   *pass
	step   *backend.Step // under way; nil: none
	failed error
}

// The errors of a backend that is not driven as it should be.
var (
	errFull   = errors.New("cpu: Submit with a step under way")
	errIdle   = errors.New("cpu: Wait with no step under way")
	errClosed = errors.New("cpu: the backend is closed")
)

// Open reads a model's weights and makes room for its keys, values and
// activations.
func Open(c Config) (*Backend, error) {
	if c.Source == nil {
		return nil, errors.New("cpu: no source of weights")
	}
	m := c.Source.Config()
	if err := m.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults(m)
	if err := c.validate(m); err != nil {
		return nil, err
	}
	k, err := c.loops()
	if err != nil {
		return nil, err
	}
	if err := c.plan(m, k); err != nil {
		return nil, err
	}
	b := &Backend{pool: kernels.NewPool(c.Threads)}
	if b.w, err = load(c.Source, k, b.pool); err != nil {
		return nil, errors.Join(fmt.Errorf("cpu: %w", err), b.Close())
	}
	if b.kv, err = k.NewKV(m.Layers, c.Blocks, c.BlockTokens, m.KVHeads, m.HeadDim); err != nil {
		return nil, errors.Join(fmt.Errorf("cpu: %w", err), b.Close())
	}
	b.caps = backend.Caps{
		Name: "cpu", Model: m.Name, Numerics: k.Numerics().String(), Kernels: k.ISA().String(), Threads: c.Threads,
		Vocab: m.Vocab, Context: c.Context, Slots: c.Slots, Budget: c.Budget,
		Blocks: c.Blocks, BlockTokens: c.BlockTokens, Invariant: true,
		WeightBytes: b.w.bytes(), CacheBytes: b.kv.Bytes(),
	}
	b.slots = backend.NewSlots(&b.caps)
	b.pass = newPass(c, m, k, b.pool, b.w, b.kv)
	return b, nil
}

// Caps says what the backend is.
func (b *Backend) Caps() backend.Caps { return b.caps }

// Submit takes in a step, which Wait computes.
func (b *Backend) Submit(s *backend.Step) error {
	if b.failed != nil {
		return b.failed
	}
	if b.step != nil {
		return b.fail(errFull)
	}
	if err := b.caps.Check(s); err != nil {
		return b.fail(err)
	}
	if err := b.slots.Apply(s.Plan); err != nil {
		return b.fail(err)
	}
	b.step = s
	return nil
}

// Wait computes the step under way.
func (b *Backend) Wait(r *backend.Result) error {
	if b.failed != nil {
		return b.failed
	}
	s := b.step
	if s == nil {
		return b.fail(errIdle)
	}
	b.step = nil
	for _, c := range s.Plan.Copies {
		b.kv.CopyBlock(c.From, c.To, int(c.Tokens))
	}
	b.pass.lay(s, b.slots, b.caps.BlockTokens)
	b.pass.forward()
	r.Plan = s.Plan.ID
	r.Choices = slices.Grow(r.Choices[:0], len(s.Picks))[:len(s.Picks)]
	if err := b.pass.choose(s.Picks, r.Choices); err != nil {
		return b.fail(fmt.Errorf("cpu: plan %d: %w", s.Plan.ID, err))
	}
	pick := 0
	for i := range s.Plan.Rows {
		if row := &s.Plan.Rows[i]; row.Sample {
			b.slots.Choose(row.Slot, r.Choices[pick].Token)
			pick++
		}
	}
	return nil
}

// Close ends the workers and frees the memory. Closing twice is no error.
func (b *Backend) Close() error {
	if b.failed == errClosed {
		return nil
	}
	b.failed = errClosed
	b.pool.Close()
	var errs []error
	if b.w != nil {
		errs = append(errs, b.w.close())
	}
	if b.kv != nil {
		errs = append(errs, b.kv.Close())
	}
	b.pass, b.slots, b.w, b.kv, b.step = nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

func (b *Backend) fail(err error) error {
	b.failed = err
	return err
}
