package kernels

import "unsafe"

// tileArgs are the operands of a product of tiles, which gen knows the order and
// offsets of.
type tileArgs struct {
	mulArgs         // shape: 2*blocks of rows + panels, of 1 or 2 each
	aBlock  uintptr // from a block of rows of a to the next, in bytes
	groups  uintptr // of 1 or 2 blocks of rows
	pairs   uintptr // of panels, or 1 panel; spoilt
	_       [2]uintptr
	config  tileConfig
}

// tileConfig is what LDTILECFG reads: palette 1, and of each tile the bytes in a
// row and the rows (Intel SDM, volume 1, 18.2).
type tileConfig struct {
	palette  uint8
	_        [15]uint8
	rowBytes [16]uint16
	rows     [16]uint8
}

//go:noescape
func mulTilesAMX(m *tileArgs)

// shape sets the tiles for blocks of h rows.
func (c *tileConfig) shape(h int) {
	c.palette = 1
	for t := range 8 {
		c.rowBytes[t] = 64
		c.rows[t] = uint8(h)
	}
	c.rows[6], c.rows[7] = 16, 16
}

// The parts in which a product goes through its operands, so that they are in the
// second cache (of 2 MiB on the chips with AMX) when they are read again:
// tileLines lines of tilePanels panels take up to 1 MiB there, and those of the
// rows that meet them half of that. Cutting lines costs a store and a load of
// sums, which tileLines makes rare.
const (
	tileLines    = 64
	tilePanels   = 16
	tileRowBytes = 512 << 10
)

// tileCallLines bounds what one call of mulTilesAMX does, which the scheduler
// cannot interrupt: a line of two panels takes some 64 cycles where it computes,
// and up to 150 ns where it waits for memory.
const tileCallLines = 512

// mulTiles is mulB16 with AMX.
func mulTiles(c []float32, ldc int, a []uint16, n int, b []uint16, lines, panels int, acc bool) {
	slice, rows := min(lines, tileCallLines), n
	if n > 16 {
		slice = min(lines, tileLines)
		rows = max(32, tileRowBytes/(64*slice)&^31)
	}
	m := tileArgs{mulArgs: mulArgs{ldc: uintptr(ldc) * 4, bPanel: uintptr(lines) * 1024}, aBlock: uintptr(lines) * 1024}
	for first := 0; first < panels; first += tilePanels {
		count := min(tilePanels, panels-first)
		for from := 0; from < lines; from += slice {
			m.lines = uintptr(min(slice, lines-from))
			m.acc = 0
			if acc || from > 0 {
				m.acc = 1
			}
			for i := 0; i < n; i += rows {
				t := tileBlock{c: c[i*ldc+first*16:], ldc: ldc, a: a[i*lines*32:], n: min(rows, n-i), b: b[first*lines*512:], panels: count, lines: lines, from: from}
				t.mul(&m)
			}
		}
	}
}

// tileBlock is a part of a product that stays in the second cache: n rows by
// the panels, from line from on.
type tileBlock struct {
	c           []float32
	ldc         int
	a, b        []uint16
	n, panels   int
	lines, from int // of a whole row; the first of this part, which has as many as the tileArgs say
}

// mul computes the block. Two panels at a time stay in the first cache while
// rows pass, 32 at a time and the last 31 in blocks of 16 and less.
func (t *tileBlock) mul(m *tileArgs) {
	lines := int(m.lines)
	most := max(1, tileCallLines/lines)
	for i := 0; i < t.n; {
		blocks, groups, h := 1, 1, min(16, t.n-i)
		if t.n-i >= 32 {
			blocks, groups = 2, min(most, (t.n-i)/32)
		}
		m.config.shape(h)
		m.aStep = uintptr(h) * 64
		m.a = unsafe.Pointer(&t.a[i*t.lines*32+t.from*h*32])
		m.groups = uintptr(groups)
		for p := 0; p < t.panels; {
			wide := min(2, t.panels-p)
			pairs := 1
			if wide == 2 {
				pairs = max(1, min(most/groups, (t.panels-p)/2))
			}
			m.shape = uintptr(2*blocks + wide)
			m.pairs = uintptr(pairs)
			m.c = unsafe.Pointer(&t.c[i*t.ldc+p*16])
			m.b = unsafe.Pointer(&t.b[(p*t.lines+t.from)*512])
			mulTilesAMX(m)
			p += pairs * wide
		}
		i += groups * (blocks - 1) * 32
		if blocks == 1 {
			i += h
		}
	}
}
