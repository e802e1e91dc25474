package kernels

import (
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
// softmax takes in together. A tile is whole blocks, so it is larger where 128
// is no multiple of a block.
const tileTokens = 128

// Scratch is one worker's memory for attention.
type Scratch struct {
	q    *Panel    // attendRows x headDim
	s    []float32 // attendRows x tile: scores, then probabilities
	p    *Panel    // the same probabilities as panels of one block's tokens each
	o    []float32 // attendRows x headDim
	m, l [attendRows]float32
	tile int // tokens
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
	for i := range n {
		at := (r+i)/group*a.QStride + (h*group+(r+i)%group)*c.headDim
		c.k.Put(s.q, i, 0, a.Q[at:at+c.headDim])
		s.m[i], s.l[i] = float32(math.Inf(-1)), 0
	}
	clear(s.o[:n*c.headDim])
	last := a.Start + (r+n-1)/group
	for t := 0; t <= last; t += s.tile {
		blocks := a.Table[t/c.blockTokens : min(t+s.tile, last+c.blockTokens)/c.blockTokens]
		c.scores(a.Layer, blocks, h, n, s)
		for i := range n {
			c.weigh(s, i, n, len(blocks), a.Start+(r+i)/group+1-t)
		}
		c.sum(a.Layer, blocks, h, n, s)
	}
	for i := range n {
		at := (r+i)/group*a.OutStride + (h*group+(r+i)%group)*c.headDim
		out := a.Out[at : at+c.headDim]
		copy(out, s.o[i*c.headDim:])
		c.k.ops.scale(out, 1/s.l[i])
	}
}

// scores multiplies the queries by the keys of one tile's blocks.
func (c *KV) scores(layer int, blocks []kv.Block, h, n int, s *Scratch) {
	panels := c.blockTokens / panelRows
	for i, b := range blocks {
		keys := c.head(layer, b, h)
		out := s.s[i*c.blockTokens:]
		if c.k.num == BF16 {
			c.k.ops.mulB16(out, s.tile, s.q.b16, n, c.mem.b16[keys:], c.keyLines, panels, false)
		} else {
			c.k.ops.mulF32(out, s.tile, s.q.f32, n, c.mem.f32[keys:], c.keyLines, panels, false)
		}
	}
}

// weigh takes the scores of row i of n into its softmax.
func (c *KV) weigh(s *Scratch, i, n, blocks, visible int) {
	row := s.s[i*s.tile:][:blocks*c.blockTokens]
	visible = min(max(visible, 0), len(row))
	var shrink float32
	s.m[i], s.l[i], shrink = c.k.ops.softmax(row, visible, 1/float32(math.Sqrt(float64(c.headDim))), s.m[i], s.l[i])
	if shrink != 1 {
		c.k.ops.scale(s.o[i*c.headDim:][:c.headDim], shrink)
	}
	e := c.k.num.lineElems()
	base := i &^ 15
	height := min(16, n-base)
	for b := range blocks {
		at := (b*n+base)*c.blockTokens + (i-base)*e
		if c.k.num == BF16 {
			c.k.ops.putB16(s.p.b16[at:], height*e, row[b*c.blockTokens:][:c.blockTokens])
		} else {
			putF32(s.p.f32[at:], height*e, row[b*c.blockTokens:][:c.blockTokens])
		}
	}
}

// sum adds the values of one tile's blocks, weighed by the probabilities.
func (c *KV) sum(layer int, blocks []kv.Block, h, n int, s *Scratch) {
	lines := c.blockTokens / c.k.num.lineElems()
	for i, b := range blocks {
		values := c.head(layer, b, h) + c.keyElems
		at := i * n * c.blockTokens
		if c.k.num == BF16 {
			c.k.ops.mulB16(s.o, c.headDim, s.p.b16[at:], n, c.mem.b16[values:], lines, c.valPanels, true)
		} else {
			c.k.ops.mulF32(s.o, c.headDim, s.p.f32[at:], n, c.mem.f32[values:], lines, c.valPanels, true)
		}
	}
}
