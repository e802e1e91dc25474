package kernels

import (
	"fmt"
	"math"
	"testing"

	"tierlab/engine/kv"
)

// context is a sequence's queries, keys and values, row by row.
type context struct {
	tokens, heads, kvHeads, headDim int
	q, k, v                         []float32
}

func newContext(tokens, heads, kvHeads, headDim int) *context {
	return &context{tokens, heads, kvHeads, headDim,
		normal(10, tokens*heads*headDim), normal(11, tokens*kvHeads*headDim), normal(12, tokens*kvHeads*headDim)}
}

// attention computes the context in chunks, whose sizes repeat, over blocks that
// are scattered over a memory full of another context's numbers.
func (x *context) attention(t *testing.T, k *Kernels, blockTokens int, chunks ...int) []float32 {
	t.Helper()
	blocks := (x.tokens + blockTokens - 1) / blockTokens
	c, err := k.NewKV(2, blocks+3, blockTokens, x.kvHeads, x.headDim)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range c.mem.f32 {
		c.mem.f32[i] = float32(math.NaN())
	}
	for i := range c.mem.b16 {
		c.mem.b16[i] = 0x7fc0
	}
	var table []kv.Block
	for i := range blocks {
		table = append(table, kv.Block((i*7+2)%(blocks+3)))
	}
	if (blocks+3)%7 == 0 {
		for i := range table {
			table[i] = kv.Block(i + 1)
		}
	}
	s := c.NewScratch()
	qw, kw := x.heads*x.headDim, x.kvHeads*x.headDim
	out := make([]float32, x.tokens*qw)
	for start, i := 0, 0; start < x.tokens; i++ {
		n := min(chunks[i%len(chunks)], x.tokens-start)
		c.Write(1, table, start, n, x.k[start*kw:], x.v[start*kw:], kw, 0, 1)
		c.Write(1, table, start, n, x.k[start*kw:], x.v[start*kw:], kw, 1, x.kvHeads)
		a := Attention{Layer: 1, Table: table, Start: start, N: n, Heads: x.heads,
			Q: x.q[start*qw:], QStride: qw, Out: out[start*qw:], OutStride: qw}
		for h := range x.kvHeads {
			c.Attend(&a, h, h+1, s)
		}
		start += n
	}
	return out
}

// exact is the attention in float64 of operands rounded as the numerics do.
func (x *context) exact(num Numerics, token, head int) []float64 {
	kvHead := head / (x.heads / x.kvHeads)
	q := x.q[(token*x.heads+head)*x.headDim:][:x.headDim]
	score := make([]float64, token+1)
	top := math.Inf(-1)
	for j := range score {
		for d := range x.headDim {
			score[j] += num.as(q[d]) * num.as(x.k[(j*x.kvHeads+kvHead)*x.headDim+d])
		}
		score[j] /= math.Sqrt(float64(x.headDim))
		top = max(top, score[j])
	}
	out := make([]float64, x.headDim)
	var sum float64
	for j, s := range score {
		p := math.Exp(s - top)
		sum += p
		for d := range out {
			out[d] += p * num.as(x.v[(j*x.kvHeads+kvHead)*x.headDim+d])
		}
	}
	for d := range out {
		out[d] /= sum
	}
	return out
}

var contexts = []struct{ tokens, heads, kvHeads, headDim, blockTokens int }{
	{1, 4, 2, 16, 32}, {40, 3, 1, 48, 32}, {150, 12, 4, 64, 32}, {300, 4, 2, 128, 64}, {290, 2, 2, 32, 96},
}

func TestAttendAgainstFloat64(t *testing.T) {
	eachKernels(t, func(t *testing.T, k *Kernels) {
		tolerance := 3e-5
		if k.num == BF16 {
			tolerance = 1e-2 // probabilities are rounded to 8 bits
		}
		for _, s := range contexts {
			x := newContext(s.tokens, s.heads, s.kvHeads, s.headDim)
			got := x.attention(t, k, s.blockTokens, s.tokens)
			for token := 0; token < s.tokens; token += 1 + s.tokens/20 {
				for head := range s.heads {
					for d, want := range x.exact(k.num, token, head) {
						if g := float64(got[(token*s.heads+head)*s.headDim+d]); !(math.Abs(g-want) <= tolerance) {
							t.Fatalf("%v: token %d, head %d, element %d: %g, want %g", s, token, head, d, g, want)
						}
					}
				}
			}
		}
	})
}

// Chunks do not change attention's bits, nor what a block held before.
func TestAttendBits(t *testing.T) {
	eachKernels(t, func(t *testing.T, k *Kernels) {
		for _, s := range contexts {
			x := newContext(s.tokens, s.heads, s.kvHeads, s.headDim)
			want := x.attention(t, k, s.blockTokens, s.tokens)
			for _, chunks := range [][]int{{1}, {2, 31}, {64, 1, 1, 7}} {
				sameBits(t, fmt.Sprintf("%v in chunks of %v", s, chunks), x.attention(t, k, s.blockTokens, chunks...), want)
			}
		}
	})
}
