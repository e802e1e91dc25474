#include "textflag.h"

// The operations on rows. Registers that hold constants for the whole of a
// function: Z31 to Z16. Lanes beyond a row's end are masked by K1, which then
// covers the last 1 to 15 elements.

// Constants of exp (softmax.go), and 0x7fff, 1 and 0x40 for rounding to bf16.
DATA consts<>+0(SB)/4, $0x3fb8aa3b  // log2(e)
DATA consts<>+4(SB)/4, $0x3f318000  // ln 2, upper part
DATA consts<>+8(SB)/4, $0xb95e8083  // ln 2, lower part
DATA consts<>+12(SB)/4, $0x3ab60b61 // 1/720
DATA consts<>+16(SB)/4, $0x3c088889 // 1/120
DATA consts<>+20(SB)/4, $0x3d2aaaab // 1/24
DATA consts<>+24(SB)/4, $0x3e2aaaab // 1/6
DATA consts<>+28(SB)/4, $0x3f000000 // 1/2
DATA consts<>+32(SB)/4, $0x3f800000 // 1
DATA consts<>+36(SB)/4, $0xc3480000 // -200
DATA consts<>+40(SB)/4, $0x42b16666 // 88.7
DATA consts<>+44(SB)/4, $0x00007fff
DATA consts<>+48(SB)/4, $0x00000001
DATA consts<>+52(SB)/4, $0x00400000
DATA consts<>+56(SB)/4, $0xff800000 // -inf
DATA consts<>+60(SB)/4, $0x80000000 // sign
GLOBL consts<>(SB), RODATA|NOPTR, $64

#define EXPCONSTS \
	VBROADCASTSS consts<>+0(SB), Z31  \
	VBROADCASTSS consts<>+4(SB), Z30  \
	VBROADCASTSS consts<>+8(SB), Z29  \
	VBROADCASTSS consts<>+12(SB), Z28 \
	VBROADCASTSS consts<>+16(SB), Z27 \
	VBROADCASTSS consts<>+20(SB), Z26 \
	VBROADCASTSS consts<>+24(SB), Z25 \
	VBROADCASTSS consts<>+28(SB), Z24 \
	VBROADCASTSS consts<>+32(SB), Z23 \
	VBROADCASTSS consts<>+36(SB), Z22 \
	VBROADCASTSS consts<>+40(SB), Z21

// EXP sets p to e^x and spoils x and n. An operand that comes second in an
// instruction of maxima is what a NaN gives way to, so x stays a NaN.
#define EXP(x, n, p) \
	VMAXPS       x, Z22, x       \
	VMINPS       x, Z21, x       \
	VMULPS       Z31, x, n       \
	VRNDSCALEPS  $8, n, n        \
	VFNMADD231PS Z30, n, x       \
	VFNMADD231PS Z29, n, x       \
	VMOVAPS      Z28, p          \
	VFMADD213PS  Z27, x, p       \
	VFMADD213PS  Z26, x, p       \
	VFMADD213PS  Z25, x, p       \
	VFMADD213PS  Z24, x, p       \
	VFMADD213PS  Z23, x, p       \
	VFMADD213PS  Z23, x, p       \
	VSCALEFPS    n, p, p

#define ROUNDCONSTS \
	VPBROADCASTD consts<>+44(SB), Z18 \
	VPBROADCASTD consts<>+48(SB), Z17 \
	VPBROADCASTD consts<>+52(SB), Z16

// ROUND leaves the nearest bf16 of each lane of x in its lower half (RoundBF16),
// and spoils t and K2.
#define ROUND(x, t) \
	VCMPPS  $3, x, x, K2    \
	VPSRLD  $16, x, t       \
	VPANDD  Z17, t, t       \
	VPADDD  Z18, t, t       \
	VPADDD  t, x, t         \
	VPORD   Z16, x, K2, t   \
	VPSRLD  $16, t, x

// LANES reduces x with op by halves, into all lanes; y is spoilt.
#define LANES(op, x, y) \
	VSHUFF64X2 $0x4e, x, x, y \
	op         y, x, x        \
	VSHUFF64X2 $0xb1, x, x, y \
	op         y, x, x        \
	VPSHUFD    $0x4e, x, y    \
	op         y, x, x        \
	VPSHUFD    $0xb1, x, y    \
	op         y, x, x

// TAIL sets K1 to the lowest n mod 16 lanes and n to n/16; CX is spoilt.
#define TAIL(n) \
	MOVQ  n, CX     \
	ANDQ  $15, CX   \
	SHRQ  $4, n     \
	MOVL  $1, R15   \
	SHLL  CX, R15   \
	DECL  R15       \
	KMOVW R15, K1

// func softmaxAVX512(a *softmaxArgs)
TEXT ·softmaxAVX512(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	MOVQ         0(DI), SI  // scores
	MOVQ         8(DI), DX  // probabilities
	MOVQ         16(DI), R8 // bytes from a line of them to the next
	MOVQ         24(DI), R9 // visible, then full vectors
	MOVQ         32(DI), R10 // vectors
	MOVQ         56(DI), R13 // bf16?
	VBROADCASTSS 40(DI), Z20 // scale
	VBROADCASTSS 44(DI), Z10 // m
	TAIL(R9)
	EXPCONSTS
	ROUNDCONSTS

	// The new maximum.
	VBROADCASTSS consts<>+56(SB), Z0
	MOVQ         SI, R11
	MOVQ         R9, R12
	TESTQ        R12, R12
	JEQ          maxTail

maxLoop:
	VMAXPS (R11), Z0, Z0
	ADDQ   $64, R11
	DECQ   R12
	JNE    maxLoop

maxTail:
	TESTQ   CX, CX
	JEQ     maxDone
	VMAXPS  (R11), Z0, K1, Z0

maxDone:
	LANES(VMAXPS, Z0, Z1)
	VMULPS Z20, Z0, Z0
	VMAXPS Z0, Z10, Z9 // new m

	// What was weighed before shrinks by exp(m - new m).
	VSUBPS Z9, Z10, Z1
	EXP(Z1, Z2, Z8)

	VPXORD Z7, Z7, Z7 // sum
	MOVQ   $0, R11    // vectors done
	MOVQ   R9, R12

probabilities:
	CMPQ R11, R9
	JLT  whole
	JGT  none
	TESTQ CX, CX
	JEQ  none

	// The vector that the row's own position ends in.
	VMOVUPS.Z    (SI), K1, Z1
	VFMSUB213PS  Z9, Z20, Z1
	EXP(Z1, Z2, Z3)
	VMOVAPS.Z    Z3, K1, Z3
	JMP          put

whole:
	VMOVUPS     (SI), Z1
	VFMSUB213PS Z9, Z20, Z1
	EXP(Z1, Z2, Z3)
	JMP         put

none:
	VPXORD Z3, Z3, Z3

put:
	VADDPS Z3, Z7, Z7
	TESTQ  R13, R13
	JEQ    putF32
	ROUND(Z3, Z4)
	VPMOVDW Z3, (DX)
	ADDQ   $32, DX
	TESTQ  $1, R11
	JEQ    next
	LEAQ   -64(DX)(R8*1), DX
	JMP    next

putF32:
	VMOVUPS Z3, (DX)
	ADDQ    R8, DX

next:
	ADDQ $64, SI
	INCQ R11
	CMPQ R11, R10
	JNE  probabilities

	LANES(VADDPS, Z7, Z1)
	VMOVSS      X9, 44(DI)
	VMOVSS      48(DI), X0
	VFMADD213SS X7, X8, X0 // l * shrink + sum
	VMOVSS      X0, 48(DI)
	VMOVSS      X8, 52(DI)
	VZEROUPPER
	RET

// func putB16AVX512(dst *uint16, step uintptr, v *float32, lines uintptr)
TEXT ·putB16AVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DX
	MOVQ step+8(FP), R8
	MOVQ v+16(FP), SI
	MOVQ lines+24(FP), R9
	ROUNDCONSTS

putLine:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	ROUND(Z0, Z2)
	ROUND(Z1, Z3)
	VPMOVDW Z0, (DX)
	VPMOVDW Z1, 32(DX)
	ADDQ    $128, SI
	ADDQ    R8, DX
	DECQ    R9
	JNE     putLine
	VZEROUPPER
	RET

// func rmsNormAVX512(dst, x, w *float32, n uintptr, eps float32)
TEXT ·rmsNormAVX512(SB), NOSPLIT, $0-36
	MOVQ      dst+0(FP), DX
	MOVQ      x+8(FP), SI
	MOVQ      w+16(FP), BX
	MOVQ      n+24(FP), R9
	VCVTSI2SSQ R9, X5, X5
	TAIL(R9)
	VPXORD    Z0, Z0, Z0
	MOVQ      $0, R11
	MOVQ      R9, R10
	TESTQ     R10, R10
	JEQ       squareTail

square:
	VMOVUPS     (SI)(R11*1), Z1
	VFMADD231PS Z1, Z1, Z0
	ADDQ        $64, R11
	DECQ        R10
	JNE         square

squareTail:
	VMOVUPS.Z   (SI)(R11*1), K1, Z1
	VFMADD231PS Z1, Z1, Z0
	LANES(VADDPS, Z0, Z1)
	VDIVSS       X5, X0, X0
	VADDSS       eps+32(FP), X0, X0
	VSQRTSS      X0, X0, X0
	VMOVSS       consts<>+32(SB), X1
	VDIVSS       X0, X1, X0
	VBROADCASTSS X0, Z0
	MOVQ         $0, R11
	MOVQ         R9, R10
	TESTQ        R10, R10
	JEQ          normTail

norm:
	VMULPS  (SI)(R11*1), Z0, Z1
	VMULPS  (BX)(R11*1), Z1, Z1
	VMOVUPS Z1, (DX)(R11*1)
	ADDQ    $64, R11
	DECQ    R10
	JNE     norm

normTail:
	VMOVUPS.Z (SI)(R11*1), K1, Z1
	VMOVUPS.Z (BX)(R11*1), K1, Z2
	VMULPS    Z1, Z0, Z1
	VMULPS    Z2, Z1, Z1
	VMOVUPS   Z1, K1, (DX)(R11*1)
	VZEROUPPER
	RET

#define SWIGLU \
	VXORPS Z20, Z1, Z2 \
	EXP(Z2, Z3, Z4)    \
	VADDPS Z23, Z4, Z4 \
	VDIVPS Z4, Z1, Z1  \
	VMULPS Z5, Z1, Z1

// func swiGLUAVX512(dst, gate, up *float32, n uintptr)
TEXT ·swiGLUAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DX
	MOVQ         gate+8(FP), SI
	MOVQ         up+16(FP), BX
	MOVQ         n+24(FP), R9
	TAIL(R9)
	EXPCONSTS
	VBROADCASTSS consts<>+60(SB), Z20
	MOVQ         $0, R11
	TESTQ        R9, R9
	JEQ          gluTail

glu:
	VMOVUPS (SI)(R11*1), Z1
	VMOVUPS (BX)(R11*1), Z5
	SWIGLU
	VMOVUPS Z1, (DX)(R11*1)
	ADDQ    $64, R11
	DECQ    R9
	JNE     glu

gluTail:
	VMOVUPS.Z (SI)(R11*1), K1, Z1
	VMOVUPS.Z (BX)(R11*1), K1, Z5
	SWIGLU
	VMOVUPS   Z1, K1, (DX)(R11*1)
	VZEROUPPER
	RET

// func addAVX512(dst, x *float32, n uintptr)
TEXT ·addAVX512(SB), NOSPLIT, $0-24
	MOVQ  dst+0(FP), DX
	MOVQ  x+8(FP), SI
	MOVQ  n+16(FP), R9
	TAIL(R9)
	MOVQ  $0, R11
	TESTQ R9, R9
	JEQ   addTail

addLoop:
	VMOVUPS (DX)(R11*1), Z0
	VADDPS  (SI)(R11*1), Z0, Z0
	VMOVUPS Z0, (DX)(R11*1)
	ADDQ    $64, R11
	DECQ    R9
	JNE     addLoop

addTail:
	VMOVUPS.Z (DX)(R11*1), K1, Z0
	VMOVUPS.Z (SI)(R11*1), K1, Z1
	VADDPS    Z1, Z0, Z0
	VMOVUPS   Z0, K1, (DX)(R11*1)
	VZEROUPPER
	RET

// func scaleAVX512(dst, x *float32, n uintptr, f float32)
TEXT ·scaleAVX512(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DX
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), R9
	VBROADCASTSS f+24(FP), Z2
	TAIL(R9)
	MOVQ         $0, R11
	TESTQ        R9, R9
	JEQ          scaleTail

scaleLoop:
	VMULPS  (SI)(R11*1), Z2, Z0
	VMOVUPS Z0, (DX)(R11*1)
	ADDQ    $64, R11
	DECQ    R9
	JNE     scaleLoop

scaleTail:
	VMOVUPS.Z (SI)(R11*1), K1, Z0
	VMULPS    Z2, Z0, Z0
	VMOVUPS   Z0, K1, (DX)(R11*1)
	VZEROUPPER
	RET

// ROTATE sets the pair Z0, Z1 to its rotation by the cosines Z2 and sines Z3.
#define ROTATE \
	VMULPS Z3, Z1, Z4     \
	VMULPS Z3, Z0, Z5     \
	VMULPS Z2, Z0, Z0     \
	VMULPS Z2, Z1, Z1     \
	VSUBPS Z4, Z0, Z0     \
	VADDPS Z5, Z1, Z1

// func ropeAVX512(x, cos, sin *float32, half, heads uintptr)
TEXT ·ropeAVX512(SB), NOSPLIT, $0-40
	MOVQ x+0(FP), DX
	MOVQ cos+8(FP), SI
	MOVQ sin+16(FP), BX
	MOVQ half+24(FP), R8
	MOVQ heads+32(FP), R10
	MOVQ R8, R9
	SHLQ $2, R8 // bytes of half a head
	TAIL(R9)

head:
	LEAQ  (DX)(R8*1), R13
	MOVQ  $0, R11
	MOVQ  R9, R12
	TESTQ R12, R12
	JEQ   ropeTail

rope:
	VMOVUPS (DX)(R11*1), Z0
	VMOVUPS (R13)(R11*1), Z1
	VMOVUPS (SI)(R11*1), Z2
	VMOVUPS (BX)(R11*1), Z3
	ROTATE
	VMOVUPS Z0, (DX)(R11*1)
	VMOVUPS Z1, (R13)(R11*1)
	ADDQ    $64, R11
	DECQ    R12
	JNE     rope

ropeTail:
	VMOVUPS.Z (DX)(R11*1), K1, Z0
	VMOVUPS.Z (R13)(R11*1), K1, Z1
	VMOVUPS.Z (SI)(R11*1), K1, Z2
	VMOVUPS.Z (BX)(R11*1), K1, Z3
	ROTATE
	VMOVUPS Z0, K1, (DX)(R11*1)
	VMOVUPS Z1, K1, (R13)(R11*1)
	LEAQ    (R13)(R8*1), DX
	DECQ    R10
	JNE     head
	VZEROUPPER
	RET
