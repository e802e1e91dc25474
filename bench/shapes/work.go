package shapes

import "tierlab/engine/model"

// Work is what a forward pass must at least do: read each weight of its
// products once, and the keys and values that it attends to; and two
// operations for each weight and token, and for each product of attention.
type Work struct {
	Bytes float64 // read from memory
	FLOP  float64 // additions and multiplications
}

// Add sums two amounts.
func (w Work) Add(v Work) Work { return Work{w.Bytes + v.Bytes, w.FLOP + v.FLOP} }

// Pass is the work of one iteration that computes tokens positions, which
// attend to pairs positions in all and read the keys and values of context
// ones, and that samples for samples rows. elem is the size in bytes of a
// weight and of a key's or value's component.
//
// Attention counts the two products of each query head over the pairs
// (4 x Heads x HeadDim a pair and layer). Norms, rotations and softmax are left
// out, as is the row of the embedding.
func Pass(c model.Config, elem int, tokens, samples int, context, pairs float64) Work {
	var body float64
	for _, r := range c.Tensors() {
		rows, cols := c.Shape(r)
		if rows > 1 && r.Kind != model.Embed && r.Kind != model.Head {
			body += float64(rows) * float64(cols)
		}
	}
	head := 0.0
	if samples > 0 {
		head = float64(c.Vocab) * float64(c.Hidden)
	}
	heads, width := float64(c.Heads*c.HeadDim), float64(c.KVHeads*c.HeadDim)
	layers := float64(c.Layers)
	return Work{
		Bytes: float64(elem) * (body + head + 2*layers*width*context),
		FLOP:  2*(body*float64(tokens)+head*float64(samples)) + 4*layers*heads*pairs,
	}
}

// prefillWork is that of a prompt of n tokens in one pass.
func prefillWork(c model.Config, elem, n int) Work {
	return Pass(c, elem, n, 1, float64(n), float64(n)*float64(n+1)/2)
}

// decodeWork is that of n passes of batch sequences, the first at context at.
func decodeWork(c model.Config, elem, batch, at, n int) Work {
	var sum Work
	for i := range n {
		read := float64(batch) * float64(at+i)
		sum = sum.Add(Pass(c, elem, batch, batch, read, read))
	}
	return sum
}

// Call is a request's lengths in tokens; Cached are of the prompt.
type Call struct{ Prompt, Cached, Output int }

// LoadWork is the least that calls take of which at most atOnce run at a time:
// every call's own operations, keys and values, and the weights as few times as
// passes are needed, that is for the longest output, or for all of them side by
// side. Prompts ride along in the same passes.
func LoadWork(c model.Config, elem int, calls []Call, atOnce int) Work {
	weights := Pass(c, elem, 1, 1, 0, 0).Bytes
	perToken := Pass(c, elem, 1, 1, 1, 0).Bytes - weights // of keys and values
	var sum Work
	longest, outputs := 0, 0
	for _, k := range calls {
		longest, outputs = max(longest, k.Output), outputs+k.Output
		fresh := float64(k.Prompt - k.Cached)
		pairs := float64(k.Cached)*fresh + fresh*(fresh+1)/2
		after := max(0, k.Output-1) // the first token comes of the prompt's own pass
		read := float64(after)*float64(k.Prompt) + float64(after)*float64(after+1)/2
		sum.FLOP += Pass(c, elem, k.Prompt-k.Cached, 1, 0, pairs).FLOP + Pass(c, elem, after, after, 0, read).FLOP
		sum.Bytes += perToken * (float64(k.Prompt) + read)
	}
	sum.Bytes += weights * float64(max(longest, (outputs+atOnce-1)/max(1, atOnce)))
	return sum
}
