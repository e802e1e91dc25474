package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"tierlab/bench/serving"
	"tierlab/bench/shapes"
)

// benchRun measures the shapes that were asked for: first those in this process,
// then, when its engine has given the device back, those on servers.
type benchRun struct {
	o      engineBenchOptions
	asked  []shapes.Shape
	show   *progress
	result benchResult
	top    ceilings
	meter  meter
	done   int
	pass   float64 // bytes of weights that a pass reads
}

func newBenchRun(o engineBenchOptions, asked []shapes.Shape, show *progress) *benchRun {
	b := &benchRun{o: o, asked: asked, show: show}
	b.result.Lines = make([]shapes.Line, len(asked))
	b.result.Unknown = map[string]string{}
	return b
}

func (b *benchRun) run(ctx context.Context) (*benchResult, error) {
	b.meter = openMeter(ctx, b.o.engine.backend)
	defer b.meter.stop()
	defer b.top.Close()
	if b.o.engine.backend == backendCUDA {
		b.show.Update("measuring what the device can do")
		b.top.openGPU(ctx, b.o.engine.devices[0])
	}
	if err := errors.Join(b.inProcess(ctx), ctx.Err()); err != nil {
		return nil, err
	}
	if err := b.served(ctx); err != nil {
		return nil, err
	}
	var why string
	if b.result.Devices, why = b.meter.stop(); why != "" {
		b.result.Unknown["energy"] = why
	}
	b.result.Ceilings = b.top.median()
	if b.top.unknown != "" {
		b.result.Unknown["roofline"] = b.top.unknown
	}
	for i := range b.result.Lines {
		l := &b.result.Lines[i]
		l.OfRoofline, l.OfNoOverlap = b.result.Ceilings.Share(l)
		if l.Cores == 0 && b.asked[i].Kind != "startup" {
			b.result.Unknown["cores"] = "this system does not tell a process's time, or it was too short to be counted"
		}
	}
	return &b.result, nil
}

// next shows which shape is measured.
func (b *benchRun) next(s shapes.Shape) {
	b.done++
	b.show.Update("%d of %d: %s", b.done, len(b.asked), s)
}

// inProcess runs the shapes on an engine in this process.
func (b *benchRun) inProcess(ctx context.Context) (err error) {
	var mine []int
	for i, s := range b.asked {
		if !s.Served() {
			mine = append(mine, i)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	b.show.Update("loading %s", b.o.engine.model.model)
	m, err := b.o.engine.load()
	if err != nil {
		return err
	}
	l, err := b.o.engine.start(m, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	caps := l.Caps()
	b.result.about(b.o.engine.machine(), caps.Name, caps.Numerics, b.o.engine.note(l, m.config))
	watch := shapes.NewWatch(b.meter.here, watchEvery)
	defer watch.Close()
	bench := &shapes.Bench{Engine: l.Engine, Model: m.config, Elem: elemOf(caps.Numerics), Watch: watch}
	for _, i := range mine {
		if err := bench.Check(b.asked[i]); err != nil {
			return badInputf("--shapes: %w (see --slots, --context and --kv-tokens)", err)
		}
	}
	b.pass = shapes.Pass(m.config, bench.Elem, 1, 1, 0, 0).Bytes
	if err := b.top.open(caps.Name, caps.Numerics, caps.Threads, b.pass); err != nil {
		return err
	}
	b.top.look()
	for _, i := range mine {
		b.next(b.asked[i])
		if b.result.Lines[i], err = bench.Run(ctx, b.asked[i], b.o.repeat); err != nil {
			return err
		}
		b.top.look()
	}
	return nil
}

// served runs the shapes on servers in processes of their own.
func (b *benchRun) served(ctx context.Context) (err error) {
	var bench *serving.Bench
	for i, s := range b.asked {
		if !s.Served() {
			continue
		}
		if bench == nil {
			m, err := b.o.engine.load()
			if err != nil {
				return err
			}
			bench = &serving.Bench{Model: m.config, Elem: elemOf(b.o.engine.numerics), Start: b.startServer}
			b.pass = shapes.Pass(m.config, bench.Elem, 1, 1, 0, 0).Bytes
			defer func() { err = errors.Join(err, bench.Close()) }()
			if err := m.source.Close(); err != nil {
				return err
			}
		}
		b.next(s)
		if b.result.Lines[i], err = bench.Run(ctx, s, b.o.repeat); err != nil {
			return err
		}
		b.top.look()
	}
	return nil
}

// startServer starts a server, and takes from the first one what the result
// says of the engine.
func (b *benchRun) startServer(ctx context.Context, cold bool) (*serving.Server, error) {
	c, err := startChild(ctx, b.o.flags, cold)
	if err != nil {
		return nil, err
	}
	if b.result.Model == "" {
		device, numerics, _ := strings.Cut(c.ready.Engine.Backend, ":")
		b.result.about(b.o.engine.machine(), device, numerics, c.ready.Engine)
		err := b.top.open(device, numerics, c.ready.Engine.Threads, b.pass)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		b.top.look()
	}
	return c.server(b.meter.joules), nil
}

// elemOf is the bytes of a weight, and of a component of the cache.
func elemOf(numerics string) int {
	if numerics == "f32" {
		return 4
	}
	return 2
}

// watchEvery is how often counters are read while an engine is measured.
const watchEvery = 20 * time.Millisecond
