package cuda

import (
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// run queues the launches of one shape's step: see the package comment.
type run struct {
	b  *Backend
	s  driver.Stream
	at arrays
	n  shape
}

// queue queues a whole step but its copies of blocks.
func (r run) queue() error {
	set, a := r.b.set, r.b.acts
	err := set.Tables(r.s, &kernels.TablesParams{Counts: r.at.counts, Updates: r.at.updates, Tables: a.tables}, r.n.tokens)
	if err != nil {
		return err
	}
	err = set.Embed(r.s, &kernels.EmbedParams{
		Counts: r.at.counts, IDs: r.at.ids, TokenRow: r.at.tokenRow, Rows: r.at.rows, Last: a.last, Table: r.b.weights.embed, H: a.h,
	}, r.n.tokens)
	if err != nil {
		return err
	}
	add := driver.Ptr(0) // the embedding has nothing to add yet
	for i := range r.b.weights.layers {
		if err := r.layer(i, add); err != nil {
			return err
		}
		add = a.y
	}
	if r.n.samples == 0 {
		return nil
	}
	return r.head()
}

// layer queues a layer, of which add is what the one before adds to the residual
// stream. Where nothing is sampled the last layer ends with its keys and values.
func (r run) layer(i int, add driver.Ptr) error {
	w, a := &r.b.weights.layers[i], r.b.acts
	if err := r.norm(add, w.attnNorm, a.x); err != nil {
		return err
	}
	if err := r.product(productQKV, w.qkv, a.x, a.qkv); err != nil {
		return err
	}
	if err := r.keys(i); err != nil {
		return err
	}
	if r.n.samples == 0 && i == len(r.b.weights.layers)-1 {
		return nil
	}
	if err := r.attend(i); err != nil {
		return err
	}
	if err := r.product(productO, w.o, a.a, a.y); err != nil {
		return err
	}
	if err := r.norm(a.y, w.mlpNorm, a.x); err != nil {
		return err
	}
	if err := r.product(productGateUp, w.gateUp, a.x, a.gu); err != nil {
		return err
	}
	if err := r.b.set.SiLU(r.s, &kernels.SiluParams{Counts: r.at.counts, GU: a.gu, Y: a.act}, r.n.tokens); err != nil {
		return err
	}
	return r.product(productDown, w.down, a.act, a.y)
}

func (r run) norm(add, weight, x driver.Ptr) error {
	return r.b.set.Norm(r.s, &kernels.NormParams{Counts: r.at.counts, H: r.b.acts.h, Y: add, Weight: weight, X: x}, r.n.tokens)
}

// product queues a product over the step's tokens.
func (r run) product(shape int, w, x, y driver.Ptr) error {
	count := r.at.counts + driver.Ptr(unsafe.Offsetof(kernels.Counts{}.Tokens))
	return r.b.products.Multiply(r.s, shape, kernels.ProductParams{Count: count, W: w, X: x, Y: y, Workspace: r.b.acts.product}, r.n.tokens)
}

// cache is where a layer's keys and values are.
func (r run) cache(layer int) (keys, values driver.Ptr) {
	off := driver.Ptr(2 * r.b.layerElements * int64(layer))
	return r.b.keys + off, r.b.values + off
}

func (r run) keys(i int) error {
	w, a := &r.b.weights.layers[i], r.b.acts
	keys, values := r.cache(i)
	return r.b.set.Keys(r.s, &kernels.KeysParams{
		Counts: r.at.counts, TokenRow: r.at.tokenRow, Rows: r.at.rows, Tables: a.tables, QKV: a.qkv,
		Bias: w.bias, QNorm: w.qNorm, KNorm: w.kNorm, Angles: a.angles, Keys: keys, Values: values,
	}, r.n.tokens)
}

// attend queues attention: rows that decode by splits of their contexts, all
// others by tiles of their queries.
func (r run) attend(i int) error {
	a := r.b.acts
	keys, values := r.cache(i)
	p := kernels.AttendParams{
		Counts: r.at.counts, Rows: r.at.rows, Tables: a.tables, QKV: a.qkv, Keys: keys, Values: values,
		Out: a.a, Partial: a.partial, Scale: a.scale,
	}
	if r.n.decode > 0 {
		p.Items = r.at.decode
		if err := r.b.set.AttendDecode(r.s, &p, r.n.decode); err != nil {
			return err
		}
		if err := r.b.set.AttendCombine(r.s, &p, min(r.n.tokens, r.b.caps.Slots)); err != nil {
			return err
		}
	}
	if r.n.prefill > 0 {
		p.Items = r.at.prefill
		return r.b.set.AttendPrefill(r.s, &p, r.n.prefill)
	}
	return nil
}

// head queues the last norm of the positions that give logits, their logits, and
// the choice of the next tokens.
func (r run) head() error {
	a := r.b.acts
	err := r.b.set.Norm(r.s, &kernels.NormParams{
		Counts: r.at.counts, H: a.h, Y: a.y, Weight: r.b.weights.finalNorm, X: a.x, Gather: r.at.gather,
	}, r.n.samples)
	if err != nil {
		return err
	}
	err = r.b.products.Multiply(r.s, productHead, kernels.ProductParams{
		Count: r.at.counts + driver.Ptr(unsafe.Offsetof(kernels.Counts{}.Samples)),
		W:     r.b.weights.head, X: a.x, Y: a.logits, Workspace: a.product,
	}, r.n.samples)
	if err != nil {
		return err
	}
	return r.b.set.Choose(r.s, &kernels.ChooseParams{
		Counts: r.at.counts, Picks: r.at.picks, Masks: a.masks, Logits: a.logits, Workspace: a.choose, Last: a.last, Chosen: a.chosen,
	}, min(r.n.samples, r.b.sizes.choosers))
}
