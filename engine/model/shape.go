package model

import (
	"fmt"
	"math"
)

// kindNames are the tensors' names in messages, by Kind.
var kindNames = [...]string{
	"Embed", "AttnNorm", "Q", "K", "V", "QBias", "KBias", "VBias", "QNorm", "KNorm", "O",
	"MLPNorm", "Gate", "Up", "Down", "FinalNorm", "Head",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// PerLayer says whether every layer has its own tensor of this kind.
func (k Kind) PerLayer() bool { return k != Embed && k != FinalNorm && k != Head }

// Matrix says whether tensors of this kind are matrices; the others are vectors.
func (k Kind) Matrix() bool {
	switch k {
	case Embed, Q, K, V, O, Gate, Up, Down, Head:
		return true
	}
	return false
}

func (r Ref) String() string {
	if r.Kind.PerLayer() {
		return fmt.Sprintf("%v[%d]", r.Kind, r.Layer)
	}
	return r.Kind.String()
}

// Shape is a tensor's rows and columns, and 0 x 0 where the model has no such
// tensor. A vector is one row.
func (c Config) Shape(r Ref) (rows, cols int) {
	if r.Layer < 0 || r.Layer >= c.Layers || !r.Kind.PerLayer() && r.Layer != 0 {
		return 0, 0
	}
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	switch r.Kind {
	case Embed, Head:
		return c.Vocab, c.Hidden
	case AttnNorm, MLPNorm, FinalNorm:
		return 1, c.Hidden
	case Q:
		return q, c.Hidden
	case K, V:
		return kv, c.Hidden
	case O:
		return c.Hidden, q
	case Gate, Up:
		return c.FFN, c.Hidden
	case Down:
		return c.Hidden, c.FFN
	case QBias:
		if c.QKVBias {
			return 1, q
		}
	case KBias, VBias:
		if c.QKVBias {
			return 1, kv
		}
	case QNorm, KNorm:
		if c.QKNorm {
			return 1, c.HeadDim
		}
	}
	return 0, 0
}

// Tensors lists what is stored, in the order of the files that WriteFolder
// writes: the embedding, the layers from the first, the last norm, and the
// head unless it is the embedding.
func (c Config) Tensors() []Ref {
	list := []Ref{{Kind: Embed}}
	for l := range c.Layers {
		for k := AttnNorm; k <= Down; k++ {
			if rows, _ := c.Shape(Ref{k, l}); rows > 0 {
				list = append(list, Ref{k, l})
			}
		}
	}
	list = append(list, Ref{Kind: FinalNorm})
	if !c.TiedHead {
		list = append(list, Ref{Kind: Head})
	}
	return list
}

// Params is the number of stored weights; a tied head counts once.
func (c Config) Params() int64 {
	var n int64
	for k := Embed; k <= Head; k++ {
		rows, cols := c.Shape(Ref{Kind: k})
		of := int64(rows) * int64(cols)
		switch {
		case k.PerLayer():
			of *= int64(c.Layers)
		case k == Head && c.TiedHead:
			of = 0
		}
		n += of
	}
	return n
}

// CacheBytesPerToken is what a token's keys and values take, with elements of
// elem bytes.
func (c Config) CacheBytesPerToken(elem int) int {
	return 2 * c.Layers * c.KVHeads * c.HeadDim * elem
}

// Frequencies are RoPE's angles per position in radians, one for each of the
// HeadDim/2 pairs of a head: theta^(-2i/HeadDim) (Su et al.,
// https://arxiv.org/abs/2104.09864), stretched by Rope. Pair i of a head is its
// elements i and i+HeadDim/2, as in Hugging Face's layout of the weights, and
// its angle at position p is p times frequency i.
//
// transformers computes the same in f32: the two differ by some 1e-7 relative.
func (c Config) Frequencies() []float64 {
	f := make([]float64, c.HeadDim/2)
	for i := range f {
		f[i] = math.Pow(c.RopeTheta, -2*float64(i)/float64(c.HeadDim))
		if c.Rope != nil {
			f[i] = c.Rope.stretch(f[i])
		}
	}
	return f
}

// stretch divides low frequencies by Factor, keeps high ones, and goes from one
// to the other linearly in the number of turns that a frequency makes within
// the original context (apply_scaling of
// https://github.com/meta-llama/llama-models/blob/main/models/llama3/model.py).
func (r RopeScaling) stretch(f float64) float64 {
	turns := float64(r.OriginalContext) * f / (2 * math.Pi)
	switch {
	case turns < r.LowFreqFactor:
		return f / r.Factor
	case turns > r.HighFreqFactor:
		return f
	}
	smooth := (turns - r.LowFreqFactor) / (r.HighFreqFactor - r.LowFreqFactor)
	return (1-smooth)*f/r.Factor + smooth*f
}
