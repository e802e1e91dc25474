package cpu

import (
	"errors"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cpu/internal/kernels"
	"tierlab/engine/kv"
	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// pass is what the forward pass works on: the step under way and its
// activations. T is Config.Budget, S is Config.Slots.
type pass struct {
	m    model.Config
	k    *kernels.Kernels
	pool *kernels.Pool
	w    *weights
	kv   *kernels.KV
	freq []float64 // RoPE's angles per position, [HeadDim/2]
	jobs jobs

	// The step under way. Positions of all rows lie end to end.
	n        int       // of positions that are computed
	layer    int       // that is computed
	norm     []float32 // the weight of the norm that join ends with
	tokens   []int32   // [T] input ids
	position []int32   // [T] in the context
	segments []segment // runs of positions within a block
	queries  []query   // runs of positions that attend together
	outputs  []query   // the positions that give logits, one each
	product  product
	picks    []sample.Pick
	choices  []sample.Choice
	errs     []error // [S] of choose

	h      []float32      // [T][Hidden] residual stream
	cos    []float32      // [T][HeadDim/2]
	sin    []float32      // [T][HeadDim/2]
	x      *kernels.Panel // [T][Hidden] after a norm
	qkv    []float32      // [T][q+2kv]
	a      []float32      // [T][q] attention's output
	ax     *kernels.Panel // [T][q]
	tmp    []float32      // [T][Hidden, padded] what is added to h
	yx     *kernels.Panel // [T][FFN]
	logits []float32      // [S][Vocab, padded]

	workers []worker
}

// worker is one worker's scratch.
type worker struct {
	row       []float32 // [Hidden]
	turn      []float32 // [T][2 gateTurn] of Gate x and of Up x
	attention *kernels.Scratch
	sampler   sample.Sampler
	_         [64]byte // keeps workers' samplers on lines of their own
}

// segment is a run of positions of one row that lie in one block.
type segment struct {
	table    []kv.Block
	start, n int // positions in the context
	at       int // index of the first in the step
}

// query is a run of positions of one row.
type query struct {
	table    []kv.Block
	start, n int // positions in the context
	at       int // index of the first in the step
	out      int // index of the first in what goes on
}

// jobs are the tasks of the regions, made once because a closure allocates.
type jobs struct {
	embed, product, keys, attend, gather, join, mlp, choose func(worker, task int)
}

func newPass(c Config, m model.Config, k *kernels.Kernels, pool *kernels.Pool, w *weights, cache *kernels.KV) *pass {
	t, q := c.Budget, m.Heads*m.HeadDim
	p := &pass{
		m: m, k: k, pool: pool, w: w, kv: cache, freq: m.Frequencies(),
		tokens: make([]int32, t), position: make([]int32, t),
		segments: make([]segment, 0, t/c.BlockTokens+2*c.Slots), queries: make([]query, 0, t+c.Slots), outputs: make([]query, 0, c.Slots),
		errs: make([]error, c.Slots),
		h:    make([]float32, t*m.Hidden), cos: make([]float32, t*m.HeadDim/2), sin: make([]float32, t*m.HeadDim/2),
		x: k.NewPanel(t, m.Hidden), qkv: make([]float32, t*w.layers[0].qkv.PaddedRows()),
		a: make([]float32, t*q), ax: k.NewPanel(t, q),
		tmp:     make([]float32, t*w.layers[0].o.PaddedRows()),
		yx:      k.NewPanel(t, m.FFN),
		logits:  make([]float32, c.Slots*w.head.PaddedRows()),
		workers: make([]worker, pool.Workers()),
	}
	for i := range p.workers {
		p.workers[i] = worker{row: make([]float32, m.Hidden), turn: make([]float32, t*2*gateTurn(m)), attention: cache.NewScratch()}
	}
	p.jobs = jobs{
		embed: p.embedTask, product: p.productTask, keys: p.keysTask, attend: p.attendTask,
		gather: p.gatherTask, join: p.joinTask, mlp: p.mlpTask, choose: p.chooseTask,
	}
	return p
}

// activationBytes bounds what newPass and the slots' tables will take.
func activationBytes(m model.Config, c Config) int64 {
	q, kv := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	perPosition := m.Hidden + m.HeadDim + roundUp(q+2*kv, 16) + q + roundUp(m.Hidden, 16) + c.Threads*2*gateTurn(m) +
		roundUp(m.Hidden, 32) + roundUp(q, 32) + roundUp(m.FFN, 32) // the last three in panels
	perSlot := roundUp(m.Vocab, 16) + (c.Context+c.BlockTokens-1)/c.BlockTokens
	perWorker := 8*m.Vocab + 1<<18 // a sampler's weights and candidates, and a tile of attention
	return 4 * (int64(c.Budget)*int64(perPosition) + int64(c.Slots)*int64(perSlot) + int64(c.Threads)*int64(perWorker))
}

// lay takes in a step: tokens, positions, and how the rows are cut into tasks.
func (p *pass) lay(s *backend.Step, slots *backend.Slots, blockTokens int) {
	p.n = len(s.Tokens)
	p.segments, p.queries, p.outputs = p.segments[:0], p.queries[:0], p.outputs[:0]
	tile := max(1, 32/(p.m.Heads/p.m.KVHeads)) // positions that attend together
	at := 0
	for i := range s.Plan.Rows {
		r := &s.Plan.Rows[i]
		start, n, table := int(r.Start), int(r.N), slots.Table(r.Slot)
		copy(p.tokens[at:], s.Tokens[at:at+n])
		if r.FromDevice {
			p.tokens[at+n-1] = slots.Last(r.Slot)
		}
		for k := range n {
			p.position[at+k] = int32(start + k)
		}
		for k := 0; k < n; {
			step := min(n-k, blockTokens-(start+k)%blockTokens)
			p.segments = append(p.segments, segment{table: table, start: start + k, n: step, at: at + k})
			k += step
		}
		for k := 0; k < n; k += tile {
			p.queries = append(p.queries, query{table: table, start: start + k, n: min(tile, n-k), at: at + k, out: at + k})
		}
		at += n
		if r.Sample {
			p.outputs = append(p.outputs, query{table: table, start: start + n - 1, n: 1, at: at - 1, out: len(p.outputs)})
		}
	}
}

// choose fills in the choices from the logits of the outputs.
func (p *pass) choose(picks []sample.Pick, choices []sample.Choice) error {
	p.picks, p.choices = picks, choices
	p.pool.Run(len(picks), p.jobs.choose)
	return errors.Join(p.errs[:len(picks)]...)
}

func (p *pass) chooseTask(worker, i int) {
	row := p.logits[i*p.w.head.PaddedRows():][:p.m.Vocab]
	p.errs[i] = p.workers[worker].sampler.Choose(row, &p.picks[i], &p.choices[i])
}
