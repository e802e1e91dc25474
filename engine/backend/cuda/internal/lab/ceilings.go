package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
)

// Ceilings are what a device can do, as measured.
type Ceilings struct {
	CopyBytesPerSecond float64 // read and written, by a copy within its memory
	MatrixFLOPs        float64 // a second, of a product of bf16 that sums in f32
	MatrixBy           string  // the version that was the fastest
}

// sizes are those of what is measured.
type sizes struct {
	copied  int // bytes
	side    int // of a product of side x side x side
	repeats int
}

// Ceilings measures the device, on random numbers: zeros flatter a chip whose
// clock is bound by its power. The median of some runs counts. Without a library
// the matrix rate is that of the project's own kernels, which is lower.
func (b *Bench) Ceilings(ctx context.Context, l *cublaslt.Library) (Ceilings, error) {
	return b.ceilings(ctx, l, sizes{copied: 4 << 30, side: 8192, repeats: 15}) // 1.1 TFLOP a product
}

func (b *Bench) ceilings(ctx context.Context, l *cublaslt.Library, of sizes) (Ceilings, error) {
	var c Ceilings
	took, err := b.copyTime(of)
	if err != nil {
		return c, fmt.Errorf("copy bandwidth: %w", err)
	}
	c.CopyBytesPerSecond = 2 * float64(of.copied) / took.Seconds()
	square := kernels.ProductShape{Name: "square", N: of.side, K: of.side}
	versions := []Version{inUseProduct(square, of.side, nil)}
	if l != nil { // whose first guess is not always the quickest
		versions = []Version{ofLibrary(l, square, of.side, 0), ofLibrary(l, square, of.side, 1), ofLibrary(l, square, of.side, 2)}
	}
	product := productCase(model.Config{Name: "ceiling"}, square, of.side, versions...)
	var failed error
	for _, v := range product.Versions { // the library may have fewer, and one of them suffices
		took, err := b.medianOf(ctx, product, v, of.repeats)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", v.Name, err))
			continue
		}
		if rate := float64(product.FLOPs) / took.Seconds(); rate > c.MatrixFLOPs {
			c.MatrixFLOPs, c.MatrixBy = rate, v.Name
		}
	}
	if c.MatrixBy == "" {
		return c, fmt.Errorf("matrix rate: %w", failed)
	}
	return c, nil
}

// copyTime is how long the copy takes.
func (b *Bench) copyTime(of sizes) (took time.Duration, err error) {
	o := b.draw(1)
	defer func() { err = errors.Join(err, o.free()) }()
	from, to := o.numbers(of.copied/2, 1), o.room(of.copied)
	if o.err != nil {
		return 0, o.err
	}
	watch, err := b.newWatch()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, watch.close()) }()
	return watch.median(of.repeats, func() error { return b.dev.CopyWithin(to, from, int64(of.copied), b.stream) })
}

// medianOf is how long a version of a case takes. It is checked first.
func (b *Bench) medianOf(ctx context.Context, c Case, v Version, repeats int) (took time.Duration, err error) {
	r, err := b.Ready(ctx, c, v)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if _, err := r.Check(1); err != nil {
		return 0, err
	}
	clock, err := r.Clock(1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, clock.Close()) }()
	return clock.Median(repeats)
}
