package lab

import (
	"context"
	"fmt"
	"strings"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/products"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/bf16"
	"tierlab/engine/model"
)

// shapesOf are the products of a model's step.
func shapesOf(m model.Config) []kernels.ProductShape {
	q := m.Heads * m.HeadDim
	return []kernels.ProductShape{
		{Name: "qkv", N: q + 2*m.KVHeads*m.HeadDim, K: m.Hidden}, {Name: "o", N: m.Hidden, K: q},
		{Name: "gate_up", N: 2 * m.FFN, K: m.Hidden}, {Name: "down", N: m.Hidden, K: m.FFN},
		{Name: "head", N: m.Vocab, K: m.Hidden, F32: true},
	}
}

// productCase multiplies so many tokens with a matrix.
func productCase(m model.Config, s kernels.ProductShape, tokens int, versions ...Version) Case {
	size, bound := 2, roundedTo
	if s.F32 {
		size, bound = 4, 1e-4 // of sums in f32, in any order and cut as matrix units do
	}
	n, k, t := int64(s.N), int64(s.K), int64(tokens)
	return Case{
		Kernel: "product", Shape: fmt.Sprintf("%s/%s/tokens=%d", m.Name, s.Name, tokens), Bound: bound, model: m,
		Bytes: 2*n*k + 2*t*k + int64(size)*t*n, FLOPs: 2 * n * k * t, Versions: versions,
		draw: func(_ *Ready, o *operands) *trial {
			p := kernels.ProductParams{
				Count: upload(o, int32(tokens)), W: o.numbers(s.N*s.K, 0.1), X: o.numbers(tokens*s.K, 2), Y: o.room(tokens * s.N * size),
			}
			return &trial{product: &p, compare: func() (got, want []float64) { return compareProduct(o, s, tokens, &p) }}
		},
	}
}

// compareProduct takes 16 tokens and 16 runs of outputs at most.
func compareProduct(o *operands, s kernels.ProductShape, tokens int, p *kernels.ProductParams) (got, want []float64) {
	const run = 16 // outputs
	outputs := some(o.rand, ceilDiv(s.N, run))
	outputs = outputs[:min(len(outputs), 16)]
	var ws []bf16.Number
	for _, i := range outputs {
		ws = append(ws, download[bf16.Number](o, p.W+driver.Ptr(2*i*run*s.K), min(run, s.N-i*run)*s.K)...)
	}
	for _, t := range some(o.rand, tokens)[:min(tokens, 16)] {
		x := row[bf16.Number](o, p.X, t, s.K)
		for j := 0; j < len(ws); j += s.K {
			want = append(want, reference.Dot(x, ws[j:][:s.K]))
		}
		for _, i := range outputs {
			at, n := t*s.N+i*run, min(run, s.N-i*run)
			if s.F32 {
				got = append(got, widen32(download[float32](o, p.Y+driver.Ptr(4*at), n))...)
			} else {
				got = append(got, widen16(download[bf16.Number](o, p.Y+driver.Ptr(2*at), n))...)
			}
		}
	}
	return got, want
}

// none are the units of a version that compiles nothing, or what it chooses.
func none(*Bench, Case) []kernels.Unit { return nil }

// inUseProduct is what package products takes at so many tokens, untimed.
func inUseProduct(s kernels.ProductShape, tokens int, l *cublaslt.Library) Version {
	units := none
	if tokens <= 16 { // it takes product_small, the first of the settings
		units = func(b *Bench, _ Case) []kernels.Unit {
			return []kernels.Unit{products.Settings(tokens)[0].Unit(s, b.arch)}
		}
	}
	return Version{Name: "products", units: units, open: func(ctx context.Context, r *Ready) (err error) {
		set, err := products.New(ctx, r.b.dev, r.b.compiler, products.Options{
			Arch: r.b.arch, Shapes: []products.Shape{{Name: s.Name, N: s.N, K: s.K, F32: s.F32}}, Buckets: []int{tokens}, Library: l,
		})
		if err != nil {
			return err
		}
		r.closers = append(r.closers, set.Close)
		o := r.b.draw(1)
		r.closers = append(r.closers, o.free)
		workspace := o.room(products.WorkspaceBytes)
		operands := products.Operands{W: []driver.Ptr{o.numbers(s.N*s.K, 0.1)}, X: o.numbers(tokens*s.K, 2), Y: o.room(4 * tokens * s.N), Workspace: workspace}
		if o.err != nil {
			return o.err
		}
		if err := set.Prepare(r.b.stream, []products.Operands{operands}); err != nil {
			return err
		}
		r.run = func(t *trial) error {
			p := *t.product
			p.Workspace = workspace
			return set.Multiply(r.b.stream, 0, p, tokens)
		}
		return nil
	}}
}

// ofKernel is one of the project's own kernels at one setting of its sizes.
func ofKernel(k kernels.ProductKernel, s kernels.ProductShape, tokens int) Version {
	units := func(b *Bench, _ Case) []kernels.Unit { return []kernels.Unit{k.Unit(s, b.arch)} }
	return Version{Name: strings.ReplaceAll(k.String(), " ", "-"), Candidate: true, units: units, open: func(ctx context.Context, r *Ready) error {
		f, err := r.load(ctx, k.Unit(s, r.b.arch), k.Function(), k.Shared())
		if err != nil {
			return err
		}
		r.run = func(t *trial) error { return r.b.dev.Launch(k.Launch(f, s, tokens, t.product), r.b.stream) }
		return nil
	}}
}

// ofLibrary is the algorithm that cuBLASLt's heuristic puts at that place.
func ofLibrary(l *cublaslt.Library, s kernels.ProductShape, tokens, place int) Version {
	return Version{Name: fmt.Sprintf("cublaslt-%d", place), Candidate: place > 0, units: none, open: func(_ context.Context, r *Ready) error {
		handle, err := l.NewHandle()
		if err != nil {
			return err
		}
		r.closers = append(r.closers, handle.Close)
		product, err := handle.Product(cublaslt.Shape{N: s.N, K: s.K, Tokens: tokens, F32: s.F32})
		if err != nil {
			return err
		}
		r.closers = append([]func() error{product.Close}, r.closers...) // products close before the handle
		found, err := product.Algorithms(place+1, products.WorkspaceBytes)
		if err != nil {
			return err
		}
		if len(found) <= place {
			return fmt.Errorf("cuBLASLt has %d algorithms for it", len(found))
		}
		workspace, err := r.b.dev.Alloc(products.WorkspaceBytes)
		if err != nil {
			return err
		}
		r.closers = append(r.closers, func() error { return r.b.dev.Free(workspace) })
		a := found[place]
		r.run = func(t *trial) error {
			return product.Multiply(r.b.stream, &a, t.product.W, t.product.X, t.product.Y, workspace)
		}
		return nil
	}}
}
