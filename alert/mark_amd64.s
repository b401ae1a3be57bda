#include "textflag.h"

// func nextMark(p *byte, n int) int
//
// Thirty-two places at once: the byte there in Y0, those behind it in Y1 and Y2. The last look is at the last thirty-two, of
// which some may have been looked at before.
TEXT ·nextMark(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	SUBQ $34, CX
	XORQ AX, AX
	XORQ BX, BX
	MOVL $0x22, DX
	MOVQ DX, X8
	VPBROADCASTB X8, Y8
	MOVL $0x72, DX
	MOVQ DX, X9
	VPBROADCASTB X9, Y9
	MOVL $0x75, DX
	MOVQ DX, X10
	VPBROADCASTB X10, Y10
	MOVL $0x6c, DX
	MOVQ DX, X11
	VPBROADCASTB X11, Y11
	MOVL $0x65, DX
	MOVQ DX, X12
	VPBROADCASTB X12, Y12
	MOVL $0x5c, DX
	MOVQ DX, X13
	VPBROADCASTB X13, Y13

loop:
	CMPQ AX, CX
	JLE  look
	TESTQ BX, BX
	JNZ  none
	MOVQ $1, BX
	MOVQ CX, AX

look:
	VMOVDQU (SI)(AX*1), Y0
	VMOVDQU 1(SI)(AX*1), Y1
	VMOVDQU 2(SI)(AX*1), Y2
	VPCMPEQB Y1, Y9, Y3   // r
	VPCMPEQB Y2, Y10, Y4  // u
	VPAND Y3, Y4, Y3
	VPCMPEQB Y1, Y11, Y4  // l
	VPCMPEQB Y2, Y12, Y5  // e
	VPAND Y4, Y5, Y4
	VPOR Y3, Y4, Y3
	VPCMPEQB Y0, Y8, Y4   // "
	VPAND Y3, Y4, Y3
	VPCMPEQB Y0, Y13, Y4  // \
	VPCMPEQB Y1, Y10, Y5  // u
	VPAND Y4, Y5, Y4
	VPOR Y3, Y4, Y3
	VPMOVMSKB Y3, DX
	TESTL DX, DX
	JNZ  found
	ADDQ $32, AX
	JMP  loop

found:
	BSFL DX, DX
	ADDQ DX, AX
	VZEROUPPER
	MOVQ AX, ret+16(FP)
	RET

none:
	VZEROUPPER
	MOVQ $-1, ret+16(FP)
	RET
