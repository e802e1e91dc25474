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
// and spoils t and K3.
#define ROUND(x, t) \
	VCMPPS  $3, x, x, K3    \
	VPSRLD  $16, x, t       \
	VPANDD  Z17, t, t       \
	VPADDD  Z18, t, t       \
	VPADDD  t, x, t         \
	VPORD   Z16, x, K3, t   \
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

// PROBABILITIES sets x to exp(scale * x - maximum); y and z are spoilt.
#define PROBABILITIES(x, y, z) \
	VFMSUB213PS Z9, Z20, x \
	EXP(x, y, z)           \
	VMOVAPS     z, x

// func softmaxAVX512(a *softmaxArgs)
TEXT ·softmaxAVX512(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	MOVQ         0(DI), SI   // scores
	MOVQ         16(DI), BX  // rows
	MOVQ         24(DI), R13 // of them
	MOVQ         48(DI), R12 // what to round to
	VBROADCASTSS 56(DI), Z20 // scale
	EXPCONSTS
	ROUNDCONSTS

softmaxRow:
	// R9 whole lines of 32 scores are visible, and the part of one more that K1
	// and K2 cover.
	MOVQ         16(BX), CX
	MOVQ         CX, R9
	SHRQ         $5, R9
	ANDQ         $31, CX
	MOVL         $1, R15
	SHLL         CX, R15
	DECL         R15
	KMOVW        R15, K1
	SHRL         $16, R15
	KMOVW        R15, K2
	VBROADCASTSS 24(BX), Z10 // maximum so far

	// The new maximum.
	VBROADCASTSS consts<>+56(SB), Z0
	VMOVAPS      Z0, Z1
	MOVQ         SI, R11
	MOVQ         R9, R10
	TESTQ        R10, R10
	JEQ          maxTail

maxLine:
	VMAXPS (R11), Z0, Z0
	VMAXPS 64(R11), Z1, Z1
	ADDQ   $128, R11
	DECQ   R10
	JNE    maxLine

maxTail:
	TESTQ  CX, CX
	JEQ    maxDone
	VMAXPS (R11), Z0, K1, Z0
	VMAXPS 64(R11), Z1, K2, Z1

maxDone:
	VMAXPS Z0, Z1, Z0
	LANES(VMAXPS, Z0, Z1)
	VMULPS Z20, Z0, Z0
	VMAXPS Z0, Z10, Z9 // new maximum

	// What was weighed before shrinks by exp(maximum - new maximum).
	VSUBPS Z9, Z10, Z1
	EXP(Z1, Z2, Z8)

	// Probabilities, and their sum in Z7.
	VPXORD Z7, Z7, Z7
	MOVQ   SI, R11
	MOVQ   0(BX), DX
	MOVQ   8(BX), R8
	CMPQ   R12, $0
	JEQ    f32At
	SHLQ   $1, DX
	SHLQ   $1, R8
	JMP    atDone

f32At:
	SHLQ $2, DX
	SHLQ $2, R8

atDone:
	ADDQ 8(DI), DX
	MOVQ 40(DI), R10 // lines left

softmaxLine:
	TESTQ   R9, R9
	JEQ     softmaxTail
	DECQ    R9
	VMOVUPS (R11), Z1
	VMOVUPS 64(R11), Z2
	PROBABILITIES(Z1, Z3, Z5)
	PROBABILITIES(Z2, Z4, Z6)
	JMP     softmaxPut

softmaxTail:
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	TESTQ  CX, CX
	JEQ    softmaxPut

	// The line that the row's own position ends in.
	XORQ      CX, CX
	VMOVUPS.Z (R11), K1, Z1
	VMOVUPS.Z 64(R11), K2, Z2
	PROBABILITIES(Z1, Z3, Z5)
	PROBABILITIES(Z2, Z4, Z6)
	VMOVAPS.Z Z1, K1, Z1
	VMOVAPS.Z Z2, K2, Z2

softmaxPut:
	VADDPS Z1, Z7, Z7
	VADDPS Z2, Z7, Z7
	CMPQ   R12, $1
	JLT    putF32
	JEQ    putRounded
	BYTE   $0x62; BYTE $0xf2; BYTE $0x6f; BYTE $0x48; BYTE $0x72; BYTE $0xc9 // VCVTNE2PS2BF16 Z1, Z2, Z1
	VMOVUPS Z1, (DX)
	JMP    putDone

putRounded:
	ROUND(Z1, Z3)
	ROUND(Z2, Z4)
	VPMOVDW Z1, (DX)
	VPMOVDW Z2, 32(DX)
	JMP     putDone

putF32:
	VMOVUPS Z1, (DX)
	VMOVUPS Z2, (DX)(R8*1)
	ADDQ    R8, DX

putDone:
	ADDQ R8, DX
	ADDQ $128, R11
	DECQ R10
	JNE  softmaxLine

	LANES(VADDPS, Z7, Z1)
	VMOVSS      X9, 24(BX)
	VMOVSS      28(BX), X0
	VFMADD213SS X7, X8, X0 // sum so far * shrink + sum
	VMOVSS      X0, 28(BX)
	VMOVSS      X8, 32(BX)
	ADDQ        32(DI), SI
	ADDQ        $40, BX
	DECQ        R13
	JNE         softmaxRow
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

// Byte offsets of 16 steps in k of one lane of a panel.
DATA steps<>+0(SB)/4, $0
DATA steps<>+4(SB)/4, $64
DATA steps<>+8(SB)/4, $128
DATA steps<>+12(SB)/4, $192
DATA steps<>+16(SB)/4, $256
DATA steps<>+20(SB)/4, $320
DATA steps<>+24(SB)/4, $384
DATA steps<>+28(SB)/4, $448
DATA steps<>+32(SB)/4, $512
DATA steps<>+36(SB)/4, $576
DATA steps<>+40(SB)/4, $640
DATA steps<>+44(SB)/4, $704
DATA steps<>+48(SB)/4, $768
DATA steps<>+52(SB)/4, $832
DATA steps<>+56(SB)/4, $896
DATA steps<>+60(SB)/4, $960
GLOBL steps<>(SB), RODATA|NOPTR, $64

// func putKVB16AVX512(keys, values unsafe.Pointer, step uintptr, k, v *float32, n uintptr)
TEXT ·putKVB16AVX512(SB), NOSPLIT, $0-48
	MOVQ      keys+0(FP), DI
	MOVQ      values+8(FP), DX
	MOVQ      step+16(FP), R8
	MOVQ      k+24(FP), SI
	MOVQ      v+32(FP), BX
	MOVQ      n+40(FP), R9
	ROUNDCONSTS
	VMOVDQU32 steps<>(SB), Z8
	MOVQ      R9, R10

putKey:
	// 32 elements of the key, or the last 16 and zeros, are 16 pairs.
	VMOVUPS     (SI), Z0
	ROUND(Z0, Z2)
	VPMOVDW     Z0, Y0
	VPXORD      Z1, Z1, Z1
	CMPQ        R10, $1
	JEQ         putPairs
	VMOVUPS     64(SI), Z1
	ROUND(Z1, Z2)
	VPMOVDW     Z1, Y1

putPairs:
	VINSERTI64X4 $1, Y1, Z0, Z0
	KXNORW       K1, K1, K1
	VPSCATTERDD  Z0, K1, (DI)(Z8*1)
	ADDQ         $128, SI
	ADDQ         $1024, DI
	SUBQ         $2, R10
	JGT          putKey

	// A value's elements are the even or the odd words of its lines, by the
	// address of its first.
	MOVL  $0x55555555, R11
	XORQ  R12, R12
	TESTQ $2, DX
	JEQ   putMask
	MOVL  $0xaaaaaaaa, R11
	SUBQ  $2, DX
	MOVQ  $16, R12

putMask:
	KMOVD R11, K1
	VMOVQ R12, X3

putValue:
	VMOVUPS   (BX), Z0
	ROUND(Z0, Z2)
	VPSLLD    X3, Z0, Z0
	VMOVDQU16 Z0, K1, (DX)
	ADDQ      $64, BX
	ADDQ      R8, DX
	DECQ      R9
	JNE       putValue
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
