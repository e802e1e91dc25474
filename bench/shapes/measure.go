package shapes

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tierlab/engine"
	"tierlab/engine/model"
)

// Line is what a shape gave: medians over the repeats, and the range of the
// rate. Tokens are prompt tokens of pp, prefill and stall, and output tokens of
// the others.
type Line struct {
	Shape       string  `json:"shape"`
	TokensPerS  float64 `json:"tokens_per_s"`
	Low         float64 `json:"tokens_per_s_low"`
	High        float64 `json:"tokens_per_s_high"`
	GBPerS      float64 `json:"gb_per_s,omitempty"`    // of Work's bytes
	GFLOPPerS   float64 `json:"gflop_per_s,omitempty"` // of Work's operations
	OfRoofline  float64 `json:"of_roofline,omitempty"` // Ceilings.Share
	OfNoOverlap float64 `json:"of_no_overlap,omitempty"`
	Context     float64 `json:"context_tokens,omitempty"` // of a decode, on average
	TTFTMs      float64 `json:"ttft_ms,omitempty"`
	GapP50Ms    float64 `json:"gap_p50_ms,omitempty"` // between two tokens of a sequence
	GapP99Ms    float64 `json:"gap_p99_ms,omitempty"`
	GapMaxMs    float64 `json:"gap_max_ms,omitempty"`
	CalmP99Ms   float64 `json:"gap_p99_undisturbed_ms,omitempty"`
	GapRatio    float64 `json:"gap_p99_ratio,omitempty"`
	CachedShare float64 `json:"cached_share,omitempty"` // of the prompts' tokens
	// Alone is the same work one after another (sessions: tokens/s) or without
	// the others (stall: TTFT in ms), Ratio this one's to it.
	Alone   float64 `json:"alone,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
	Repeats int     `json:"repeats"`
	Use
	// Served is what only a load over HTTP has.
	Served *Served `json:"served,omitempty"`
}

// Bench measures one engine.
type Bench struct {
	Engine *engine.Engine
	Model  model.Config
	Elem   int    // bytes of a weight, and of a component of the cache
	Watch  *Watch // of this process and its devices; nil: not watched
	prompt int    // prompts drawn so far
}

// used puts what was used between two of the engine's times into a line.
func (b *Bench) used(l *Line, from, to time.Duration, tokens int) {
	if b.Watch == nil {
		return
	}
	start := time.Now().Add(-b.Engine.Now())
	l.Use = b.Watch.Between(start.Add(from), start.Add(to), tokens)
}

// Check says why the engine cannot be measured under a shape.
func (b *Bench) Check(s Shape) error {
	if s.Served() {
		return fmt.Errorf("shape %s is measured on a server", s)
	}
	context, slots, held := s.needs()
	if have := b.Engine.Context(); context > have {
		return fmt.Errorf("shape %s takes a context of %d tokens, the engine has %d", s, context, have)
	}
	if have := b.Engine.Caps().Slots; slots > have {
		return fmt.Errorf("shape %s takes %d slots, the engine has %d", s, slots, have)
	}
	if caps := b.Engine.Caps(); held > caps.Blocks*caps.BlockTokens {
		return fmt.Errorf("shape %s takes keys and values of %d tokens, the engine holds %d", s, held, caps.Blocks*caps.BlockTokens)
	}
	return nil
}

// Run measures a shape repeat times after one run to warm up.
func (b *Bench) Run(ctx context.Context, s Shape, repeat int) (Line, error) {
	runs := make([]Line, 0, repeat)
	for i := range repeat + 1 {
		line, err := b.once(ctx, s)
		if err != nil {
			return Line{}, fmt.Errorf("shape %s: %w", s, err)
		}
		if i > 0 {
			runs = append(runs, line)
		}
	}
	return summarize(s, runs), nil
}

func (b *Bench) once(ctx context.Context, s Shape) (Line, error) {
	switch s.Kind {
	case "pp", "prefill":
		return b.prefill(ctx, s.N)
	case "tg":
		return b.decode(ctx, s.Context, s.N)
	case "batch":
		return b.sideBySide(ctx, s.N, batchPrompt, false)
	case "decode":
		return b.sideBySide(ctx, s.N, s.decodePrompt(), true)
	case "sessions":
		return b.sessions(ctx, s.N)
	default:
		return b.stall(ctx, s.N, s.Beside)
	}
}

// tokens are n token ids that no earlier prompt began with.
func (b *Bench) tokens(n int) []int32 {
	b.prompt++
	ids := make([]int32, n)
	state := uint32(b.prompt) * 0x9e3779b9
	for i := range ids {
		state = state*1664525 + 1013904223 // a linear congruential generator: any content does
		ids[i] = int32(state>>8) % int32(min(b.Model.Vocab, 256))
	}
	return ids
}

// call is a request that has ended.
type call struct {
	engine.Usage
	at []time.Duration // of each token
}

// rate is n tokens over a time, per second.
func rate(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// do runs one request to its end.
func (b *Bench) do(ctx context.Context, session string, prompt []int32, n int) (call, error) {
	stream, err := b.Engine.Submit(ctx, engine.Request{
		Prompt: prompt, MaxTokens: n, IgnoreEnd: true, Logprobs: -1, Session: session,
	})
	if err != nil {
		return call{}, err
	}
	c := call{at: make([]time.Duration, 0, n)}
	for t, ok := stream.Next(); ok; t, ok = stream.Next() {
		c.at = append(c.at, t.At)
	}
	c.Usage = stream.Usage()
	if err := stream.Err(); err != nil {
		return call{}, err
	}
	if len(c.at) != n {
		return call{}, fmt.Errorf("%d of %d tokens came", len(c.at), n)
	}
	return c, nil
}

// all runs one function for each of n sessions at once: none begins before all
// can.
func all(n int, f func(i int) error) error {
	errs := make(chan error, n)
	begin := make(chan struct{})
	for i := range n {
		go func() {
			<-begin
			errs <- f(i)
		}()
	}
	close(begin)
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// summarize takes medians field by field.
func summarize(s Shape, runs []Line) Line {
	of := func(f func(*Line) float64) []float64 {
		v := make([]float64, len(runs))
		for i := range runs {
			v[i] = f(&runs[i])
		}
		slices.Sort(v)
		return v
	}
	mid := func(f func(*Line) float64) float64 { return Median(of(f)) }
	rates := of(func(l *Line) float64 { return l.TokensPerS })
	l := Line{
		Shape: s.String(), Repeats: len(runs),
		TokensPerS: Median(rates), Low: rates[0], High: rates[len(rates)-1],
		GBPerS:    mid(func(l *Line) float64 { return l.GBPerS }),
		GFLOPPerS: mid(func(l *Line) float64 { return l.GFLOPPerS }),
		Context:   mid(func(l *Line) float64 { return l.Context }),
		TTFTMs:    mid(func(l *Line) float64 { return l.TTFTMs }),
		GapP50Ms:  mid(func(l *Line) float64 { return l.GapP50Ms }),
		GapP99Ms:  mid(func(l *Line) float64 { return l.GapP99Ms }),
		GapMaxMs:  mid(func(l *Line) float64 { return l.GapMaxMs }),
		CalmP99Ms: mid(func(l *Line) float64 { return l.CalmP99Ms }),
		GapRatio:  mid(func(l *Line) float64 { return l.GapRatio }),
		Alone:     mid(func(l *Line) float64 { return l.Alone }),
		Ratio:     mid(func(l *Line) float64 { return l.Ratio }),

		CachedShare: mid(func(l *Line) float64 { return l.CachedShare }),
	}
	l.Cores = mid(func(l *Line) float64 { return l.Cores })
	l.Watts = mid(func(l *Line) float64 { return l.Watts })
	l.JoulesPerToken = mid(func(l *Line) float64 { return l.JoulesPerToken })
	return l
}

// Median is the middle value, or the mean of the two in the middle.
func Median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
