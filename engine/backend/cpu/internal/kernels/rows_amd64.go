package kernels

import "unsafe"

// softmaxArgs are the operands of softmaxAVX512, which knows their offsets.
type softmaxArgs struct {
	s, dst    unsafe.Pointer
	step      uintptr // bytes from a line of dst to the next
	visible   uintptr // scores that count
	vectors   uintptr // of 16 scores, all
	scale, m  float32
	l, shrink float32
	bf16      uintptr // 1: dst has bf16
}

//go:noescape
func softmaxAVX512(a *softmaxArgs)

//go:noescape
func putB16AVX512(dst *uint16, step uintptr, v *float32, lines uintptr)

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

func softmaxF32Vector(dst []float32, step int, s []float32, visible int, scale, m, l float32) (float32, float32, float32) {
	if visible <= 0 {
		return softmaxF32(dst, step, s, visible, scale, m, l)
	}
	a := softmaxArgs{s: unsafe.Pointer(&s[0]), dst: unsafe.Pointer(&dst[0]), step: uintptr(step) * 4,
		visible: uintptr(visible), vectors: uintptr(len(s) / 16), scale: scale, m: m, l: l}
	softmaxAVX512(&a)
	return a.m, a.l, a.shrink
}

func softmaxB16Vector(dst []uint16, step int, s []float32, visible int, scale, m, l float32) (float32, float32, float32) {
	if visible <= 0 {
		return softmaxB16(dst, step, s, visible, scale, m, l)
	}
	a := softmaxArgs{s: unsafe.Pointer(&s[0]), dst: unsafe.Pointer(&dst[0]), step: uintptr(step) * 2,
		visible: uintptr(visible), vectors: uintptr(len(s) / 16), scale: scale, m: m, l: l, bf16: 1}
	softmaxAVX512(&a)
	return a.m, a.l, a.shrink
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
