package cuda

import (
	"fmt"
	"math"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
)

// MemoryError says that a model does not fit into a device's memory. Nothing has
// been allocated then.
type MemoryError struct {
	Device                      string
	Weights, Cache, Activations int64 // bytes asked for
	Reserve                     int64 // bytes left to the driver
	Free, Total                 int64 // bytes of the device
}

func (e *MemoryError) Error() string {
	asked := e.Weights + e.Cache + e.Activations + e.Reserve
	text := fmt.Sprintf("cuda: %s: %s of device memory are asked for (weights %s, keys and values %s, activations %s, the driver %s), and %s of %s are free: ",
		e.Device, mebibytes(asked), mebibytes(e.Weights), mebibytes(e.Cache), mebibytes(e.Activations), mebibytes(e.Reserve), mebibytes(e.Free), mebibytes(e.Total))
	if taken := e.Total - e.Free; asked <= e.Total && taken > e.Total/20 {
		return text + fmt.Sprintf("%s are taken by others: end them (nvidia-smi lists them), or take another device", mebibytes(taken))
	}
	if e.Weights+e.Activations+e.Reserve > e.Total {
		return text + "the model is larger than the device: take fewer layers, a smaller budget, or a device with more memory"
	}
	return text + "take fewer blocks or slots, a shorter context, a smaller budget or fewer layers"
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// reserve is left free for what the driver and libraries take on their own:
// modules, graphs, the stacks of kernels.
const reserve = 512 << 20

// maxDecodeItems bounds the memory of attention's partial sums. Rows beyond it
// are computed as prefills of one token, which need none.
const maxDecodeItems = 8192

// sizes are a backend's dimensions, known before anything is allocated.
type sizes struct {
	model     model.Config
	tokens    int // of the largest graph
	samples   int
	slots     int
	context   int
	maxBlocks int // entries of a slot's table
	block     int // tokens
	blocks    int
	decode    int // items of attend_decode that there is memory for
	prefill   int // items of attend_prefill of a step
	choosers  int // samples that are chosen at once
	product   int64
}

// activations are where a step's arrays lie on the device.
type activations struct {
	h       driver.Ptr // f32 [tokens][Hidden], the residual stream
	x       driver.Ptr // [tokens or samples][Hidden], after a norm
	qkv     driver.Ptr // [tokens][(Heads + 2 KVHeads) HeadDim]
	a       driver.Ptr // [tokens][Heads HeadDim], attention's output
	y       driver.Ptr // [tokens][Hidden], what is added to h
	gu      driver.Ptr // [tokens][2 FFN]
	act     driver.Ptr // [tokens][FFN]
	logits  driver.Ptr // f32 [samples][Vocab]
	partial driver.Ptr // f32 [decode][Heads][HeadDim]
	scale   driver.Ptr // f32 [decode][Heads][2]
	choose  driver.Ptr // workspace
	product driver.Ptr // workspace

	tables      driver.Ptr // i32 [slots][maxBlocks]
	last        driver.Ptr // i32 [slots], the tokens chosen last
	frequencies driver.Ptr // f64 [HeadDim / 2]
	angles      driver.Ptr // f32 [context][HeadDim / 2][2]
	step        driver.Ptr // what a step's upload holds: see layout
	masks       driver.Ptr // u64 [slots][words]
	chosen      driver.Ptr // [samples] kernels.Chosen
}

// layActivations lays the arrays out from base on and says how many bytes they
// take.
func layActivations(s sizes, base driver.Ptr) (*activations, int64) {
	m, t, n := s.model, int64(s.tokens), int64(s.samples)
	q := int64(m.Heads * m.HeadDim)
	qkv := q + int64(2*m.KVHeads*m.HeadDim)
	hidden, ffn := int64(m.Hidden), int64(m.FFN)
	at := &arena{next: base}
	a := &activations{
		h: at.take(4 * t * hidden), x: at.take(2 * max(t, n) * hidden), qkv: at.take(2 * t * qkv), a: at.take(2 * t * q),
		y: at.take(2 * t * hidden), gu: at.take(4 * t * ffn), act: at.take(2 * t * ffn), logits: at.take(4 * n * int64(m.Vocab)),
		partial: at.take(4 * int64(s.decode) * q), scale: at.take(8 * int64(s.decode) * int64(m.Heads)),
		choose: at.take(kernels.ChooseWorkspace(m, s.choosers)), product: at.take(s.product),
		tables: at.take(4 * int64(s.slots) * int64(s.maxBlocks)), last: at.take(4 * int64(s.slots)),
		frequencies: at.take(8 * int64(m.HeadDim/2)), angles: at.take(8 * int64(s.context) * int64(m.HeadDim/2)),
		step: at.take(s.stepBytes()), masks: at.take(8 * int64(s.slots) * int64(maskWords(m.Vocab))),
		chosen: at.take(8 * n),
	}
	return a, int64(at.next - base)
}

func maskWords(vocab int) int { return (vocab + 63) / 64 }

// blockBytes is what one block's keys take in all layers, and its values.
func blockBytes(m model.Config, blockTokens int) int64 {
	return 2 * int64(m.Layers) * int64(m.KVHeads) * int64(m.HeadDim) * int64(blockTokens)
}

// plan settles the sizes, and refuses what does not fit into the memory.
func (c *Config) plan(m model.Config, d driver.Device, free, total, product int64) (sizes, error) {
	context := c.Context
	if context == 0 {
		context = m.Context
	}
	s := c.sizes(m, d, context, product)
	_, weights := layWeights(m, 0)
	_, acts := layActivations(s, 0)
	need := MemoryError{Device: d.Name, Weights: weights, Activations: acts, Reserve: min(reserve, total/16), Free: free, Total: total}
	perBlock := 2 * blockBytes(m, c.BlockTokens)
	least := s.maxBlocks // one context, or where nobody asked for its length a step's worth
	if c.Context == 0 {
		least = (min(context, c.Budget) + c.BlockTokens - 1) / c.BlockTokens
	}
	most := math.MaxInt32 / c.BlockTokens
	switch left := free - weights - acts - need.Reserve; {
	case c.Blocks > 0:
		s.blocks = c.Blocks
	case c.CacheBytes > 0:
		if s.blocks = int(min(c.CacheBytes/perBlock, int64(most))); s.blocks == 0 {
			return s, fmt.Errorf("cuda: cache_bytes is %d, and one block of %d tokens takes %d", c.CacheBytes, c.BlockTokens, perBlock)
		}
	default:
		s.blocks = int(max(int64(least), min(left/10*9/perBlock, int64(most))))
	}
	const beyond = 1 << 60 // any device; what does not fit into 64 bits is more
	if need.Cache = beyond; int64(s.blocks) < beyond/perBlock {
		need.Cache = int64(s.blocks) * perBlock
	}
	if need.Cache == beyond || weights+acts+need.Cache+need.Reserve > free {
		return s, &need
	}
	if held := s.blocks * c.BlockTokens; held < context {
		blocks := s.blocks
		s = c.sizes(m, d, held, product)
		s.blocks = blocks
	}
	return s, nil
}

// sizes are the dimensions but for the number of blocks.
func (c *Config) sizes(m model.Config, d driver.Device, context int, product int64) sizes {
	s := sizes{
		model: m, tokens: bucket(c.Budget), samples: bucket(min(c.Slots, c.Budget)), slots: c.Slots, context: context,
		block: c.BlockTokens, maxBlocks: (context + c.BlockTokens - 1) / c.BlockTokens, product: product,
	}
	spec := kernels.Spec{Model: m, BlockTokens: c.BlockTokens, SplitTokens: c.SplitTokens}
	s.prefill = spec.MostPrefill(s.tokens, c.Slots)
	s.choosers = min(s.samples, 2*max(1, d.SMs))
	if !c.Invariant {
		perRow := (context + c.SplitTokens - 1) / c.SplitTokens
		s.decode = min(c.Slots*perRow, maxDecodeItems)
	}
	return s
}
