#include "textflag.h"
#include "rows_avx512_amd64.h"

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
