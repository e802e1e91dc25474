package cublaslt

import (
	"errors"
	"fmt"
	"unsafe"
)

// The library's constants that are used, by their names in cublasLt.h,
// cublas_api.h and library_types.h.
const (
	compute32F = 68 // CUBLAS_COMPUTE_32F
	real32F    = 0  // CUDA_R_32F
	real16BF   = 14 // CUDA_R_16BF
	transpose  = 1  // CUBLAS_OP_T

	descTransA         = 3 // CUBLASLT_MATMUL_DESC_TRANSA, an int32
	preferenceMaxBytes = 1 // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, a uint64
	preferenceAlignA   = 5 // CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, a uint32; B, C and D follow
	preferenceAlignD   = 8
)

// Handle is the library's context for a device. It is used by one goroutine at a
// time, on a thread to which the device's context is bound.
type Handle struct {
	library *Library
	handle  uintptr
}

// NewHandle takes the device whose context is current on the calling thread.
func (l *Library) NewHandle() (*Handle, error) {
	h := &Handle{library: l}
	if err := l.check("cublasLtCreate", l.fn.create(&h.handle)); err != nil {
		return nil, err
	}
	return h, nil
}

// Close releases the handle. Its products are closed before. Closing twice is no
// error.
func (h *Handle) Close() error {
	if h.handle == 0 {
		return nil
	}
	err := h.library.check("cublasLtDestroy", h.library.fn.destroy(h.handle))
	h.handle = 0
	return err
}

// Shape is that of a product: w is [N][K], x [Tokens][K], y [Tokens][N].
type Shape struct {
	N, K, Tokens int
	F32          bool // y is f32, else bf16
}

// Product has the library's descriptions of a shape.
type Product struct {
	handle        *Handle
	shape         Shape
	desc, w, x, y uintptr
}

// Product describes a shape to the library. It must be closed.
func (h *Handle) Product(s Shape) (*Product, error) {
	if s.N < 1 || s.K < 1 || s.Tokens < 1 {
		return nil, fmt.Errorf("a product of %d tokens, %d inputs and %d outputs: each is at least 1", s.Tokens, s.K, s.N)
	}
	p := &Product{handle: h, shape: s}
	if err := p.describe(); err != nil {
		return nil, errors.Join(fmt.Errorf("a product of %d tokens, %d inputs and %d outputs: %w", s.Tokens, s.K, s.N, err), p.Close())
	}
	return p, nil
}

func (p *Product) describe() error {
	l, s := p.handle.library, p.shape
	if err := l.check("cublasLtMatmulDescCreate", l.fn.descCreate(&p.desc, compute32F, real32F)); err != nil {
		return err
	}
	op := int32(transpose)
	if err := l.check("cublasLtMatmulDescSetAttribute", l.fn.descSet(p.desc, descTransA, unsafe.Pointer(&op), unsafe.Sizeof(op))); err != nil {
		return err
	}
	out := int32(real16BF)
	if s.F32 {
		out = real32F
	}
	for _, m := range []struct {
		layout        *uintptr
		kind          int32
		rows, columns int
	}{
		{&p.w, real16BF, s.K, s.N},
		{&p.x, real16BF, s.K, s.Tokens},
		{&p.y, out, s.N, s.Tokens},
	} {
		// Columns are packed, so that the stride from one to the next is a column.
		if err := l.check("cublasLtMatrixLayoutCreate", l.fn.layoutCreate(m.layout, m.kind, uint64(m.rows), uint64(m.columns), int64(m.rows))); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the descriptions. Closing twice is no error.
func (p *Product) Close() error {
	fn := &p.handle.library.fn
	var errs []error
	drop := func(call string, destroy func(uintptr) int32, of *uintptr) {
		if *of != 0 {
			errs = append(errs, p.handle.library.check(call, destroy(*of)))
		}
		*of = 0
	}
	drop("cublasLtMatrixLayoutDestroy", fn.layoutDestroy, &p.w)
	drop("cublasLtMatrixLayoutDestroy", fn.layoutDestroy, &p.x)
	drop("cublasLtMatrixLayoutDestroy", fn.layoutDestroy, &p.y)
	drop("cublasLtMatmulDescDestroy", fn.descDestroy, &p.desc)
	return errors.Join(errs...)
}
