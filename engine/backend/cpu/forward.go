package cpu

import (
	"math"

	"tierlab/engine/backend/cpu/internal/kernels"
)

// forward computes the logits of the step's outputs. Each line is a region; the
// package comment draws them.
func (p *pass) forward() {
	layers := p.w.layers
	p.norm = layers[0].attnNorm
	p.x.Reset(p.n)
	p.each(p.jobs.embed)
	for i := range layers {
		l := &layers[i]
		p.layer = i
		p.multiply(p.qkv, l.qkv, p.x)
		p.pool.Run(len(p.segments), p.jobs.keys)
		if i == len(layers)-1 && !p.narrow() {
			return
		}
		p.attention(l)
		p.norm = l.mlpNorm
		p.each(p.jobs.join)
		p.mlp(l)
		p.norm = p.w.finalNorm
		if i+1 < len(layers) {
			p.norm = layers[i+1].attnNorm
		}
		p.each(p.jobs.join)
	}
	p.multiply(p.logits, p.w.head, p.x)
}

// attention leaves O a in tmp.
func (p *pass) attention(l *layer) {
	p.ax.Reset(p.n)
	p.pool.Run(len(p.queries)*p.m.KVHeads, p.jobs.attend)
	p.each(p.jobs.gather)
	p.multiply(p.tmp, l.o, p.ax)
}

// mlp leaves Down y in tmp.
func (p *pass) mlp(l *layer) {
	p.yx.Reset(p.n)
	p.pool.Run(gateRows(p.m)/gateTurn(p.m), p.jobs.mlp)
	p.multiply(p.tmp, l.down, p.yx)
}

// narrow goes on with the outputs' positions alone, now that all keys and
// values are written, and reports whether there are any.
func (p *pass) narrow() bool {
	for i, o := range p.outputs { // o.at >= i, so nothing is overwritten before it is read
		copy(p.h[i*p.m.Hidden:][:p.m.Hidden], p.h[o.at*p.m.Hidden:])
	}
	p.queries = append(p.queries[:0], p.outputs...)
	p.n = len(p.outputs)
	p.x.Reset(p.n)
	return p.n > 0
}

// mostPositions is how many positions one task takes at most.
const mostPositions = 16

// share is how many positions a task takes, so that each worker has several.
func (p *pass) share() int { return min(max(1, p.n/(4*p.pool.Workers())), mostPositions) }

// each runs a region by positions.
func (p *pass) each(job func(worker, task int)) {
	share := p.share()
	p.pool.Run((p.n+share-1)/share, job)
}

// span is the positions of a task.
func (p *pass) span(task int) (lo, hi int) {
	share := p.share()
	return task * share, min((task+1)*share, p.n)
}

// embedTask starts the residual stream, and the angles of its positions.
func (p *pass) embedTask(worker, task int) {
	half := p.m.HeadDim / 2
	for i, end := p.span(task); i < end; i++ {
		cos, sin := p.cos[i*half:][:half], p.sin[i*half:][:half]
		for j, f := range p.freq {
			s, c := math.Sincos(f * float64(p.position[i]))
			sin[j], cos[j] = float32(s), float32(c)
		}
		p.w.embed.Row(p.h[i*p.m.Hidden:][:p.m.Hidden], int(p.tokens[i]))
		p.normalize(worker, i)
	}
}

// joinTask adds what attention or MLP gave to the residual stream.
func (p *pass) joinTask(worker, task int) {
	stride := roundUp(p.m.Hidden, 16)
	for i, end := p.span(task); i < end; i++ {
		p.k.Add(p.h[i*p.m.Hidden:][:p.m.Hidden], p.tmp[i*stride:][:p.m.Hidden])
		p.normalize(worker, i)
	}
}

// normalize puts Norm(h) of position i into x.
func (p *pass) normalize(worker, i int) {
	row := p.workers[worker].row
	p.k.RMSNorm(row, p.h[i*p.m.Hidden:][:p.m.Hidden], p.norm, p.m.RMSEps)
	p.k.Put(p.x, i, 0, row)
}

// product is the operands of a region that multiplies.
type product struct {
	y     []float32
	w     *kernels.Matrix
	x     *kernels.Panel
	chunk int // outputs of a task
}

// multiply computes y = W x for all positions.
func (p *pass) multiply(y []float32, w *kernels.Matrix, x *kernels.Panel) {
	p.product = product{y, w, x, p.k.ChunkRows(w, x.Rows(), p.pool.Workers())}
	p.pool.Run((w.Rows()+p.product.chunk-1)/p.product.chunk, p.jobs.product)
}

func (p *pass) productTask(_, task int) {
	m := &p.product
	lo := task * m.chunk
	p.k.Mul(m.y[lo:], m.w.PaddedRows(), m.w, m.x, lo, min(lo+m.chunk, m.w.Rows()))
}

// keysTask finishes queries, keys and values of a segment and stores the latter
// two.
func (p *pass) keysTask(_, task int) {
	s, l := &p.segments[task], &p.w.layers[p.layer]
	stride, half := l.qkv.PaddedRows(), p.m.HeadDim/2
	q, kv := p.m.Heads*p.m.HeadDim, p.m.KVHeads*p.m.HeadDim
	for i := s.at; i < s.at+s.n; i++ {
		row := p.qkv[i*stride:][:q+2*kv]
		if p.m.QKVBias {
			p.k.Add(row, l.qkvBias)
		}
		if p.m.QKNorm {
			p.normalizeHeads(row[:q], l.qNorm)
			p.normalizeHeads(row[q:q+kv], l.kNorm)
		}
		p.k.Rope(row[:q+kv], p.cos[i*half:][:half], p.sin[i*half:][:half])
	}
	rows := p.qkv[s.at*stride:]
	p.kv.Write(p.layer, s.table, s.start, s.n, rows[q:], rows[q+kv:], stride, 0, p.m.KVHeads)
}

func (p *pass) normalizeHeads(x, weight []float32) {
	for ; len(x) > 0; x = x[p.m.HeadDim:] {
		p.k.RMSNorm(x[:p.m.HeadDim], x[:p.m.HeadDim], weight, p.m.RMSEps)
	}
}

// attendTask computes the attention of a run of positions for one key-value
// head. The longest contexts come last in a row, so they begin first.
func (p *pass) attendTask(worker, task int) {
	q := &p.queries[len(p.queries)-1-task/p.m.KVHeads]
	head := task % p.m.KVHeads
	stride, width := p.w.layers[p.layer].qkv.PaddedRows(), p.m.Heads*p.m.HeadDim
	a := kernels.Attention{
		Layer: p.layer, Table: q.table, Start: q.start, N: q.n, Heads: p.m.Heads,
		Q: p.qkv[q.at*stride:], QStride: stride, Out: p.a[q.out*width:], OutStride: width,
	}
	p.kv.Attend(&a, head, head+1, p.workers[worker].attention)
}

// gatherTask makes attention's output ready for the product with O.
func (p *pass) gatherTask(_, task int) {
	width := p.m.Heads * p.m.HeadDim
	for i, end := p.span(task); i < end; i++ {
		p.k.Put(p.ax, i, 0, p.a[i*width:][:width])
	}
}

// mlpTask computes a turn of Gate and Up, and SiLU(Gate x) * Up x.
func (p *pass) mlpTask(worker, task int) {
	turn, y := gateTurn(p.m), p.workers[worker].turn
	lo, first := 2*turn*task, turn*task
	p.k.Mul(y, 2*turn, p.w.layers[p.layer].gateUp, p.x, lo, lo+2*turn)
	width := min(turn, p.m.FFN-first)
	for i := range p.n {
		gate, up := y[2*turn*i:][:width], y[2*turn*i+turn:][:width]
		p.k.SwiGLU(gate, gate, up)
		p.k.Put(p.yx, i, first, gate)
	}
}
