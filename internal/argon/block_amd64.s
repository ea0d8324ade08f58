//go:build amd64 && !purego

#include "textflag.h"

// Byte shuffles that rotate each 64-bit word right by 24 and by 16.
DATA rot24<>+0(SB)/8, $0x0201000706050403
DATA rot24<>+8(SB)/8, $0x0a09080f0e0d0c0b
DATA rot24<>+16(SB)/8, $0x0201000706050403
DATA rot24<>+24(SB)/8, $0x0a09080f0e0d0c0b
GLOBL rot24<>(SB), RODATA|NOPTR, $32

DATA rot16<>+0(SB)/8, $0x0100070605040302
DATA rot16<>+8(SB)/8, $0x09080f0e0d0c0b0a
DATA rot16<>+16(SB)/8, $0x0100070605040302
DATA rot16<>+24(SB)/8, $0x09080f0e0d0c0b0a
GLOBL rot16<>(SB), RODATA|NOPTR, $32

// a += b + 2*low(a)*low(b), for two independent pairs at a time, so that one multiplies while the other adds.
#define MIX(a0, b0, a1, b1) \
	VPMULUDQ a0, b0, Y8; \
	VPMULUDQ a1, b1, Y9; \
	VPADDQ   b0, a0, a0; \
	VPADDQ   b1, a1, a1; \
	VPADDQ   Y8, Y8, Y8; \
	VPADDQ   Y9, Y9, Y9; \
	VPADDQ   Y8, a0, a0; \
	VPADDQ   Y9, a1, a1

// Four words of each of a, b, c, d go through one quarter round; twice, side by side.
#define QUARTERS(a0, b0, c0, d0, a1, b1, c1, d1) \
	MIX(a0, b0, a1, b1); \
	VPXOR   a0, d0, d0; \
	VPXOR   a1, d1, d1; \
	VPSHUFD $0xB1, d0, d0; \
	VPSHUFD $0xB1, d1, d1; \
	MIX(c0, d0, c1, d1); \
	VPXOR   c0, b0, b0; \
	VPXOR   c1, b1, b1; \
	VPSHUFB Y14, b0, b0; \
	VPSHUFB Y14, b1, b1; \
	MIX(a0, b0, a1, b1); \
	VPXOR   a0, d0, d0; \
	VPXOR   a1, d1, d1; \
	VPSHUFB Y15, d0, d0; \
	VPSHUFB Y15, d1, d1; \
	MIX(c0, d0, c1, d1); \
	VPXOR   c0, b0, b0; \
	VPXOR   c1, b1, b1; \
	VPADDQ  b0, b0, Y8; \
	VPADDQ  b1, b1, Y9; \
	VPSRLQ  $63, b0, b0; \
	VPSRLQ  $63, b1, b1; \
	VPXOR   Y8, b0, b0; \
	VPXOR   Y9, b1, b1

// One register of the output: what the permutation gave, with the input again, with the old output when CX is set.
#define PUT(at, y) \
	VPXOR   at(SI)(AX*1), y, y; \
	VPXOR   at(DX)(AX*1), y, y; \
	VMOVDQU y, at(DI)(AX*1)

#define PUTXOR(at, y) \
	VPXOR   at(SI)(AX*1), y, y; \
	VPXOR   at(DX)(AX*1), y, y; \
	VPXOR   at(DI)(AX*1), y, y; \
	VMOVDQU y, at(DI)(AX*1)

// func fillAVX2(out, prev, ref *block, xor bool)
TEXT ·fillAVX2(SB), 0, $1024-25
	MOVQ    out+0(FP), DI
	MOVQ    prev+8(FP), SI
	MOVQ    ref+16(FP), DX
	MOVBLZX xor+24(FP), CX
	VMOVDQU rot24<>(SB), Y14
	VMOVDQU rot16<>(SB), Y15
	LEAQ    tmp-1024(SP), BX
	XORQ    AX, AX

rows: // two rows of 16 words each turn
	VMOVDQU 0(SI)(AX*1), Y0
	VMOVDQU 32(SI)(AX*1), Y1
	VMOVDQU 64(SI)(AX*1), Y2
	VMOVDQU 96(SI)(AX*1), Y3
	VMOVDQU 128(SI)(AX*1), Y4
	VMOVDQU 160(SI)(AX*1), Y5
	VMOVDQU 192(SI)(AX*1), Y6
	VMOVDQU 224(SI)(AX*1), Y7
	VPXOR   0(DX)(AX*1), Y0, Y0
	VPXOR   32(DX)(AX*1), Y1, Y1
	VPXOR   64(DX)(AX*1), Y2, Y2
	VPXOR   96(DX)(AX*1), Y3, Y3
	VPXOR   128(DX)(AX*1), Y4, Y4
	VPXOR   160(DX)(AX*1), Y5, Y5
	VPXOR   192(DX)(AX*1), Y6, Y6
	VPXOR   224(DX)(AX*1), Y7, Y7
	QUARTERS(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	VPERMQ  $0x39, Y1, Y1
	VPERMQ  $0x39, Y5, Y5
	VPERMQ  $0x4E, Y2, Y2
	VPERMQ  $0x4E, Y6, Y6
	VPERMQ  $0x93, Y3, Y3
	VPERMQ  $0x93, Y7, Y7
	QUARTERS(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	VPERMQ  $0x93, Y1, Y1
	VPERMQ  $0x93, Y5, Y5
	VPERMQ  $0x4E, Y2, Y2
	VPERMQ  $0x4E, Y6, Y6
	VPERMQ  $0x39, Y3, Y3
	VPERMQ  $0x39, Y7, Y7
	VMOVDQU Y0, 0(BX)(AX*1)
	VMOVDQU Y1, 32(BX)(AX*1)
	VMOVDQU Y2, 64(BX)(AX*1)
	VMOVDQU Y3, 96(BX)(AX*1)
	VMOVDQU Y4, 128(BX)(AX*1)
	VMOVDQU Y5, 160(BX)(AX*1)
	VMOVDQU Y6, 192(BX)(AX*1)
	VMOVDQU Y7, 224(BX)(AX*1)
	ADDQ    $256, AX
	CMPQ    AX, $1024
	JB      rows
	XORQ    AX, AX

columns: // two columns of 16 words each turn: the low lane of each register is one, the high lane the other
	VMOVDQU  0(BX)(AX*1), Y0
	VMOVDQU  128(BX)(AX*1), Y1
	VMOVDQU  256(BX)(AX*1), Y2
	VMOVDQU  384(BX)(AX*1), Y3
	VMOVDQU  512(BX)(AX*1), Y4
	VMOVDQU  640(BX)(AX*1), Y5
	VMOVDQU  768(BX)(AX*1), Y6
	VMOVDQU  896(BX)(AX*1), Y7
	QUARTERS(Y0, Y2, Y4, Y6, Y1, Y3, Y5, Y7)
	VPALIGNR $8, Y2, Y3, Y10
	VPALIGNR $8, Y3, Y2, Y11
	VPALIGNR $8, Y7, Y6, Y12
	VPALIGNR $8, Y6, Y7, Y13
	QUARTERS(Y0, Y10, Y5, Y12, Y1, Y11, Y4, Y13)
	VPALIGNR $8, Y11, Y10, Y2
	VPALIGNR $8, Y10, Y11, Y3
	VPALIGNR $8, Y12, Y13, Y6
	VPALIGNR $8, Y13, Y12, Y7
	TESTL    CX, CX
	JNZ      over
	PUT(0, Y0)
	PUT(128, Y1)
	PUT(256, Y2)
	PUT(384, Y3)
	PUT(512, Y4)
	PUT(640, Y5)
	PUT(768, Y6)
	PUT(896, Y7)
	JMP      next

over:
	PUTXOR(0, Y0)
	PUTXOR(128, Y1)
	PUTXOR(256, Y2)
	PUTXOR(384, Y3)
	PUTXOR(512, Y4)
	PUTXOR(640, Y5)
	PUTXOR(768, Y6)
	PUTXOR(896, Y7)

next:
	ADDQ $32, AX
	CMPQ AX, $128
	JB   columns
	VZEROUPPER
	RET
