package products

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// WorkspaceBytes is what ProductParams.Workspace points to: as much as cuBLASLt
// recommends on Hopper.
const WorkspaceBytes = 32 << 20

// Shape is a product's.
type Shape struct {
	Name   string // "qkv", in messages
	N, K   int    // outputs and inputs
	F32    bool   // y is f32, else bf16
	Tokens int    // that it has at most; 0: as many as the largest bucket
}

func (s Shape) kernel() kernels.ProductShape {
	return kernels.ProductShape{Name: s.Name, N: s.N, K: s.K, F32: s.F32}
}

// Options say which products there are.
type Options struct {
	Arch   string // "sm_90a"
	Shapes []Shape
	// Buckets are the numbers of tokens that Multiply is asked for.
	Buckets   []int
	Invariant bool              // batch-invariant mode
	Tune      bool              // Prepare times what there is to choose from
	Library   *cublaslt.Library // nil: kernels of this project only
}

func (o *Options) validate() error {
	if len(o.Shapes) == 0 || len(o.Buckets) == 0 {
		return fmt.Errorf("products of %d shapes for %d buckets: each is at least 1", len(o.Shapes), len(o.Buckets))
	}
	if least := slices.Min(o.Buckets); least < 1 {
		return fmt.Errorf("products for a bucket of %d tokens: at least 1", least)
	}
	for _, s := range o.Shapes {
		if err := s.kernel().Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Products computes products on a device. It is used by one goroutine at a time,
// on a thread to which the device's context is bound.
type Products struct {
	dev     driver.Context
	options Options
	handle  *cublaslt.Handle // nil without a library
	modules []driver.Module
	places  []map[int]*place // by shape, then bucket
}

// place is a shape at a bucket.
type place struct {
	shape  Shape
	tokens int
	// candidates are in order of preference. Those that are not trusted wait for
	// Prepare; one that is trusted is always there.
	candidates []candidate
	refused    []candidate
	chosen     candidate
}

// candidate is a way to compute the product of a place.
type candidate interface {
	String() string
	multiply(s driver.Stream, p *kernels.ProductParams) error
	// trusted says that its rows have the bits that the mode asks for.
	trusted() bool
	// drop gives back what only it holds. Dropping twice is no error.
	drop() error
}

// New settles what computes each product and compiles the kernels for it. The
// device's context is current on the calling thread.
func New(ctx context.Context, dev driver.Context, c kernels.Compiler, o Options) (*Products, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	p := &Products{dev: dev, options: o}
	if err := p.open(ctx, c); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Products) open(ctx context.Context, c kernels.Compiler) (err error) {
	if p.options.Library != nil {
		if p.handle, err = p.options.Library.NewHandle(); err != nil {
			return fmt.Errorf("%s does not take the device, which it may be too new or too old for (%s can name another): %w", p.options.Library.Path(), cublaslt.Variable, err)
		}
	}
	work := workshop{dev: p.dev, arch: p.options.Arch, slots: map[slot]*ownKernel{}}
	for _, s := range p.options.Shapes {
		at := map[int]*place{}
		p.places = append(p.places, at)
		for _, tokens := range p.options.Buckets {
			if s.Tokens > 0 && tokens > s.Tokens {
				continue
			}
			if at[tokens], err = p.place(&work, s, tokens); err != nil {
				return err
			}
		}
	}
	p.modules, err = work.build(ctx, c)
	return err
}

// place lists the candidates of a shape at a bucket.
func (p *Products) place(work *workshop, s Shape, tokens int) (*place, error) {
	at := &place{shape: s, tokens: tokens}
	var library []candidate
	if tokens > p.leastLibrary() {
		var err error
		if library, err = p.algorithms(s, tokens); err != nil {
			return nil, err
		}
	}
	tiled := func() {
		at.candidates = append(at.candidates, work.own(cheapest(p.dev.Device(), s, tokens), s, tokens))
	}
	small := func() { at.candidates = append(at.candidates, work.own(smallKernel(tokens), s, tokens)) }
	switch {
	case p.options.Invariant && tokens <= mostMemoryBound:
		tiled()
		at.candidates = append(at.candidates, library...)
	case p.options.Invariant:
		at.candidates = library
		tiled()
	case tokens <= mostSmall:
		small()
		at.candidates = append(at.candidates, library...)
	default:
		at.candidates = library
		if len(library) == 0 || p.options.Tune && tokens <= mostMemoryBound {
			tiled()
		}
		if p.options.Tune && tokens <= mostSmallTimed {
			small()
		}
	}
	first := slices.IndexFunc(at.candidates, candidate.trusted)
	at.chosen = at.candidates[first]
	return at, nil
}

// leastLibrary is up to how many tokens the library is not asked: with nothing
// timed, what is preferred to it is taken anyway.
func (p *Products) leastLibrary() int {
	switch {
	case p.options.Tune:
		return 0
	case p.options.Invariant:
		return mostMemoryBound
	}
	return mostSmall
}

// Multiply queues the product of a shape, given by its number, in a stream: for
// *p.Count tokens, which are at most bucket. Rows of y from the count up to the
// bucket may be written. It may be captured into a graph once Prepare has run.
func (p *Products) Multiply(s driver.Stream, shape int, params kernels.ProductParams, bucket int) error {
	at := p.places[shape][bucket]
	if at == nil {
		return fmt.Errorf("product %s for a bucket of %d tokens: it was not among those of New", p.options.Shapes[shape].Name, bucket)
	}
	if err := at.chosen.multiply(s, &params); err != nil {
		return fmt.Errorf("product %s for %d tokens by %v: %w", at.shape.Name, bucket, at.chosen, err)
	}
	return nil
}

// Choice is what computes a shape at a bucket.
type Choice struct {
	Shape  Shape
	Tokens int
	By     string
}

// Choices are in the order of shapes and buckets.
func (p *Products) Choices() (list []Choice) {
	for i, s := range p.options.Shapes {
		for _, tokens := range p.options.Buckets {
			if at := p.places[i][tokens]; at != nil {
				list = append(list, Choice{Shape: s, Tokens: tokens, By: at.chosen.String()})
			}
		}
	}
	return list
}

// Close gives back what New took. Nothing of it is under way. Closing twice is no
// error.
func (p *Products) Close() error {
	var errs []error
	for _, shape := range p.places {
		for _, at := range shape {
			for _, c := range at.all() {
				errs = append(errs, c.drop())
			}
		}
	}
	for _, m := range p.modules {
		errs = append(errs, p.dev.Unload(m))
	}
	p.modules = nil
	if p.handle != nil {
		errs = append(errs, p.handle.Close())
	}
	return errors.Join(errs...)
}

// all is empty for a place that could not be made.
func (at *place) all() []candidate {
	if at == nil {
		return nil
	}
	return slices.Concat(at.candidates, at.refused)
}
