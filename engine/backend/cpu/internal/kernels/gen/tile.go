package main

import "fmt"

// Numbers of general registers in an encoding.
const (
	regCX  = 1
	regDI  = 7
	regR12 = 12
	regR13 = 13
	regR14 = 14
	regAX  = 0
)

// Tiles: sums in 0 to 3, activations in 4 and 5, weights in 6 and 7.
const (
	tileA = 4
	tileB = 6
)

// streamAhead is how many bytes ahead of a product of few rows its weights are
// fetched: it waits for memory, and the chip's prefetcher stops at every page. Of
// 0 to 8 KiB, 2 KiB came closest to a loop that only reads.
const streamAhead = 2048

// Fields of tileArgs.
const (
	argLines  = 48
	argA      = 8
	argB      = 16
	argBlock  = 72  // bytes from a block of rows of a to the next
	argGroups = 80  // of one or two blocks of rows
	argPairs  = 88  // of panels, or one panel
	argAt     = 96  // indices of blocks of b, in elements
	argParts  = 104 // blocks whose products lie beside each other
	argRuns   = 112 // blocks whose products are added up
	argAhead  = 168 // bytes from a pair of panels to what to fetch meanwhile
	argConfig = 176

	// Room for what no register is left for.
	tmpGroups = 120 // left
	tmpPairs  = 128 // left
	tmpParts  = 136 // left
	tmpRuns   = 144 // left
	tmpColumn = 152 // of c
	tmpAt     = 160 // of the part
)

// tileProducts writes mulTilesAMX, with a variant for each number of blocks of
// rows and of panels. c, a, b and strides are as in vectorProducts. It goes
// through parts, in them through pairs of panels, in them through groups of rows,
// and for each group's sums through runs of lines.
func tileProducts() []byte {
	a := newAsm()
	a.text("mulTilesAMX")
	a.raw(vex(0, 0x49, 0x80|regDI, argConfig, 0, 0, 0), fmt.Sprintf("LDTILECFG %d(DI)", argConfig))
	a.op("MOVQ $64, AX")
	a.op("MOVQ DX, %d(DI)", tmpColumn)
	a.move(argAt, tmpAt)
	a.move(argParts, tmpParts)
	shapes := []int{2, 1}
	for _, blocks := range shapes {
		for _, panels := range shapes {
			a.op("CMPQ R13, $%d", 2*blocks+panels)
			a.op("JEQ m%dn%d", blocks, panels)
		}
	}
	a.op("JMP done")
	for _, blocks := range shapes {
		for _, panels := range shapes {
			tileProduct(a, blocks, panels)
		}
	}
	a.line("done:")
	a.raw(vex(0, 0x49, 0xc0), "TILERELEASE")
	a.op("RET")
	return a.Bytes()
}

// move copies a field.
func (a *asm) move(from, to int) {
	a.op("MOVQ %d(DI), R12", from)
	a.op("MOVQ R12, %d(DI)", to)
}

func tileProduct(a *asm, blocks, panels int) {
	name := fmt.Sprintf("m%dn%d", blocks, panels)
	a.line("")
	a.line("%s:", name)
	a.move(argPairs, tmpPairs)
	a.line("%spair:", name)
	a.move(argGroups, tmpGroups)
	if blocks == 2 && panels == 2 {
		a.op("MOVQ %d(DI), R10", argAhead)
		a.op("ADDQ BX, R10")
	}
	a.line("%sgroup:", name)
	tileSums(a, name, blocks, panels)
	a.op("MOVQ %d(DI), R12", argBlock)
	a.op("MOVQ CX, R13")
	a.op("SHLQ $4, R13")
	for range blocks {
		a.op("ADDQ R12, SI")
		a.op("ADDQ R13, DX")
	}
	a.op("DECQ %d(DI)", tmpGroups)
	a.op("JNE %sgroup", name)

	a.op("MOVQ %d(DI), SI", argA)
	a.op("MOVQ %d(DI), DX", tmpColumn)
	a.op("ADDQ $128, DX")
	a.op("MOVQ DX, %d(DI)", tmpColumn)
	a.op("LEAQ (BX)(R9*2), BX")
	a.op("DECQ %d(DI)", tmpPairs)
	a.op("JNE %spair", name)

	a.op("MOVQ %d(DI), BX", argB)
	a.op("ADDQ $8, %d(DI)", tmpAt)
	a.op("DECQ %d(DI)", tmpParts)
	a.op("JNE %s", name)
	a.op("JMP done")
}

// tileSums computes the sums of one group of rows and one pair of panels.
func tileSums(a *asm, name string, blocks, panels int) {
	for t := range 2 * blocks {
		if t%2 < panels {
			a.raw(vex(3, 0x49, 0xc0|t<<3), fmt.Sprintf("TILEZERO T%d", t))
		}
	}
	a.op("TESTQ R11, R11")
	a.op("JEQ %sruns", name)
	eachTile(a, blocks, panels, tileLoad)
	a.line("%sruns:", name)
	a.move(argRuns, tmpRuns)
	a.op("MOVQ %d(DI), R14", tmpAt)
	a.op("MOVQ SI, R12") // a
	a.line("%srun:", name)
	a.op("MOVQ (R14), R13")
	a.op("LEAQ (BX)(R13*2), R13") // b
	a.op("MOVQ %d(DI), R15", argLines)
	a.line("%sstep:", name)
	tileStep(a, blocks, panels)
	if blocks == 2 && panels == 2 {
		// 512 bytes at each step: four groups fetch a pair of panels.
		for l := range 4 {
			a.op("PREFETCHT1 %d(R10)", 64*l)
			a.op("PREFETCHT1 %d(R10)(R9*1)", 64*l)
		}
		a.op("ADDQ $256, R10")
	}
	a.op("ADDQ R8, R12")
	a.op("ADDQ $1024, R13")
	a.op("DECQ R15")
	a.op("JNE %sstep", name)
	a.op("MOVQ %d(DI), R14", argRuns)
	a.op("SUBQ %d(DI), R14", tmpRuns)
	a.op("SHLQ $3, R14")
	a.op("ADDQ %d(DI), R14", tmpAt)
	a.op("ADDQ $8, R14")
	a.op("DECQ %d(DI)", tmpRuns)
	a.op("JNE %srun", name)
	eachTile(a, blocks, panels, tileStore)
}

// tileStep multiplies one line of each block of rows by one step of each panel.
func tileStep(a *asm, blocks, panels int) {
	if blocks == 1 {
		streamWeights(a, "R13", panels, 16)
	}
	tileLoad(a, tileA, regR12, "R12", regAX, "AX")
	tileLoad(a, tileB, regR13, "R13", regAX, "AX")
	tileDot(a, 0, tileA, tileB)
	if panels == 2 {
		a.op("LEAQ (R13)(R9*1), R14")
		tileLoad(a, tileB+1, regR14, "R14", regAX, "AX")
		tileDot(a, 1, tileA, tileB+1)
	}
	if blocks == 2 {
		a.op("MOVQ %d(DI), R14", argBlock)
		a.op("ADDQ R12, R14")
		tileLoad(a, tileA+1, regR14, "R14", regAX, "AX")
		tileDot(a, 2, tileA+1, tileB)
		if panels == 2 {
			tileDot(a, 3, tileA+1, tileB+1)
		}
	}
}

// streamWeights fetches lines of each panel that are due streamAhead bytes later.
func streamWeights(a *asm, base string, panels, lines int) {
	for l := range lines {
		a.op("PREFETCHT0 %d(%s)", streamAhead+64*l, base)
		if panels == 2 {
			a.op("PREFETCHT0 %d(%s)(R9*1)", streamAhead+64*l, base)
		}
	}
}

// eachTile visits the tiles of sums with their places in c.
func eachTile(a *asm, blocks, panels int, visit func(a *asm, tile, base int, baseName string, index int, indexName string)) {
	a.op("MOVQ DX, R14")
	for m := range blocks {
		if m > 0 {
			a.op("MOVQ CX, R14")
			a.op("SHLQ $4, R14")
			a.op("ADDQ DX, R14")
		}
		visit(a, 2*m, regR14, "R14", regCX, "CX")
		if panels == 2 {
			a.op("ADDQ $64, R14")
			visit(a, 2*m+1, regR14, "R14", regCX, "CX")
		}
	}
}

func tileLoad(a *asm, tile, base int, baseName string, index int, indexName string) {
	a.raw(tileMemory(3, tile, base, index), fmt.Sprintf("TILELOADD (%s)(%s*1), T%d", baseName, indexName, tile))
}

func tileStore(a *asm, tile, base int, baseName string, index int, indexName string) {
	a.raw(tileMemory(2, tile, base, index), fmt.Sprintf("TILESTORED T%d, (%s)(%s*1)", tile, baseName, indexName))
}

func tileDot(a *asm, sum, x, y int) {
	a.raw(tdpbf16ps(sum, x, y), fmt.Sprintf("TDPBF16PS T%d, T%d, T%d", y, x, sum))
}

// tdpbf16ps encodes sum += x * y: VEX.128.F3.0F38.W0 5C /r.
func tdpbf16ps(sum, x, y int) []byte {
	code := vex(2, 0x5c, 0xc0|sum<<3|x)
	code[2] = byte(^y&15)<<3 | 2 // vvvv
	return code
}

// vex encodes an instruction of map 0F38 with registers below 8, 128 bits, W0:
// prefix 0 is none, 2 is F3, 3 is F2 (Intel SDM, volume 2, 2.3).
func vex(prefix, opcode int, rest ...int) []byte {
	code := []byte{0xc4, 0xe2, byte(0x78 | prefix), byte(opcode)}
	for _, b := range rest {
		code = append(code, byte(b))
	}
	return code
}

// tileMemory encodes a load or store of a tile at base + row*index.
func tileMemory(prefix, tile, base, index int) []byte {
	code := vex(prefix, 0x4b, 0x44|tile<<3, (index&7)<<3|base&7, 0) // disp8 = 0: R13 needs one
	code[1] = byte(0x80 | (1^index>>3)<<6 | (1^base>>3)<<5 | 2)
	return code
}
