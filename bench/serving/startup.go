package serving

import (
	"context"
	"errors"
	"time"

	"tierlab/bench/shapes"
)

// startupPrompt is the prompt of a server's first request, in tokens.
const startupPrompt = 16

// startup starts servers one after another. No other one may run meanwhile: it
// would hold the device's memory.
func (b *Bench) startup(ctx context.Context, s shapes.Shape, repeat int) (shapes.Line, error) {
	if err := b.Close(); err != nil {
		return shapes.Line{}, err
	}
	if !s.Cold { // the caches are filled by a start that does not count
		if _, err := b.start(ctx, false); err != nil {
			return shapes.Line{}, err
		}
	}
	line := shapes.Line{Shape: s.String(), Repeats: repeat, Served: &shapes.Served{Requests: repeat}}
	var first []float64
	phases := map[string][]float64{}
	var order []string
	for range repeat {
		seen, err := b.start(ctx, s.Cold)
		if err != nil {
			return shapes.Line{}, err
		}
		for _, p := range seen {
			if phases[p.Name] == nil {
				order = append(order, p.Name)
			}
			phases[p.Name] = append(phases[p.Name], p.Ms)
		}
		first = append(first, seen[len(seen)-1].Ms)
	}
	line.Served.TTFT = shapes.SpreadOf(first)
	line.TTFTMs = shapes.Median(first)
	for _, name := range order {
		line.Served.Phases = append(line.Served.Phases, shapes.Phase{Name: name, Ms: shapes.Median(phases[name])})
	}
	return line, nil
}

// start starts a server, asks it once and ends it. The phases are the server's
// own, then "ready" and "first token", both from the process's start.
func (b *Bench) start(ctx context.Context, cold bool) (phases []shapes.Phase, err error) {
	server, err := b.Start(ctx, cold)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ready := time.Since(server.Launched)
	c := &client{server: server, start: server.Launched}
	a, err := c.call(ctx, c.tokens(0, startupPrompt), 1, "")
	if err != nil {
		return nil, err
	}
	if a.refused {
		return nil, errors.New("the server refused its first request")
	}
	return append(append(phases, server.Phases...), shapes.Phase{Name: "ready", Ms: millis(ready)}, shapes.Phase{Name: "first token", Ms: millis(a.First)}), nil
}
