package kernels

import "unsafe"

// softmaxArgs are the operands of softmaxAVX512, which knows their offsets and
// those of softmaxRow.
type softmaxArgs struct {
	s, p  unsafe.Pointer
	rows  *softmaxRow
	n     uintptr // rows
	lds   uintptr // bytes from a row of s to the next
	lines uintptr // of 32 scores
	to    softmaxTo
	scale float32
}

// softmaxTo is how probabilities are put into a panel.
type softmaxTo uintptr

const (
	softmaxToF32 softmaxTo = iota
	softmaxToB16           // by integer arithmetic
	softmaxToCvt           // by VCVTNE2PS2BF16
)

//go:noescape
func softmaxAVX512(a *softmaxArgs)

//go:noescape
func putB16AVX512(dst *uint16, step uintptr, v *float32, lines uintptr)

//go:noescape
func putKVB16AVX512(keys, values unsafe.Pointer, step uintptr, k, v *float32, n uintptr)

//go:noescape
func rmsNormAVX512(dst, x, w *float32, n uintptr, eps float32)

//go:noescape
func swiGLUAVX512(dst, gate, up *float32, n uintptr)

//go:noescape
func addAVX512(dst, x *float32, n uintptr)

//go:noescape
func scaleAVX512(dst, x *float32, n uintptr, f float32)

//go:noescape
func ropeAVX512(x, cos, sin *float32, half, heads uintptr)

func softmaxF32Vector(p, s []float32, lds, width int, rows []softmaxRow, scale float32) {
	softmaxAVX512(&softmaxArgs{unsafe.Pointer(&s[0]), unsafe.Pointer(&p[0]), &rows[0], uintptr(len(rows)), uintptr(lds) * 4, uintptr(width) / 32, softmaxToF32, scale})
}

func softmaxB16Vector(p []uint16, s []float32, lds, width int, rows []softmaxRow, scale float32) {
	softmaxAVX512(&softmaxArgs{unsafe.Pointer(&s[0]), unsafe.Pointer(&p[0]), &rows[0], uintptr(len(rows)), uintptr(lds) * 4, uintptr(width) / 32, softmaxToB16, scale})
}

func softmaxB16Cvt(p []uint16, s []float32, lds, width int, rows []softmaxRow, scale float32) {
	softmaxAVX512(&softmaxArgs{unsafe.Pointer(&s[0]), unsafe.Pointer(&p[0]), &rows[0], uintptr(len(rows)), uintptr(lds) * 4, uintptr(width) / 32, softmaxToCvt, scale})
}

func putB16Vector(dst []uint16, step int, v []float32) {
	lines := len(v) / 32
	if lines > 0 {
		putB16AVX512(&dst[0], uintptr(step)*2, &v[0], uintptr(lines))
	}
	if tail := v[lines*32:]; len(tail) > 0 {
		putB16(dst[lines*step:], step, tail)
	}
}

// putKVB16Vector writes pairs of keys whole and values through a mask of their
// half of a pair, which an address tells: pairs are aligned.
func putKVB16Vector(keys, values []uint16, step int, k, v []float32) {
	putKVB16AVX512(unsafe.Pointer(&keys[0]), unsafe.Pointer(&values[0]), uintptr(step)*2, &k[0], &v[0], uintptr(len(k)/panelRows))
}

func rmsNormVector(dst, x, w []float32, eps float32) {
	if len(x) > 0 {
		rmsNormAVX512(&dst[0], &x[0], &w[0], uintptr(len(x)), eps)
	}
}

func swiGLUVector(dst, gate, up []float32) {
	if len(gate) > 0 {
		swiGLUAVX512(&dst[0], &gate[0], &up[0], uintptr(len(gate)))
	}
}

func addVector(dst, x []float32) {
	if len(x) > 0 {
		addAVX512(&dst[0], &x[0], uintptr(len(x)))
	}
}

func scaleVector(dst, x []float32, f float32) {
	if len(x) > 0 {
		scaleAVX512(&dst[0], &x[0], uintptr(len(x)), f)
	}
}

func ropeVector(x, cos, sin []float32) {
	if heads := len(x) / (2 * len(cos)); heads > 0 {
		ropeAVX512(&x[0], &cos[0], &sin[0], uintptr(len(cos)), uintptr(heads))
	}
}
