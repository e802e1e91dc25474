package model

import (
	"math"
	"math/bits"
)

// Seeded is a model whose weights are made from a seed as the package comment
// says. Nothing is stored: a row costs the time to compute it. It panics on a
// Config that is not valid.
func Seeded(c Config, seed uint64) Source {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	s := &seeded{config: c, seed: seed}
	for k := Embed; k <= Head; k++ {
		_, cols := c.Shape(Ref{Kind: k})
		for b := range 256 {
			s.values[k][b] = weight(k, cols, int8(b))
		}
	}
	return s
}

type seeded struct {
	config Config
	seed   uint64
	values [Head + 1][256]float32 // what each hash byte stands for, by kind
}

// weight is the value of a hash byte in a tensor with that many columns.
func weight(k Kind, cols int, b int8) float32 {
	switch {
	case k == QBias || k == KBias || k == VBias:
		return float32(b) / (1 << 9)
	case !k.Matrix():
		return 1 + float32(b>>3)/(1<<7)
	}
	return float32(math.Ldexp(float64(b), -6-(bits.Len(uint(cols-1))+1)/2))
}

// SeedOf is the seed of a Source that Seeded made. A device that has it makes the
// weights itself, from what SeededTensor says.
func SeedOf(s Source) (seed uint64, ok bool) {
	if s, isSeeded := s.(*seeded); isSeeded {
		return s.seed, true
	}
	return 0, false
}

// SeededTensor is what a tensor of the seeded weights is made of: its two keys,
// and what a byte of the hash is multiplied by, 0 for the weight of a norm, as
// the package comment has them. Without the tensor in the model ok is false.
func SeededTensor(seed uint64, c Config, t Ref) (a, b uint32, scale float32, ok bool) {
	rows, cols := c.Shape(t)
	if rows == 0 {
		return 0, 0, 0, false
	}
	if t.Kind == Head && c.TiedHead {
		t.Kind = Embed
	}
	a, b = seedKeys(seed, t)
	if t.Kind.Matrix() || t.Kind == QBias || t.Kind == KBias || t.Kind == VBias {
		scale = weight(t.Kind, cols, 1)
	}
	return a, b, scale, true
}

func (s *seeded) Config() Config { return s.config }

// Bytes is the size that the weights would have in bf16.
func (s *seeded) Bytes() int64 { return 2 * s.config.Params() }

func (s *seeded) Close() error { return nil }

func (s *seeded) Rows(t Ref, row int, dst []float32) error {
	cols, err := checkRows(s.config, t, row, len(dst))
	if err != nil {
		return err
	}
	if t.Kind == Head && s.config.TiedHead {
		t.Kind = Embed
	}
	a, b := seedKeys(s.seed, t)
	hashRow(dst, int64(row)*int64(cols), a, b, &s.values[t.Kind])
	return nil
}

// checkRows checks the arguments of Source.Rows and gives the tensor's columns.
func checkRows(c Config, t Ref, row, n int) (cols int, err error) {
	rows, cols := c.Shape(t)
	switch {
	case rows == 0:
		return 0, c.errorf("it has no tensor %v", t)
	case n%cols != 0:
		return 0, c.errorf("%v: %d values are no whole number of rows of %d", t, n, cols)
	case row < 0 || row+n/cols > rows:
		return 0, c.errorf("%v: rows %d to %d of %d", t, row, row+n/cols, rows)
	}
	return cols, nil
}

// hashRow gives dst the values of the weights from index on.
func hashRow(dst []float32, index int64, a, b uint32, values *[256]float32) {
	w := uint32(index / 4)
	if skip := int(index % 4); skip > 0 {
		h := hashWord(w, a, b) >> (8 * skip)
		n := min(4-skip, len(dst))
		for i := range n {
			dst[i] = values[uint8(h>>(8*i))]
		}
		dst = dst[n:]
		w++
	}
	for ; len(dst) >= 4; dst = dst[4:] {
		h := hashWord(w, a, b)
		dst[3] = values[uint8(h>>24)]
		dst[2] = values[uint8(h>>16)]
		dst[1] = values[uint8(h>>8)]
		dst[0] = values[uint8(h)]
		w++
	}
	if len(dst) > 0 {
		h := hashWord(w, a, b)
		for i := range dst {
			dst[i] = values[uint8(h>>(8*i))]
		}
	}
}

// hashWord is four weights of the tensor with keys a and b.
func hashWord(w, a, b uint32) uint32 {
	x := w + a
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= b
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}

// seedKeys are a tensor's two keys.
func seedKeys(seed uint64, t Ref) (a, b uint32) {
	id := uint32(t.Layer)<<8 | uint32(t.Kind)
	lo, hi := uint32(seed), uint32(seed>>32)
	key := func(x uint32) uint32 { return mix(mix(mix(x+0x9e3779b9)^lo) ^ hi) }
	return key(id), key(^id)
}

// mix is the 32-bit mixer "lowbias32" (Wellons, https://github.com/skeeto/hash-prospector).
func mix(x uint32) uint32 { return hashWord(x, 0, 0) }
