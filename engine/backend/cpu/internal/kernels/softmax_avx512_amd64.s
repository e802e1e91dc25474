#include "textflag.h"
#include "rows_avx512_amd64.h"

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
