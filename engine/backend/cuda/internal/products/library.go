package products

import (
	"fmt"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// mostAlgorithms is how many of the heuristic's proposals are looked at. Its
// order is by its own estimate of time, of which the first few are worth a trial.
const mostAlgorithms = 5

// library is an algorithm of cuBLASLt for a shape at a bucket. It computes all
// rows of the bucket, whatever the count.
type library struct {
	product   *cublaslt.Product
	algorithm cublaslt.Algorithm
	bits      bool // its rows have the bits that are asked for
}

func (c *library) String() string { return c.algorithm.String() }
func (c *library) trusted() bool  { return c.bits }
func (c *library) drop() error    { return c.product.Close() }

func (c *library) multiply(s driver.Stream, p *kernels.ProductParams) error {
	return c.product.Multiply(s, &c.algorithm, p.W, p.X, p.Y, p.Workspace)
}

// algorithms are the library's candidates; none where there is no library, or it
// has nothing for the shape. Those of a place share the library's description of
// the product.
func (p *Products) algorithms(s Shape, tokens int) (list []candidate, err error) {
	if p.handle == nil {
		return nil, nil
	}
	product, err := p.handle.Product(cublaslt.Shape{N: s.N, K: s.K, Tokens: tokens, F32: s.F32})
	if err != nil {
		return nil, err
	}
	most := mostAlgorithms
	if !p.options.Tune && !p.options.Invariant {
		most = 1
	}
	found, err := product.Algorithms(most, WorkspaceBytes)
	if err != nil || len(found) == 0 {
		if closing := product.Close(); err == nil {
			err = closing
		}
		if err != nil {
			err = fmt.Errorf("product %s for %d tokens: %w", s.Name, tokens, err)
		}
		return nil, err
	}
	for _, a := range found {
		list = append(list, &library{product: product, algorithm: a, bits: !p.options.Invariant})
	}
	return list, nil
}
