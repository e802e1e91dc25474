package shapes

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// sideBySide is n sequences that decode at once behind prompts of that many
// tokens. With found, the prompts are computed before and found in the cache, so
// that the sequences begin within a few iterations of each other.
func (b *Bench) sideBySide(ctx context.Context, n, prompt int, found bool) (Line, error) {
	const attempts = 5 // a tiny model may be done with one before the next one comes
	for range attempts {
		calls, err := b.together(ctx, n, prompt, found)
		if err != nil {
			return Line{}, err
		}
		if line, ok := b.overlap(calls, prompt); ok {
			return line, nil
		}
	}
	return Line{}, fmt.Errorf("the %d sequences did not run side by side: they took turns", n)
}

// together runs n sequences at once.
func (b *Bench) together(ctx context.Context, n, prompt int, found bool) ([]call, error) {
	calls := make([]call, n)
	prompts := make([][]int32, n)
	for i := range prompts {
		prompts[i] = b.tokens(prompt)
	}
	if found {
		err := all(n, func(i int) error {
			_, err := b.do(ctx, "", prompts[i], 1)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	err := all(n, func(i int) (err error) {
		calls[i], err = b.do(ctx, "", prompts[i], batchTokens)
		return err
	})
	return calls, err
}

// overlap is what n sequences did while all of them ran: a sequence that starts
// late would run on when the others have ended, so what counts lies between the
// last first token and the first last one. It is false when that is nothing.
func (b *Bench) overlap(calls []call, prompt int) (Line, bool) {
	n := len(calls)
	from, to := time.Duration(0), time.Duration(math.MaxInt64)
	var at [][]time.Duration
	for i := range calls {
		from, to = max(from, calls[i].at[0]), min(to, calls[i].at[batchTokens-1])
		at = append(at, calls[i].at)
	}
	tokens, read := 0, 0
	for i := range calls {
		for k, t := range calls[i].at {
			if t > from && t <= to {
				tokens, read = tokens+1, read+prompt+k // token k follows a pass over the prompt and k outputs
			}
		}
	}
	passes := tokens / n
	if passes == 0 {
		return Line{}, false
	}
	// A pass reads the weights once, and the cache of each sequence.
	each := float64(read) / float64(passes)
	pass := Pass(b.Model, b.Elem, n, n, each, each)
	line := Line{TokensPerS: rate(tokens, to-from), Context: float64(read) / float64(tokens)}
	line.Put(Work{pass.Bytes * float64(passes), pass.FLOP * float64(passes)}, to-from)
	line.gaps(at...)
	b.used(&line, from, to, tokens)
	return line, true
}

// sessions runs n sessions over one shared prefix, at once and then, with
// another prefix, one after another.
func (b *Bench) sessions(ctx context.Context, n int) (Line, error) {
	line, prompt, cached, err := b.sessionRate(ctx, n, true)
	if err != nil {
		return Line{}, err
	}
	alone, _, _, err := b.sessionRate(ctx, n, false)
	if err != nil {
		return Line{}, err
	}
	line.Alone, line.Ratio = alone.TokensPerS, line.TokensPerS/alone.TokensPerS
	line.CachedShare = float64(cached) / float64(prompt)
	return line, nil
}

// sessionRate is the output tokens per second over all sessions, with how many
// prompt tokens they sent and found in the cache.
func (b *Bench) sessionRate(ctx context.Context, n int, together bool) (line Line, prompt, cached int64, err error) {
	shared := b.tokens(sessionPrefix)
	own := make([][]int32, n)
	for i := range own {
		own[i] = b.tokens(sessionCalls * sessionAdds)
	}
	calls := make([][sessionCalls]Call, n)
	session := func(i int) error {
		context := slices.Clone(shared)
		for k := range sessionCalls {
			context = append(context, own[i][k*sessionAdds:(k+1)*sessionAdds]...)
			stream, err := b.do(ctx, fmt.Sprint("session ", i), context, sessionOutput)
			if err != nil {
				return err
			}
			calls[i][k] = Call{stream.Prompt, stream.Cached, sessionOutput}
		}
		return nil
	}
	from, atOnce := b.Engine.Now(), 1
	if together {
		atOnce = n
		err = all(n, session)
	} else {
		for i := 0; i < n && err == nil; i++ {
			err = session(i)
		}
	}
	to, tokens := b.Engine.Now(), n*sessionCalls*sessionOutput
	var flat []Call
	for i := range calls {
		for _, c := range calls[i] {
			flat = append(flat, c)
			prompt, cached = prompt+int64(c.Prompt), cached+int64(c.Cached)
		}
	}
	line.TokensPerS = rate(tokens, to-from)
	line.Put(LoadWork(b.Model, b.Elem, flat, atOnce), to-from)
	b.used(&line, from, to, tokens)
	return line, prompt, cached, err
}
