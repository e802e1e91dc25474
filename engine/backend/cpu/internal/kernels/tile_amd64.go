package kernels

import "unsafe"

// tileArgs are the operands of a product of tiles, which gen knows the order and
// offsets of.
type tileArgs struct {
	mulArgs         // shape: 2*blocks of rows + panels, of 1 or 2 each
	aBlock  uintptr // from a block of rows of a to the next, in bytes
	groups  uintptr // of 1 or 2 blocks of rows; spoilt
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

// tileLines is how many lines two blocks of rows and two panels go through
// together: they take 64 KiB.
const tileLines = 16

// tileCallLines bounds what one call of mulTilesAMX does, which the scheduler
// cannot interrupt: a line of 2 x 2 tiles takes some 64 cycles.
const tileCallLines = 2048

// mulTiles goes through all rows for two panels, which meanwhile stay in the
// first cache.
func mulTiles(c []float32, ldc int, a []uint16, n int, b []uint16, lines, panels int, acc bool) {
	var m tileArgs
	m.ldc = uintptr(ldc) * 4
	m.bPanel = uintptr(lines) * 1024
	m.aBlock = uintptr(lines) * 1024
	slice := lines
	if n > 32 {
		slice = tileLines
	}
	for from := 0; from < lines; from += slice {
		m.lines = uintptr(min(slice, lines-from))
		m.acc = 0
		if acc || from > 0 {
			m.acc = 1
		}
		for p := 0; p < panels; p += 2 {
			m.b = unsafe.Pointer(&b[(p*lines+from)*512])
			m.column(c[p*16:], ldc, a, n, lines, from, min(2, panels-p))
		}
	}
}

// column multiplies all rows by the panels at m.b.
func (m *tileArgs) column(c []float32, ldc int, a []uint16, n, lines, from, panels int) {
	most := max(1, tileCallLines/int(m.lines))
	for i := 0; i < n; {
		blocks, h := 1, min(16, n-i)
		groups := 1
		if n-i >= 32 {
			blocks = 2
			groups = min(most, (n-i)/32)
		}
		m.config.shape(h)
		m.aStep = uintptr(h) * 64
		m.shape = uintptr(2*blocks + panels)
		m.groups = uintptr(groups)
		m.a = unsafe.Pointer(&a[i*lines*32+from*h*32])
		m.c = unsafe.Pointer(&c[i*ldc])
		mulTilesAMX(m)
		i += min(n-i, groups*blocks*16)
	}
}
