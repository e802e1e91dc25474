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

// lay writes a step into the flight's page-locked memory.
func (b *Backend) lay(f *flight, s *backend.Step) {
	b.divide(s)
	f.step, f.masked, f.asked = s, 0, 0
	f.shape = shape{
		tokens: bucket(len(s.Tokens)), samples: sampleBucket(len(s.Picks), len(s.Tokens), b.sizes.samples),
		decode: itemBucket(len(b.work.Decode)), prefill: itemBucket(len(b.work.Prefill)),
	}
	l := f.shape.lay(b.caps.Slots)
	copy(view[kernels.Row](f.upload, l.rows, len(b.work.Rows)), b.work.Rows)
	copy(view[kernels.Item](f.upload, l.decode, len(b.work.Decode)), b.work.Decode)
	copy(view[kernels.Item](f.upload, l.prefill, len(b.work.Prefill)), b.work.Prefill)
	ids := view[int32](f.upload, l.ids, len(s.Tokens))
	copy(ids, s.Tokens)
	tokenRow := view[int32](f.upload, l.tokenRow, len(s.Tokens))
	gather := view[int32](f.upload, l.gather, len(s.Picks))
	picks := view[kernels.Choose](f.upload, l.picks, len(s.Picks))
	sampled, updates := 0, 0
	for i := range s.Plan.Rows {
		r, first := &s.Plan.Rows[i], b.work.Rows[i].First
		last := first + r.N - 1
		for t := first; t <= last; t++ {
			tokenRow[t] = int32(i)
		}
		if r.FromDevice {
			ids[last] = -1
		}
		if r.Sample {
			gather[sampled] = last
			b.pick(f, &picks[sampled], &s.Picks[sampled], r.Slot)
			b.slots.Choose(r.Slot, 0) // the device knows which
			sampled++
		}
		to := view[kernels.Update](f.upload, l.updates+updateBytes*int64(updates), len(r.NewBlocks))
		for k, block := range r.NewBlocks {
			to[k] = kernels.Update{Slot: r.Slot, Index: r.FirstBlock + int32(k), Block: int32(block)}
		}
		updates += len(r.NewBlocks)
	}
	view[kernels.Counts](f.upload, l.counts, 1)[0] = kernels.Counts{
		Rows: int32(len(b.work.Rows)), Tokens: int32(len(s.Tokens)), Samples: int32(len(s.Picks)),
		DecodeItems: int32(len(b.work.Decode)), PrefillItems: int32(len(b.work.Prefill)), Updates: int32(updates),
	}
	f.uploads = l.updates + updateBytes*int64(updates)
}

// divide lists the step's rows and their pieces of attention's work.
func (b *Backend) divide(s *backend.Step) {
	b.work.Reset()
	for i := range s.Plan.Rows {
		r := &s.Plan.Rows[i]
		b.work.Add(r.Slot, r.Start, r.N)
	}
	b.work.Finish()
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
