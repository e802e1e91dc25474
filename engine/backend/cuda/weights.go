package cuda

import (
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/model"
)

// weights are where a model's tensors lie on the device. Matrices are bf16, norms
// and biases f32.
type weights struct {
	embed     driver.Ptr // [Vocab][Hidden]
	head      driver.Ptr // [Vocab][Hidden]; embed, if tied
	finalNorm driver.Ptr // [Hidden]
	layers    []layer
	places    []place // of all tensors
}

// layer is one layer's weights.
type layer struct {
	attnNorm driver.Ptr // [Hidden]
	qkv      driver.Ptr // [(Heads + 2 KVHeads) HeadDim][Hidden]: Q, K, V
	bias     driver.Ptr // [(Heads + 2 KVHeads) HeadDim]; 0 without QKVBias
	qNorm    driver.Ptr // [HeadDim]; 0 without QKNorm
	kNorm    driver.Ptr
	o        driver.Ptr // [Hidden][Heads HeadDim]
	mlpNorm  driver.Ptr // [Hidden]
	gateUp   driver.Ptr // [2 FFN][Hidden]: Gate, Up
	down     driver.Ptr // [Hidden][FFN]
}

// place is where one tensor goes.
type place struct {
	ref        model.Ref
	to         driver.Ptr
	rows, cols int
}

// elements is how many numbers the tensor has.
func (p *place) elements() int64 { return int64(p.rows) * int64(p.cols) }

// size is the bytes of a number on the device.
func (p *place) size() int64 {
	if p.ref.Kind.Matrix() {
		return 2
	}
	return 4
}

// arena hands out a range of addresses, each aligned for the widest access.
type arena struct{ next driver.Ptr }

const alignment = 256

func (a *arena) take(bytes int64) driver.Ptr {
	p := a.next
	a.next += driver.Ptr((bytes + alignment - 1) / alignment * alignment)
	return p
}

// layWeights lays a model's tensors out from base on and says how many bytes they
// take.
func layWeights(m model.Config, base driver.Ptr) (*weights, int64) {
	a := &arena{next: base}
	w := &weights{layers: make([]layer, m.Layers)}
	w.embed = w.put(a, m, 0, model.Embed)
	for i := range w.layers {
		w.layers[i] = w.layLayer(a, m, i)
	}
	w.finalNorm = w.put(a, m, 0, model.FinalNorm)
	w.head = w.embed
	if !m.TiedHead {
		w.head = w.put(a, m, 0, model.Head)
	}
	return w, int64(a.next - base)
}

func (w *weights) layLayer(a *arena, m model.Config, i int) layer {
	l := layer{attnNorm: w.put(a, m, i, model.AttnNorm), qkv: w.put(a, m, i, model.Q, model.K, model.V)}
	if m.QKVBias {
		l.bias = w.put(a, m, i, model.QBias, model.KBias, model.VBias)
	}
	if m.QKNorm {
		l.qNorm, l.kNorm = w.put(a, m, i, model.QNorm), w.put(a, m, i, model.KNorm)
	}
	l.o = w.put(a, m, i, model.O)
	l.mlpNorm = w.put(a, m, i, model.MLPNorm)
	l.gateUp = w.put(a, m, i, model.Gate, model.Up)
	l.down = w.put(a, m, i, model.Down)
	return l
}

// put takes room for tensors that follow one another without a gap.
func (w *weights) put(a *arena, m model.Config, layer int, kinds ...model.Kind) driver.Ptr {
	bytes := int64(0)
	at := a.next
	for _, k := range kinds {
		p := place{ref: model.Ref{Kind: k}, to: at + driver.Ptr(bytes)}
		if k.PerLayer() {
			p.ref.Layer = layer
		}
		p.rows, p.cols = m.Shape(p.ref)
		w.places = append(w.places, p)
		bytes += p.elements() * p.size()
	}
	return a.take(bytes)
}
