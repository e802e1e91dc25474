package cuda

import (
	"context"
	"errors"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/products"
	"tierlab/engine/model"
)

// The products of a layer and the head's, as the numbers of their shapes.
const (
	productQKV = iota
	productO
	productGateUp
	productDown
	productHead
)

// productShapes are the products by their numbers. The head is multiplied with at
// most that many samples.
func productShapes(m model.Config, samples int) []products.Shape {
	q, kv := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	return []products.Shape{
		productQKV:    {Name: "qkv", N: q + 2*kv, K: m.Hidden},
		productO:      {Name: "o", N: m.Hidden, K: q},
		productGateUp: {Name: "gate_up", N: 2 * m.FFN, K: m.Hidden},
		productDown:   {Name: "down", N: m.Hidden, K: m.FFN},
		productHead:   {Name: "head", N: m.Vocab, K: m.Hidden, F32: true, Tokens: samples},
	}
}

// operands are where products are tried, by their numbers.
func (b *Backend) operands() []products.Operands {
	a, of := b.acts, make([]products.Operands, productHead+1)
	for i, o := range [...]products.Operands{
		productQKV: {X: a.x, Y: a.qkv}, productO: {X: a.a, Y: a.y}, productGateUp: {X: a.x, Y: a.gu},
		productDown: {X: a.act, Y: a.y}, productHead: {X: a.x, Y: a.logits, W: []driver.Ptr{b.weights.head}},
	} {
		o.Workspace = a.product
		of[i] = o
	}
	for i := range b.weights.layers {
		l := &b.weights.layers[i]
		for product, w := range [...]driver.Ptr{productQKV: l.qkv, productO: l.o, productGateUp: l.gateUp, productDown: l.down} {
			of[product].W = append(of[product].W, w)
		}
	}
	return of
}

// makeProducts settles what may compute the products and compiles kernels for
// them. A library that does not take the device is done without.
func (b *Backend) makeProducts(ctx context.Context, c Config, m model.Config, parts *machine) error {
	defer b.phases.begin("products")()
	err := b.newProducts(ctx, c, m, parts)
	if err == nil || parts.library == nil {
		return err
	}
	parts.withoutLibrary(err)
	if again := b.newProducts(ctx, c, m, parts); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

func (b *Backend) newProducts(ctx context.Context, c Config, m model.Config, parts *machine) (err error) {
	b.products, err = products.New(ctx, b.dev, parts.compiler, products.Options{
		Arch: arch(b.dev.Device()), Shapes: productShapes(m, b.sizes.samples), Buckets: buckets(b.sizes.tokens),
		Invariant: c.Invariant, Tune: c.Tune, Library: parts.library,
	})
	return err
}

// tryProducts runs what products may be computed by, where there is a choice. A
// library loads kernels when they are first used, which a capture must not be. One
// that does not multiply is done without.
func (b *Backend) tryProducts(ctx context.Context, c Config, m model.Config, parts *machine) error {
	if parts.library == nil && !c.Tune {
		return nil
	}
	defer b.phases.begin("trial of products")()
	err := b.products.Prepare(b.stream, b.operands())
	if err == nil || parts.library == nil {
		return err
	}
	parts.withoutLibrary(err)
	again := errors.Join(b.dropProducts(), b.newProducts(ctx, c, m, parts))
	if again == nil && c.Tune {
		again = b.products.Prepare(b.stream, b.operands())
	}
	if again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// dropProducts closes what computes the products, if it was made.
func (b *Backend) dropProducts() error {
	if b.products == nil {
		return nil
	}
	return b.products.Close()
}
