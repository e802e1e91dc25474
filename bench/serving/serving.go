package serving

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tierlab/bench/shapes"
	"tierlab/bench/target"
	"tierlab/engine/model"
)

// Server is a server that was started to be measured.
type Server struct {
	Target *target.Target
	Vocab  int // token ids are below it
	// Counters are of the server's process and its devices; nil: not known.
	Counters func() shapes.Counters
	// Launched is when its process was started, Phases what it says of its
	// start.
	Launched time.Time
	Phases   []shapes.Phase
	Close    func() error
}

// Bench measures servers.
type Bench struct {
	// Start starts a server and returns when it can answer. Cold: with an empty
	// cache of compiled kernels.
	Start func(ctx context.Context, cold bool) (*Server, error)
	Model model.Config
	Elem  int // bytes of a weight, and of a component of the cache

	open *Server // that the loads share
	salt uint64  // of the next load's contents
}

// Close ends the server that loads have shared, if there is one.
func (b *Bench) Close() error {
	if b.open == nil {
		return nil
	}
	s := b.open
	b.open = nil
	return s.Close()
}

// server is the one that loads share.
func (b *Bench) server(ctx context.Context) (*Server, error) {
	if b.open == nil {
		var err error
		if b.open, err = b.Start(ctx, false); err != nil {
			return nil, err
		}
	}
	return b.open, nil
}

// Run measures a shape: a load once, since it is many requests, and a start
// repeat times.
func (b *Bench) Run(ctx context.Context, s shapes.Shape, repeat int) (shapes.Line, error) {
	var line shapes.Line
	var err error
	switch s.Kind {
	case "startup":
		line, err = b.startup(ctx, s, repeat)
	case "sharegpt":
		line, err = b.load(ctx, s, closed)
	case "load":
		line, err = b.load(ctx, s, open)
	case "agentic":
		line, err = b.load(ctx, s, agentic)
	default:
		err = errors.New("it is no load on a server")
	}
	if err != nil {
		return line, fmt.Errorf("shape %s: %w", s, err)
	}
	return line, nil
}

// play offers a load to a server and returns what came of every request.
type play func(ctx context.Context, c *client, s shapes.Shape) ([]answer, error)

// load measures one of the loads on the shared server.
func (b *Bench) load(ctx context.Context, s shapes.Shape, p play) (shapes.Line, error) {
	server, err := b.server(ctx)
	if err != nil {
		return shapes.Line{}, err
	}
	b.salt += 2
	warm := s
	if warm.N = max(1, s.N/10); s.Beside > 0 {
		warm.N = min(warm.N, s.Beside)
	}
	if _, err := p(ctx, &client{server: server, start: time.Now(), salt: b.salt}, warm); err != nil {
		return shapes.Line{}, err
	}
	c := &client{server: server, start: time.Now(), salt: b.salt + 1}
	before := server.counters()
	answers, err := p(ctx, c, s)
	if err != nil {
		return shapes.Line{}, err
	}
	after := server.counters()
	return b.line(s, answers, before, after)
}

// counters are a server's, or all 0.
func (s *Server) counters() shapes.Counters {
	if s.Counters == nil {
		return shapes.Counters{}
	}
	return s.Counters()
}

// line sums up the answers of a load.
func (b *Bench) line(s shapes.Shape, answers []answer, before, after shapes.Counters) (shapes.Line, error) {
	var calls []shapes.Call
	served := &shapes.Served{Offered: s.Rate}
	var ttft, itl, e2e, lag []float64
	var from, to time.Duration
	for i, a := range answers {
		if i == 0 || a.Sent < from {
			from = a.Sent
		}
		to = max(to, a.Done)
		if a.refused {
			served.Refused++
			continue
		}
		calls = append(calls, shapes.Call{Prompt: a.prompt, Cached: a.Cached, Output: a.Output})
		served.PromptTokens += a.prompt
		served.CachedTokens += a.Cached
		served.OutputTokens += a.Output
		ttft, e2e = append(ttft, millis(a.First-a.Sent)), append(e2e, millis(a.Done-a.Sent))
		lag = append(lag, millis(a.Sent-a.due))
		if len(a.Chunks) == a.Output { // each holds one token
			for k := 1; k < len(a.Chunks); k++ {
				itl = append(itl, millis(a.Chunks[k]-a.Chunks[k-1]))
			}
		}
	}
	if len(calls) == 0 {
		return shapes.Line{}, errors.New("no request was answered")
	}
	served.Requests = len(calls)
	served.RequestsPerS = float64(len(calls)) / (to - from).Seconds()
	served.TTFT, served.ITL, served.E2E = shapes.SpreadOf(ttft), shapes.SpreadOf(itl), shapes.SpreadOf(e2e)
	if s.Rate > 0 {
		served.LagP99Ms = shapes.SpreadOf(lag).P99
	}
	served.Turns = turns(answers)
	line := shapes.Line{Shape: s.String(), Repeats: 1, Served: served, TTFTMs: served.TTFT.Mean}
	line.TokensPerS = float64(served.OutputTokens) / (to - from).Seconds()
	line.Low, line.High = line.TokensPerS, line.TokensPerS
	line.GapP50Ms, line.GapP99Ms, line.GapMaxMs = served.ITL.P50, served.ITL.P99, served.ITL.Max
	line.CachedShare = float64(served.CachedTokens) / float64(served.PromptTokens)
	line.Put(shapes.LoadWork(b.Model, b.Elem, calls, atOnce(answers)), to-from)
	line.Use = before.Until(after, to-from, served.OutputTokens)
	return line, nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
