package kernels

import (
	"fmt"
	"math"

	"tierlab/engine/kv"
)

// Attention is the causal attention of the n tokens of one sequence from
// position Start on, whose keys and values have been written, as all before
// them.
type Attention struct {
	Layer    int
	Table    []kv.Block // the sequence's blocks from position 0
	Start, N int

	// Row i of Q, at i*QStride, and of Out has headDim elements for each query
	// head. Query heads g*kvHead to g*(kvHead+1)-1 attend to a key-value head,
	// where g = Heads / kv heads.
	Q, Out             []float32
	QStride, OutStride int
	Heads              int
}

// attendRows is the number of rows, each a query head of a token, that pass over
// keys and values together: two blocks of a Panel.
const attendRows = 32

// tileTokens is the number of positions, from a multiple of it on, that a row's
// softmax takes in together. A tile is whole blocks, so it is larger where 256
// is no multiple of a block.
const tileTokens = 256

// Scratch is one worker's memory for attention.
type Scratch struct {
	q    *Panel    // attendRows x headDim
	s    []float32 // attendRows x tile: scores
	p    *Panel    // attendRows x tile: probabilities
	o    []float32 // attendRows x headDim
	rows [attendRows]softmaxRow
	tile int   // tokens
	at   []int // of a tile's blocks in the memory
}

// NewScratch makes the memory for one worker that attends to c.
func (c *KV) NewScratch() *Scratch {
	tile := (tileTokens + c.blockTokens - 1) / c.blockTokens * c.blockTokens
	return &Scratch{
		q:    c.k.NewPanel(attendRows, c.headDim),
		s:    alignedF32(attendRows * tile),
		p:    c.k.NewPanel(attendRows, tile),
		o:    alignedF32(attendRows * c.headDim),
		tile: tile,
		at:   make([]int, 0, tile/c.blockTokens),
	}
}

// Attend computes the attention of the query heads that belong to the key-value
// heads lo to hi-1, with scores scaled by 1/sqrt(headDim). Calls for different
// heads, sequences or tokens may run at once, each with its own scratch.
//
// A row's softmax takes in tiles of positions that begin at multiples of the
// tile's size, whatever else is computed beside it.
func (c *KV) Attend(a *Attention, lo, hi int, s *Scratch) {
	group := a.Heads / c.heads
	if group*c.heads != a.Heads {
		panic(fmt.Sprintf("kernels: %d query heads over %d key-value heads: want a multiple", a.Heads, c.heads))
	}
	for h := lo; h < hi; h++ {
		for r := 0; r < a.N*group; r += attendRows {
			c.attendRows(a, h, r, min(attendRows, a.N*group-r), s)
		}
	}
}

// attendRows attends with rows r to r+n-1 of key-value head h, where row i is
// query head h*group + i%group of token i/group.
func (c *KV) attendRows(a *Attention, h, r, n int, s *Scratch) {
	group := a.Heads / c.heads
	s.q.Reset(n)
	s.p.Reset(n)
	for i := range n {
		at := (r+i)/group*a.QStride + (h*group+(r+i)%group)*c.headDim
		c.k.Put(s.q, i, 0, a.Q[at:at+c.headDim])
		s.rows[i] = softmaxRow{m: float32(math.Inf(-1))}
		s.rows[i].at, s.rows[i].step = s.p.at(i)
	}
	clear(s.o[:n*c.headDim])
	last := a.Start + (r+n-1)/group
	for t := 0; t <= last; t += s.tile {
		s.at = s.at[:0]
		for _, b := range a.Table[t/c.blockTokens : min(t+s.tile, last+c.blockTokens)/c.blockTokens] {
			s.at = append(s.at, c.head(a.Layer, b, h))
		}
		c.scores(n, s)
		width := len(s.at) * c.blockTokens
		for i := range n {
			s.rows[i].visible = min(max(a.Start+(r+i)/group+1-t, 0), width)
		}
		c.weigh(n, width, s)
		c.sum(n, s)
	}
	for i := range n {
		at := (r+i)/group*a.OutStride + (h*group+(r+i)%group)*c.headDim
		c.k.ops.scale(a.Out[at:at+c.headDim], s.o[i*c.headDim:][:c.headDim], 1/s.rows[i].l)
	}
}

// scores multiplies the queries by the keys of one tile's blocks.
func (c *KV) scores(n int, s *Scratch) {
	panels := c.blockTokens / panelRows
	if c.k.num == BF16 {
		c.k.ops.scoresB16(product[uint16]{c: s.s, ldc: s.tile, a: s.q.b16, n: n, b: c.mem.b16, lines: c.keyLines, panels: panels}, s.at)
	} else {
		scoreBlocks(c.k.ops.mulF32, product[float32]{c: s.s, ldc: s.tile, a: s.q.f32, n: n, b: c.mem.f32, lines: c.keyLines, panels: panels}, s.at)
	}
}

// weigh takes a tile's scores into the softmax of all rows.
func (c *KV) weigh(n, width int, s *Scratch) {
	scale := 1 / float32(math.Sqrt(float64(c.headDim)))
	if c.k.num == BF16 {
		c.k.ops.softmaxB16(s.p.b16, s.s, s.tile, width, s.rows[:n], scale)
	} else {
		c.k.ops.softmaxF32(s.p.f32, s.s, s.tile, width, s.rows[:n], scale)
	}
	for i := range n {
		if f := s.rows[i].shrink; f != 1 {
			o := s.o[i*c.headDim:][:c.headDim]
			c.k.ops.scale(o, o, f)
		}
	}
}

// sum adds the values of one tile's blocks, weighed by the probabilities.
func (c *KV) sum(n int, s *Scratch) {
	lines := c.blockTokens / c.k.num.lineElems()
	if c.k.num == BF16 {
		c.k.ops.sumB16(product[uint16]{c: s.o, ldc: c.headDim, a: s.p.b16, n: n, aLines: s.p.lines,
			b: c.mem.b16[c.keyElems:], lines: lines, panels: c.valPanels}, s.at)
	} else {
		sumBlocks(c.k.ops.mulF32, product[float32]{c: s.o, ldc: c.headDim, a: s.p.f32, n: n, aLines: s.p.lines,
			b: c.mem.f32[c.keyElems:], lines: lines, panels: c.valPanels}, s.at)
	}
}

// scoreBlocks multiplies the same rows by p.panels panels at each index of p.b in
// blocks, and puts the products beside each other.
func scoreBlocks[E float32 | uint16](mul func(product[E]), p product[E], blocks []int) {
	b, c := p.b, p.c
	for i, at := range blocks {
		p.b, p.c = b[at:], c[i*p.panels*panelRows:]
		mul(p)
	}
}

// sumBlocks multiplies the rows, p.lines lines after another, by the panels at
// each index of p.b in blocks, and adds the products to c.
func sumBlocks[E float32 | uint16](mul func(product[E]), p product[E], blocks []int) {
	b := p.b
	p.add = true
	for i, at := range blocks {
		p.b, p.from = b[at:], i*p.lines
		mul(p)
	}
}
