package kernels

import "unsafe"

// tileArgs are the operands of a product of tiles, which gen knows the order and
// offsets of.
type tileArgs struct {
	mulArgs         // shape: 2*blocks of rows + panels, of 1 or 2 each
	aBlock  uintptr // from a block of rows of a to the next, in bytes
	groups  uintptr // of 1 or 2 blocks of rows
	pairs   uintptr // of panels, or 1 panel
	at      *int    // indices in b of parts or runs
	parts   uintptr // as in scoreBlocks; or 1
	runs    uintptr // as in sumBlocks; or 1
	_       [6]uintptr
	ahead   uintptr // from a pair of panels to what to fetch meanwhile, in bytes
	config  tileConfig
}

// atStart is the index of a product of one part and one run.
var atStart int

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
func mulTiles(p product[uint16]) {
	slice, rows := min(p.lines, tileCallLines), p.n
	if p.n > 16 {
		slice = min(p.lines, tileLines)
		rows = max(32, tileRowBytes/(64*slice)&^31)
	}
	for first := 0; first < p.panels; first += tilePanels {
		for from := 0; from < p.lines; from += slice {
			for i := 0; i < p.n; i += rows {
				t := tileBlock{product: p, rows: min(i+rows, p.n), first: first, last: min(first+tilePanels, p.panels)}
				t.add = p.add || from > 0
				t.b = p.b[from*512:]
				t.from += from
				t.mul(i, min(slice, p.lines-from), 1, 1, &atStart)
			}
		}
	}
}

// scoreTiles is scoreBlocks with AMX.
func scoreTiles(p product[uint16], blocks []int) {
	t := tileBlock{product: p, rows: p.n, last: p.panels}
	t.mul(0, p.lines, len(blocks), 1, &blocks[0])
}

// sumTiles is sumBlocks with AMX.
func sumTiles(p product[uint16], blocks []int) {
	t := tileBlock{product: p, rows: p.n, last: p.panels}
	t.add = true
	t.mul(0, p.lines, 1, len(blocks), &blocks[0])
}

// tileBlock is a part of a product that stays in the second cache: rows up to
// one by panels first to last-1.
type tileBlock struct {
	product[uint16]
	rows, first, last int
}

// mul computes the block from row i on, for lines of each panel. Two panels at a
// time stay in the first cache while rows pass, 32 at a time and the last 31 in
// blocks of 16 and less.
func (t *tileBlock) mul(i, lines, parts, runs int, at *int) {
	m := tileArgs{aBlock: uintptr(t.rowLines()) * 1024, at: at, parts: uintptr(parts), runs: uintptr(runs)}
	m.ldc, m.bPanel, m.lines = uintptr(t.ldc)*4, uintptr(t.lines)*1024, uintptr(lines)
	if t.add {
		m.acc = 1
	}
	most := max(1, tileCallLines/(lines*parts*runs))
	for i < t.rows {
		blocks, groups, h := 1, 1, min(16, t.rows-i)
		if t.rows-i >= 32 {
			blocks, groups = 2, min(most, (t.rows-i)/32)
		}
		m.config.shape(h)
		m.aStep, m.groups = uintptr(h)*64, uintptr(groups)
		line, _ := t.row(i)
		m.a = unsafe.Pointer(&t.a[line*32])
		for p := t.first; p < t.last; {
			wide, pairs := min(2, t.last-p), 1
			if wide == 2 {
				pairs = max(1, min(most/groups, (t.last-p)/2))
			}
			if parts > 1 {
				pairs = t.last / 2 // parts lie beside each other
			}
			m.shape, m.pairs = uintptr(2*blocks+wide), uintptr(pairs)
			m.c = unsafe.Pointer(&t.c[i*t.ldc+p*panelRows])
			m.b = unsafe.Pointer(&t.b[p*t.lines*512])
			m.ahead = 2 * m.bPanel
			if parts*runs > 1 {
				// The next panels are in the cache or in another block: fetch what is there.
				m.ahead = uintptr(m.a) - uintptr(m.b)
			}
			mulTilesAMX(&m)
			p += pairs * wide
		}
		i += min(t.rows-i, groups*blocks*16)
	}
}
