package cuda

import (
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
