package cuda

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/products"
	"tierlab/engine/model"
)

// Open loads a model onto a device and compiles the kernels for both. Nothing is
// allocated before it is known that all of it fits.
func Open(c Config) (*Backend, error) {
	if c.Source == nil {
		return nil, errors.New("cuda: no source of weights")
	}
	m := c.Source.Config()
	if err := m.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if err := c.validate(m); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b := &Backend{phases: began()}
	if err := b.open(c, m); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Backend) open(c Config, m model.Config) error {
	parts, err := c.machine()
	if err != nil {
		return err
	}
	end := b.phases.begin("device")
	b.dev, err = parts.driver.Open(c.Device)
	if err != nil {
		return fmt.Errorf("cuda: device %d: %w", c.Device, err)
	}
	b.held.dev = b.dev
	b.held.later(b.dev.Close)
	if err := b.takeMemory(c, m); err != nil {
		return err
	}
	end()
	if err := b.load(c, m, &parts); err != nil {
		return err
	}
	b.caps = backend.Caps{
		Name: "cuda", Model: m.Name, Numerics: "bf16", Kernels: parts.kernels(b.dev.Device()),
		Vocab: m.Vocab, Context: b.sizes.context, Slots: c.Slots, Budget: c.Budget,
		Blocks: b.sizes.blocks, BlockTokens: c.BlockTokens, Depth: depth, Invariant: c.Invariant, Locked: true,
		WeightBytes: b.weightBytes(m), CacheBytes: 2 * int64(b.sizes.blocks) * blockBytes(m, c.BlockTokens),
	}
	b.slots = backend.NewSlots(&b.caps)
	if c.Warm {
		return b.warm()
	}
	return nil
}

func (b *Backend) weightBytes(m model.Config) int64 {
	_, n := layWeights(m, 0)
	return n
}

// takeMemory plans the device's memory and takes it.
func (b *Backend) takeMemory(c Config, m model.Config) error {
	free, total, err := b.dev.Memory()
	if err != nil {
		return fmt.Errorf("cuda: %w", err)
	}
	if b.sizes, err = c.plan(m, b.dev.Device(), free, total, products.WorkspaceBytes); err != nil {
		return err
	}
	_, weightBytes := layWeights(m, 0)
	_, actBytes := layActivations(b.sizes, 0)
	cacheBytes := int64(b.sizes.blocks) * blockBytes(m, c.BlockTokens)
	var at [4]driver.Ptr
	for i, bytes := range [...]int64{weightBytes, actBytes, cacheBytes, cacheBytes} {
		if at[i], err = b.held.memory(bytes); err != nil {
			return fmt.Errorf("cuda: %w", err)
		}
	}
	b.weights, _ = layWeights(m, at[0])
	b.acts, _ = layActivations(b.sizes, at[1])
	b.keys, b.values = at[2], at[3]
	b.layerElements = cacheBytes / 2 / int64(m.Layers)
	return b.takeRing(m)
}

// takeRing takes what steps under way need on the host.
func (b *Backend) takeRing(m model.Config) (err error) {
	if b.stream, err = b.held.stream(); err != nil {
		return fmt.Errorf("cuda: %w", err)
	}
	b.graphs = graphs{dev: b.dev, held: map[shape]*captured{}}
	if b.graphs.stream, err = b.held.stream(); err != nil {
		return fmt.Errorf("cuda: %w", err)
	}
	b.ring = make([]flight, depth+1)
	for i := range b.ring {
		f := &b.ring[i]
		for _, part := range []struct {
			to    *[]byte
			bytes int
		}{{&f.upload, int(b.sizes.stepBytes())}, {&f.masks, 8 * b.sizes.slots * maskWords(m.Vocab)}, {&f.chosen, 8 * b.sizes.samples}} {
			if *part.to, err = b.held.host(part.bytes); err != nil {
				return fmt.Errorf("cuda: page-locked memory of %d bytes for steps: %w", part.bytes, err)
			}
		}
		if f.done, err = b.held.event(); err != nil {
			return fmt.Errorf("cuda: %w", err)
		}
	}
	return nil
}

// load compiles kernels while the weights are read, and fills what is constant.
// Seeded weights are made by a kernel, so they come after.
func (b *Backend) load(c Config, m model.Config, parts *machine) error {
	seed, seeded := model.SeedOf(c.Source)
	read := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !seeded {
		end := b.phases.begin("weights")
		go func() {
			read <- b.readWeights(ctx, c.Source)
			end()
		}()
	} else {
		read <- nil
	}
	err := b.compile(ctx, c, m, parts)
	if err != nil {
		cancel()
	}
	if err = errors.Join(err, <-read); err != nil {
		return fmt.Errorf("cuda: %w", err)
	}
	if seeded {
		end := b.phases.begin("weights")
		if err := b.makeWeights(m, seed); err != nil {
			return fmt.Errorf("cuda: seeded weights: %w", err)
		}
		end()
	}
	if err := b.tryProducts(ctx, c, m, parts); err != nil {
		return fmt.Errorf("cuda: %w", err)
	}
	if err := b.fill(m); err != nil {
		return fmt.Errorf("cuda: %w", err)
	}
	return nil
}

// compile makes the kernels and settles which products are used.
func (b *Backend) compile(ctx context.Context, c Config, m model.Config, parts *machine) (err error) {
	spec := kernels.Spec{Model: m, Arch: arch(b.dev.Device()), BlockTokens: c.BlockTokens, MaxBlocks: b.sizes.maxBlocks, SplitTokens: c.SplitTokens}
	end := b.phases.begin("kernels")
	if b.set, err = kernels.Load(ctx, b.dev, parts.compiler, spec); err != nil {
		if parts.advice != "" {
			err = fmt.Errorf("%w; %s", err, parts.advice)
		}
		return err
	}
	b.held.later(b.set.Close)
	b.work = kernels.Work{Spec: spec, Capacity: b.sizes.decode, Invariant: c.Invariant}
	end()
	if err := b.makeProducts(ctx, c, m, parts); err != nil {
		return err
	}
	b.held.later(b.dropProducts)
	b.held.later(b.graphs.close) // first of all: graphs refer to kernels
	return nil
}

// fill writes what does not change, and leaves nothing unset that a kernel may
// read: tables and tokens chosen last are of slots that nobody has used yet.
func (b *Backend) fill(m model.Config) error {
	if err := b.dev.Fill(b.acts.tables, 0, 4*int64(b.sizes.slots)*int64(b.sizes.maxBlocks), b.stream); err != nil {
		return err
	}
	if err := b.dev.Fill(b.acts.last, 0, 4*int64(b.sizes.slots), b.stream); err != nil {
		return err
	}
	frequencies, err := binary.Append(nil, binary.NativeEndian, m.Frequencies())
	if err != nil {
		return err
	}
	if err := b.dev.CopyIn(b.acts.frequencies, frequencies, b.stream); err != nil {
		return err
	}
	p := kernels.AnglesParams{Frequencies: b.acts.frequencies, Angles: b.acts.angles, Positions: int32(b.sizes.context)}
	if err := b.set.Angles(b.stream, &p); err != nil {
		return err
	}
	return b.dev.Synchronize(b.stream)
}

// warm captures the graphs of decode steps whose contexts are short.
func (b *Backend) warm() error {
	end := b.phases.begin("graphs")
	for _, n := range buckets(b.caps.Slots) {
		s := shape{tokens: n, samples: n, decode: n}
		if b.caps.Invariant {
			s.decode, s.prefill = 0, itemBucket(n)
		}
		s.decode = itemBucket(s.decode)
		if _, err := b.graph(s); err != nil {
			return fmt.Errorf("cuda: %w", err)
		}
	}
	end()
	return nil
}
