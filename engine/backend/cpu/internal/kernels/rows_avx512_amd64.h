// What the operations on rows have in common. Registers that hold constants for
// the whole of a function: Z31 to Z16. Lanes beyond a row's end are masked by K1,
// which then covers the last 1 to 15 elements.

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
