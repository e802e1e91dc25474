package lab

import (
	"errors"
	"math/rand/v2"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// operands are arrays in device memory. The first error stays, and makes all
// that follows do nothing.
type operands struct {
	b     *Bench
	rand  *rand.Rand
	taken []driver.Ptr
	once  map[string]driver.Ptr // arrays that all sets share
	err   error
}

// shared is an array that is made for the first set of operands and is every
// other one's too: what is too large to have often, and read in part.
func (o *operands) shared(name string, draw func() driver.Ptr) driver.Ptr {
	if _, ok := o.once[name]; !ok {
		o.once[name] = draw()
	}
	return o.once[name]
}

// free frees the arrays.
func (o *operands) free() error {
	var errs []error
	for _, p := range o.taken {
		errs = append(errs, o.b.dev.Free(p))
	}
	o.taken = nil
	return errors.Join(errs...)
}

// room is an array of that many bytes, poisoned: each of its numbers is a NaN.
func (o *operands) room(bytes int) driver.Ptr {
	if o.err != nil {
		return 0
	}
	p, err := o.b.dev.Alloc(int64(bytes))
	if err != nil {
		o.err = err
		return 0
	}
	o.taken = append(o.taken, p)
	o.err = o.b.dev.Fill(p, 0xff, int64(bytes), o.b.stream)
	return p
}

// numbers is an array of n random bf16 between -most and most, made by the
// device.
func (o *operands) numbers(n int, most float32) driver.Ptr { return o.random(n, most, 2) }

// floats is an array of n random f32 between -most and most.
func (o *operands) floats(n int, most float32) driver.Ptr { return o.random(n, most, 4) }

func (o *operands) random(n int, most float32, size int) driver.Ptr {
	p := o.room(n * size)
	if o.err == nil {
		o.err = o.b.fill.Seeded(o.b.stream, &kernels.SeededParams{
			To: p, Elements: int64(n), A: o.rand.Uint32(), B: o.rand.Uint32(), Scale: most / 128, IsFloat: int32(size / 4),
		})
	}
	return p
}

// upload is an array that holds v.
func upload[E any](o *operands, v ...E) driver.Ptr {
	p := o.room(len(v) * int(unsafe.Sizeof(v[0])))
	if o.err == nil {
		o.err = o.b.dev.CopyIn(p, bytesOf(v), o.b.stream)
	}
	if o.err == nil {
		o.err = o.b.dev.Synchronize(o.b.stream) // the copy may read v until then
	}
	return p
}

// download is n elements at p, once all that is queued has run.
func download[E any](o *operands, p driver.Ptr, n int) []E {
	v := make([]E, n)
	if o.err == nil {
		o.err = o.b.dev.CopyOut(bytesOf(v), p, o.b.stream)
	}
	if o.err == nil {
		o.err = o.b.dev.Synchronize(o.b.stream)
	}
	return v
}

// row is row i of an array of rows of n elements.
func row[E any](o *operands, p driver.Ptr, i, n int) []E {
	var e E
	return download[E](o, p+driver.Ptr(i*n*int(unsafe.Sizeof(e))), n)
}

func bytesOf[E any](v []E) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(v[0])))
}
