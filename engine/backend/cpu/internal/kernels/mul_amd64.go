package kernels

import "unsafe"

//go:generate go run ./gen

// mulArgs are the operands of an assembly product, which gen knows the order and
// offsets of. Strides are in bytes.
type mulArgs struct {
	c, a, b unsafe.Pointer
	ldc     uintptr // from a row of c to the next
	aStep   uintptr // from a line of a to the next of the same row
	bPanel  uintptr // from a panel to the next
	lines   uintptr // at least 1
	acc     uintptr // 1: add to c
	shape   uintptr // 2*rows + panels, of 1, 2, 4 or 8 rows and 1 or 2 panels
}

//go:noescape
func mulF32AVX512(m *mulArgs)

//go:noescape
func mulWidenAVX512(m *mulArgs)

//go:noescape
func mulDotAVX512(m *mulArgs)

// maxLines bounds the lines that one call of an assembly product goes through:
// the scheduler cannot interrupt it, and 8 rows by 2 panels take some 50 ns a line.
const maxLines = 1024

// product names one of the vector products. They are called by a switch: a call
// through a variable would move their arguments to the heap.
type product int

const (
	productF32 product = iota
	productWiden
	productDot
)

func (p product) run(m *mulArgs) {
	switch p {
	case productF32:
		mulF32AVX512(m)
	case productWiden:
		mulWidenAVX512(m)
	case productDot:
		mulDotAVX512(m)
	}
}

func mulF32Vector(c []float32, ldc int, a []float32, n int, b []float32, lines, panels int, acc bool) {
	v := vector{productF32, unsafe.Pointer(&c[0]), unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), ldc, acc}
	v.mul(n, lines, panels)
}

func mulB16Widen(c []float32, ldc int, a []uint16, n int, b []uint16, lines, panels int, acc bool) {
	v := vector{productWiden, unsafe.Pointer(&c[0]), unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), ldc, acc}
	v.mul(n, lines, panels)
}

func mulB16Dot(c []float32, ldc int, a []uint16, n int, b []uint16, lines, panels int, acc bool) {
	v := vector{productDot, unsafe.Pointer(&c[0]), unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), ldc, acc}
	v.mul(n, lines, panels)
}

// vector is a product cut into what registers hold.
type vector struct {
	product product
	c, a, b unsafe.Pointer
	ldc     int
	acc     bool
}

// mul goes through n rows for two panels at a time, which meanwhile stay in the
// cache.
func (v *vector) mul(n, lines, panels int) {
	m := mulArgs{ldc: uintptr(v.ldc) * 4, bPanel: uintptr(lines) * 1024}
	for p := 0; p < panels; p += 2 {
		for from := 0; from < lines; from += maxLines {
			m.lines = uintptr(min(maxLines, lines-from))
			m.acc = 0
			if v.acc || from > 0 {
				m.acc = 1
			}
			m.b = unsafe.Add(v.b, (p*lines+from)*1024)
			for i := 0; i < n; {
				base := i &^ 15
				h := min(16, n-base)
				rows := 8
				for rows > base+h-i {
					rows /= 2
				}
				m.a = unsafe.Add(v.a, (base*lines+from*h+i-base)*64)
				m.aStep = uintptr(h) * 64
				m.c = unsafe.Add(v.c, (i*v.ldc+p*16)*4)
				m.shape = uintptr(2*rows + min(2, panels-p))
				v.product.run(&m)
				i += rows
			}
		}
	}
}
