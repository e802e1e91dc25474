package shapes

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// batch is n sequences that decode side by side.
func (b *Bench) batch(ctx context.Context, n int) (Line, error) {
	calls := make([]call, n)
	prompts := make([][]int32, n)
	for i := range prompts {
		prompts[i] = b.tokens(batchPrompt)
	}
	// A sequence that starts late would run on when the others have ended: what
	// counts lies between the last first token and the first last one.
	err := all(n, func(i int) (err error) {
		calls[i], err = b.do(ctx, "", prompts[i], batchTokens)
		return err
	})
	if err != nil {
		return Line{}, err
	}
	from, to := time.Duration(0), time.Duration(math.MaxInt64)
	var at [][]time.Duration
	for i := range calls {
		from, to = max(from, calls[i].at[0]), min(to, calls[i].at[batchTokens-1])
		at = append(at, calls[i].at)
	}
	passes := 0
	for _, t := range calls[0].at {
		if t > from && t <= to {
			passes++
		}
	}
	if passes == 0 {
		return Line{}, fmt.Errorf("the %d sequences did not run side by side: they took turns", n)
	}
	took := to - from
	work := decodeWork(b.Model, b.Elem, n, batchPrompt+batchTokens-passes, passes)
	// A pass reads the weights once, and the cache of each sequence.
	line := Line{TokensPerS: rate(n*passes, took), GBPerS: work.Bytes / float64(took), GFLOPPerS: work.FLOP / float64(took)}
	line.gaps(at...)
	return line, nil
}

// sessions runs n sessions over one shared prefix, at once and then, with
// another prefix, one after another.
func (b *Bench) sessions(ctx context.Context, n int) (Line, error) {
	together, prompt, cached, err := b.sessionRate(ctx, n, true)
	if err != nil {
		return Line{}, err
	}
	alone, _, _, err := b.sessionRate(ctx, n, false)
	if err != nil {
		return Line{}, err
	}
	return Line{
		TokensPerS: together, Alone: alone, Ratio: together / alone,
		CachedShare: float64(cached) / float64(prompt),
	}, nil
}

// sessionRate is the output tokens per second over all sessions, with how many
// prompt tokens they sent and found in the cache.
func (b *Bench) sessionRate(ctx context.Context, n int, together bool) (perS float64, prompt, cached int64, err error) {
	shared := b.tokens(sessionPrefix)
	own := make([][]int32, n)
	for i := range own {
		own[i] = b.tokens(sessionCalls * sessionAdds)
	}
	var sent, found atomic.Int64
	session := func(i int) error {
		context := slices.Clone(shared)
		for k := range sessionCalls {
			context = append(context, own[i][k*sessionAdds:(k+1)*sessionAdds]...)
			stream, err := b.do(ctx, fmt.Sprint("session ", i), context, sessionOutput)
			if err != nil {
				return err
			}
			sent.Add(int64(stream.Prompt))
			found.Add(int64(stream.Cached))
		}
		return nil
	}
	from := b.Engine.Now()
	if together {
		err = all(n, session)
	} else {
		for i := 0; i < n && err == nil; i++ {
			err = session(i)
		}
	}
	return rate(n*sessionCalls*sessionOutput, b.Engine.Now()-from), sent.Load(), found.Load(), err
}

// stall has a long prompt arrive among running sequences. Its time alone is
// measured in the same run.
func (b *Bench) stall(ctx context.Context, n int) (Line, error) {
	alone, err := b.do(ctx, "", b.tokens(n), 1)
	if err != nil {
		return Line{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	neighbors := make([][]time.Duration, stallNeighbors)
	ended := make(chan error, stallNeighbors)
	running := make(chan struct{}, stallNeighbors)
	for i := range neighbors {
		prompt := b.tokens(stallPrompt)
		go func() { ended <- b.decodeOn(ctx, prompt, running, &neighbors[i]) }()
	}
	for range neighbors {
		select {
		case <-running:
		case err := <-ended:
			return Line{}, err
		}
	}
	long, err := b.do(ctx, "", b.tokens(n), 1)
	stop()
	for range neighbors {
		<-ended
	}
	if err != nil {
		return Line{}, err
	}
	line := Line{TTFTMs: ms(long.First - long.Arrived), Alone: ms(alone.First - alone.Arrived)}
	line.Ratio = line.TTFTMs / line.Alone
	line.TokensPerS = rate(n, long.First-long.Arrived)
	for i, at := range neighbors {
		neighbors[i] = slices.DeleteFunc(at, func(t time.Duration) bool { return t < long.Arrived || t > long.First })
	}
	line.gaps(neighbors...)
	return line, nil
}
