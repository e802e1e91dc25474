package cpu

import (
	"errors"
	"fmt"

	"tierlab/engine/backend/cpu/internal/kernels"
	"tierlab/engine/model"
)

// weights are a model's tensors as the forward pass reads them.
type weights struct {
	embed     *kernels.Matrix // Vocab x Hidden
	head      *kernels.Matrix // Vocab x Hidden; embed, if tied
	finalNorm []float32       // Hidden
	layers    []layer
}

// layer is one layer's weights. With q = Heads*HeadDim and kv = KVHeads*HeadDim:
type layer struct {
	attnNorm []float32       // Hidden
	qkv      *kernels.Matrix // q+2kv x Hidden: Q, K, V
	qkvBias  []float32       // q+2kv; nil without QKVBias
	qNorm    []float32       // HeadDim; nil without QKNorm
	kNorm    []float32       // HeadDim; nil without QKNorm
	o        *kernels.Matrix // Hidden x q
	mlpNorm  []float32       // Hidden
	gateUp   *kernels.Matrix // 2*gateRows x Hidden: turns of Gate and of Up
	down     *kernels.Matrix // Hidden x FFN
}

// gateRows is FFN rounded up to a turn's least size: rows beyond FFN are zero.
func gateRows(m model.Config) int { return roundUp(m.FFN, 32) }

// gateTurn is how many rows of Gate, and then of Up, follow each other in gateUp.
func gateTurn(m model.Config) int {
	turn := 128
	for gateRows(m)%turn != 0 {
		turn /= 2
	}
	return turn
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// load reads and packs all weights.
func load(src model.Source, k *kernels.Kernels, p *kernels.Pool) (w *weights, err error) {
	l := loader{src: src, m: src.Config(), k: k, pool: p}
	w = &weights{layers: make([]layer, l.m.Layers)}
	w.embed = l.matrix(model.Ref{Kind: model.Embed})
	w.head = w.embed
	if !l.m.TiedHead {
		w.head = l.matrix(model.Ref{Kind: model.Head})
	}
	w.finalNorm = l.vector(model.Ref{Kind: model.FinalNorm})
	for i := range w.layers {
		w.layers[i] = l.layer(i)
	}
	if l.err != nil {
		return nil, errors.Join(l.err, w.close())
	}
	return w, nil
}

// loader reads tensors until the first error.
type loader struct {
	src  model.Source
	m    model.Config
	k    *kernels.Kernels
	pool *kernels.Pool
	err  error
}

func (l *loader) layer(i int) layer {
	ref := func(k model.Kind) model.Ref { return model.Ref{Kind: k, Layer: i} }
	w := layer{
		attnNorm: l.vector(ref(model.AttnNorm)),
		qkv:      l.stacked(ref(model.Q), ref(model.K), ref(model.V)),
		o:        l.matrix(ref(model.O)),
		mlpNorm:  l.vector(ref(model.MLPNorm)),
		gateUp:   l.inTurns(ref(model.Gate), ref(model.Up)),
		down:     l.matrix(ref(model.Down)),
	}
	if l.m.QKVBias {
		for _, k := range []model.Kind{model.QBias, model.KBias, model.VBias} {
			w.qkvBias = append(w.qkvBias, l.vector(ref(k))...)
		}
	}
	if l.m.QKNorm {
		w.qNorm, w.kNorm = l.vector(ref(model.QNorm)), l.vector(ref(model.KNorm))
	}
	return w
}

func (l *loader) vector(r model.Ref) []float32 {
	_, cols := l.m.Shape(r)
	v := make([]float32, cols)
	if l.err == nil {
		l.err = l.src.Rows(r, 0, v)
	}
	return v
}

func (l *loader) matrix(r model.Ref) *kernels.Matrix { return l.stacked(r) }

// stacked packs tensors of equal columns below each other. The rows of all but
// the last are a multiple of 16.
func (l *loader) stacked(refs ...model.Ref) *kernels.Matrix {
	total, cols := 0, 0
	ends := make([]int, len(refs))
	for i, r := range refs {
		rows, c := l.m.Shape(r)
		total, cols = total+rows, c
		ends[i] = total
	}
	return l.pack(total, cols, func(row int, dst []float32) error {
		first := 0
		for i, end := range ends {
			if row < end {
				return l.src.Rows(refs[i], row-first, dst)
			}
			first = end
		}
		return fmt.Errorf("cpu: row %d of %d", row, total)
	})
}

// inTurns packs gateTurn rows of one tensor, then as many of the other.
func (l *loader) inTurns(gate, up model.Ref) *kernels.Matrix {
	turn := gateTurn(l.m)
	return l.pack(2*gateRows(l.m), l.m.Hidden, func(row int, dst []float32) error {
		of, row := row/turn%2, row/(2*turn)*turn+row%turn
		have := max(0, min(len(dst)/l.m.Hidden, l.m.FFN-row)) * l.m.Hidden
		clear(dst[have:])
		if have == 0 {
			return nil
		}
		return l.src.Rows([]model.Ref{gate, up}[of], row, dst[:have])
	})
}

func (l *loader) pack(rows, cols int, read func(row int, dst []float32) error) *kernels.Matrix {
	if l.err != nil {
		return nil
	}
	w, err := l.k.Pack(l.pool, rows, cols, read)
	l.err = err
	return w
}

// close frees the matrices.
func (w *weights) close() error {
	all := []*kernels.Matrix{w.embed}
	if w.head != w.embed {
		all = append(all, w.head)
	}
	for _, l := range w.layers {
		all = append(all, l.qkv, l.o, l.gateUp, l.down)
	}
	var errs []error
	for _, m := range all {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	*w = weights{}
	return errors.Join(errs...)
}

// bytes is what the matrices take.
func (w *weights) bytes() int64 {
	n := w.embed.Bytes()
	if w.head != w.embed {
		n += w.head.Bytes()
	}
	for _, l := range w.layers {
		n += l.qkv.Bytes() + l.o.Bytes() + l.gateUp.Bytes() + l.down.Bytes()
	}
	return n
}

// weightBytes is what load will take, packed.
func weightBytes(m model.Config, k *kernels.Kernels) int64 {
	q, kv := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	n := k.MatrixBytes(q+2*kv, m.Hidden) + k.MatrixBytes(m.Hidden, q) +
		k.MatrixBytes(2*gateRows(m), m.Hidden) + k.MatrixBytes(m.Hidden, m.FFN)
	n = n*int64(m.Layers) + k.MatrixBytes(m.Vocab, m.Hidden)
	if !m.TiedHead {
		n += k.MatrixBytes(m.Vocab, m.Hidden)
	}
	return n
}
