package kernels

import (
	"fmt"

	"tierlab/engine/bf16"
	"tierlab/engine/kv"
)

// KV is the paged memory of keys and values. One head's part of a block holds its
// keys as a matrix of tokens x headDim and its values as one of headDim x tokens,
// both laid out as Matrix: scores and weighted sums are products like all
// others. Memory is [layers][blocks][heads][keys, values].
//
// What a block holds beyond the tokens that were written to it is zero from the
// time its first token is written or it is copied to, so that a probability of
// zero times a value that was never written is zero.
type KV struct {
	k           *Kernels
	layers      int
	blocks      int
	blockTokens int
	heads       int
	headDim     int

	keyLines  int // steps in k of a panel of keys
	valPanels int // panels of values
	keyElems  int // of a head's part of a block
	valElems  int
	mem       slab
	zero      []float32 // headDim
}

// MaxHeadDim is the most elements of a head.
const MaxHeadDim = 512

// NewKV allocates keys and values for blocks of blockTokens tokens, a multiple of
// 32 up to 256. headDim is a multiple of 16 up to MaxHeadDim.
func (k *Kernels) NewKV(layers, blocks, blockTokens, heads, headDim int) (*KV, error) {
	switch {
	case layers <= 0 || blocks <= 0 || heads <= 0:
		return nil, fmt.Errorf("kv memory of %d layers, %d blocks, %d heads: want positive sizes", layers, blocks, heads)
	case blockTokens <= 0 || blockTokens%32 != 0 || blockTokens > 256:
		return nil, fmt.Errorf("kv memory with blocks of %d tokens: want a multiple of 32 up to 256", blockTokens)
	case headDim <= 0 || headDim%16 != 0 || headDim > MaxHeadDim:
		return nil, fmt.Errorf("kv memory with heads of %d elements: want a multiple of 16 up to %d", headDim, MaxHeadDim)
	}
	c := &KV{k: k, layers: layers, blocks: blocks, blockTokens: blockTokens, heads: heads, headDim: headDim}
	e := k.num.lineElems()
	c.keyLines = (headDim + e - 1) / e
	c.valPanels = headDim / panelRows
	c.keyElems = blockTokens / panelRows * c.keyLines * k.num.stepElems()
	c.valElems = c.valPanels * (blockTokens / e) * k.num.stepElems()
	mem, err := newSlab(k.num, layers*blocks*c.blockElems())
	if err != nil {
		return nil, fmt.Errorf("kv memory of %d blocks: %w", blocks, err)
	}
	c.mem = mem
	c.zero = make([]float32, headDim)
	return c, nil
}

// KVBlockBytes is the memory that a block takes over all layers.
func (k *Kernels) KVBlockBytes(layers, blockTokens, heads, headDim int) int64 {
	e := k.num.lineElems()
	perHead := blockTokens * ((headDim+e-1)/e*e + headDim)
	return int64(layers) * int64(heads) * int64(perHead) * int64(64/e)
}

// Bytes is the memory taken.
func (c *KV) Bytes() int64 { return int64(len(c.mem.f32))*4 + int64(len(c.mem.b16))*2 }

// Close frees the memory. Nothing may use it then.
func (c *KV) Close() error { return c.mem.free() }

// blockElems is the number of elements of a block in one layer.
func (c *KV) blockElems() int { return c.heads * (c.keyElems + c.valElems) }

// head is the index of the keys of one head's part of a block; its values follow.
func (c *KV) head(layer int, b kv.Block, head int) int {
	return (layer*c.blocks+int(b))*c.blockElems() + head*(c.keyElems+c.valElems)
}

// Write stores the keys and values of the n tokens from position start on, for
// the heads lo to hi-1. Row i of k and v, at i*stride, has headDim elements for
// each of all heads. table lists the sequence's blocks from position 0. Calls for
// different heads, or for different blocks, may run at once.
func (c *KV) Write(layer int, table []kv.Block, start, n int, k, v []float32, stride, lo, hi int) {
	for i := range n {
		pos := start + i
		block, token := table[pos/c.blockTokens], pos%c.blockTokens
		if token == 0 {
			from := c.head(layer, block, lo)
			c.clear(from, from+(hi-lo)*(c.keyElems+c.valElems))
		}
		for h := lo; h < hi; h++ {
			at := i*stride + h*c.headDim
			c.put(c.head(layer, block, h), token, k[at:at+c.headDim], v[at:at+c.headDim])
		}
	}
}

func (c *KV) clear(from, to int) {
	if c.k.num == BF16 {
		clear(c.mem.b16[from:to])
	} else {
		clear(c.mem.f32[from:to])
	}
}

// put stores one token of the head at index base.
func (c *KV) put(base, token int, k, v []float32) {
	e := c.k.num.lineElems()
	keys := base + token/panelRows*c.keyLines*c.k.num.stepElems()
	lane := token % panelRows
	// Values have a token's elements in the lanes of one step after another.
	values := base + c.keyElems + token/e*c.k.num.stepElems()
	panel := c.blockTokens / e * c.k.num.stepElems()
	if c.k.num == F32 {
		packRowF32(c.mem.f32[keys:], lane, k)
		for d, x := range v {
			c.mem.f32[values+d/panelRows*panel+token%e*panelRows+d%panelRows] = x
		}
		return
	}
	c.k.ops.putKVB16(c.mem.b16[keys+2*lane:], c.mem.b16[values+token%e>>1*(2*panelRows)+token&1:], panel, k, v)
}

// putKVB16 rounds a token's key into a lane of a panel, and its value into a
// column of panels that are step elements apart.
func putKVB16(keys, values []uint16, step int, k, v []float32) {
	packRowB16(keys, 0, k)
	for d := 0; d < len(v); d += panelRows {
		dst := values[d/panelRows*step:]
		for r, x := range v[d : d+panelRows] {
			dst[2*r] = uint16(bf16.Of(x))
		}
	}
}

// CopyBlock copies the first tokens of a block to another one, in all layers,
// and leaves the rest of that one zero.
func (c *KV) CopyBlock(from, to kv.Block, tokens int) {
	n := c.blockElems()
	for l := range c.layers {
		src, dst := c.head(l, from, 0), c.head(l, to, 0)
		if c.k.num == BF16 {
			copy(c.mem.b16[dst:dst+n], c.mem.b16[src:src+n])
		} else {
			copy(c.mem.f32[dst:dst+n], c.mem.f32[src:src+n])
		}
		for h := range c.heads {
			for t := tokens; t < c.blockTokens; t++ {
				c.put(c.head(l, to, h), t, c.zero, c.zero)
			}
		}
	}
}
