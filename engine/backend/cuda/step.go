package cuda

import (
	"fmt"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/sample"
)

// flight is a step under way. Its page-locked memory is written when it is
// submitted and read when it is waited for.
type flight struct {
	step    *backend.Step
	upload  []byte // as a layout says
	masks   []byte // u64 [slots][words]
	chosen  []byte // [samples] kernels.Chosen
	logits  []byte // f32 [rows that ask][Vocab]; grows
	done    driver.Event
	shape   shape
	uploads int64 // bytes of upload
	masked  int   // masks
	asked   int   // rows of logits
}

// asks says that a pick wants its logits on the host.
func asks(k *sample.Pick) bool { return k.Logits || k.Logprobs >= 0 }

// measure finds the shape of a step and notes which rows decode by splits.
func (b *Backend) measure(s *backend.Step) shape {
	n := shape{tokens: bucket(len(s.Tokens)), samples: bucket(len(s.Picks))}
	decode, prefill := 0, 0
	for i := range s.Plan.Rows {
		r := &s.Plan.Rows[i]
		if splits := b.splits(int(r.Start), int(r.N), decode); splits > 0 {
			decode += splits
		} else {
			prefill += kernels.PrefillItems(int(r.N))
		}
	}
	n.decode, n.prefill = itemBucket(decode), itemBucket(prefill)
	return n
}

// splits is how many items of attend_decode a row is, of which the step has some
// already; 0: attend_prefill computes it.
func (b *Backend) splits(start, n, before int) int {
	if n > 1 || b.caps.Invariant {
		return 0
	}
	splits := (start + b.splitTokens) / b.splitTokens
	if before+splits > b.sizes.decode {
		return 0
	}
	return splits
}

// lay writes a step into the flight's page-locked memory.
func (b *Backend) lay(f *flight, s *backend.Step) {
	f.step, f.shape = s, b.measure(s)
	f.masked, f.asked = 0, 0
	l := f.shape.lay(b.caps.Slots)
	p := &s.Plan.Rows
	w := writer{
		rows: view[kernels.Row](f.upload, l.rows, len(*p)), ids: view[int32](f.upload, l.ids, len(s.Tokens)),
		tokenRow: view[int32](f.upload, l.tokenRow, len(s.Tokens)), gather: view[int32](f.upload, l.gather, len(s.Picks)),
		decode:  view[kernels.Item](f.upload, l.decode, f.shape.decode),
		prefill: view[kernels.Item](f.upload, l.prefill, f.shape.prefill),
	}
	picks := view[kernels.Choose](f.upload, l.picks, len(s.Picks))
	copy(w.ids, s.Tokens)
	updates := 0
	for i := range *p {
		r := &(*p)[i]
		first := w.row(b, i, r.Slot, r.Start, r.N)
		if r.FromDevice {
			w.ids[first+r.N-1] = -1
		}
		if r.Sample {
			w.gather[w.sampled] = first + r.N - 1
			b.pick(f, &picks[w.sampled], &s.Picks[w.sampled], r.Slot)
			w.sampled++
			b.slots.Choose(r.Slot, 0) // the device knows which
		}
		to := view[kernels.Update](f.upload, l.updates+updateBytes*int64(updates), len(r.NewBlocks))
		for k, block := range r.NewBlocks {
			to[k] = kernels.Update{Slot: r.Slot, Index: r.FirstBlock + int32(k), Block: int32(block)}
		}
		updates += len(r.NewBlocks)
	}
	view[kernels.Counts](f.upload, l.counts, 1)[0] = kernels.Counts{
		Rows: int32(len(*p)), Tokens: int32(len(s.Tokens)), Samples: int32(len(s.Picks)),
		DecodeItems: int32(w.decoded), PrefillItems: int32(w.prefilled), Updates: int32(updates),
	}
	f.uploads = l.updates + updateBytes*int64(updates)
}

// writer fills a step's arrays.
type writer struct {
	rows                  []kernels.Row
	ids, tokenRow, gather []int32
	decode, prefill       []kernels.Item

	tokens                      int32
	sampled, decoded, prefilled int
}

// row writes the plan's row i and its pieces of attention's work, and gives its
// first position in the step.
func (w *writer) row(b *Backend, i int, slot, start, n int32) int32 {
	first := w.tokens
	row := kernels.Row{Slot: slot, Start: start, N: n, First: first, Item: -1}
	if splits := b.splits(int(start), int(n), w.decoded); splits > 0 {
		row.Item, row.Items = int32(w.decoded), int32(splits)
		for part := range splits {
			w.decode[w.decoded] = kernels.Item{Row: int32(i), Part: int32(part)}
			w.decoded++
		}
	} else {
		for part := range kernels.PrefillItems(int(n)) {
			w.prefill[w.prefilled] = kernels.Item{Row: int32(i), Part: int32(part)}
			w.prefilled++
		}
	}
	w.rows[i] = row
	for t := range n {
		w.tokenRow[first+t] = int32(i)
	}
	w.tokens += n
	return first
}

// pick writes how a row's next token is chosen.
func (b *Backend) pick(f *flight, to *kernels.Choose, k *sample.Pick, slot int32) {
	*to = kernels.Choose{
		Random: k.Random(), Temperature: k.Temperature, TopP: k.TopP, MinP: k.MinP, TopK: int32(min(k.TopK, b.caps.Vocab)),
		Forced: max(k.Forced, -1), Mask: -1, Slot: slot,
	}
	if k.Mask != nil {
		words := maskWords(b.caps.Vocab)
		copy(view[uint64](f.masks, 8*int64(words)*int64(f.masked), words), k.Mask)
		to.Mask = int32(f.masked)
		f.masked++
	}
	if asks(k) {
		f.asked++
	}
}

// launch queues a step that has been laid out.
func (b *Backend) launch(f *flight) error {
	for _, c := range f.step.Plan.Copies {
		p := kernels.CopyBlockParams{
			Keys: b.keys, Values: b.values, LayerElements: b.layerElements, Layers: int32(len(b.weights.layers)),
			From: int32(c.From), To: int32(c.To), Tokens: c.Tokens,
		}
		if err := b.set.CopyBlock(b.stream, &p); err != nil {
			return err
		}
	}
	if err := b.dev.CopyIn(b.acts.step, f.upload[:f.uploads], b.stream); err != nil {
		return fmt.Errorf("the step's upload: %w", err)
	}
	if f.masked > 0 {
		if err := b.dev.CopyIn(b.acts.masks, f.masks[:8*maskWords(b.caps.Vocab)*f.masked], b.stream); err != nil {
			return fmt.Errorf("the masks' upload: %w", err)
		}
	}
	exec, err := b.graph(f.shape)
	if err != nil {
		return err
	}
	if err := b.dev.LaunchGraph(exec, b.stream); err != nil {
		return fmt.Errorf("launching the step of %d tokens: %w", f.shape.tokens, err)
	}
	if err := b.fetch(f); err != nil {
		return err
	}
	return b.dev.Record(f.done, b.stream)
}

// graph is the graph of a shape.
func (b *Backend) graph(n shape) (driver.Exec, error) {
	return b.graphs.get(n,
		func(s driver.Stream) error { return run{b, s, n.lay(b.caps.Slots).on(b.acts.step), n}.queue() },
		func() error { return b.dev.Synchronize(b.stream) })
}
