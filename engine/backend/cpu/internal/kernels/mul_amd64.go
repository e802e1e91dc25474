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

// vectorLoop names one of the vector products. They are called by a switch: a
// call through a variable would move their arguments to the heap.
type vectorLoop int

const (
	loopF32 vectorLoop = iota
	loopWiden
	loopDot
)

func (l vectorLoop) run(m *mulArgs) {
	switch l {
	case loopF32:
		mulF32AVX512(m)
	case loopWiden:
		mulWidenAVX512(m)
	case loopDot:
		mulDotAVX512(m)
	}
}

func mulF32Vector(p product[float32]) { mulVector(loopF32, &p) }

func mulB16Widen(p product[uint16]) { mulVector(loopWiden, &p) }

func mulB16Dot(p product[uint16]) { mulVector(loopDot, &p) }

// mulVector goes through the rows for two panels at a time, which meanwhile stay
// in the cache.
func mulVector[E float32 | uint16](loop vectorLoop, p *product[E]) {
	const lineBytes, stepBytes = 64, 1024
	a, b := unsafe.Pointer(&p.a[0]), unsafe.Pointer(&p.b[0])
	m := mulArgs{ldc: uintptr(p.ldc) * 4, bPanel: uintptr(p.lines) * stepBytes}
	for panel := 0; panel < p.panels; panel += 2 {
		for from := 0; from < p.lines; from += maxLines {
			m.lines = uintptr(min(maxLines, p.lines-from))
			m.acc = 0
			if p.add || from > 0 {
				m.acc = 1
			}
			m.b = unsafe.Add(b, (panel*p.lines+from)*stepBytes)
			for i := 0; i < p.n; {
				line, h := p.row(i)
				rows := 8
				for rows > h-i&15 {
					rows /= 2
				}
				m.a = unsafe.Add(a, (line+from*h)*lineBytes)
				m.aStep = uintptr(h) * lineBytes
				m.c = unsafe.Pointer(&p.c[i*p.ldc+panel*panelRows])
				m.shape = uintptr(2*rows + min(2, p.panels-panel))
				loop.run(&m)
				i += rows
			}
		}
	}
}
