package shapes

import (
	"context"
	"errors"
	"slices"
	"time"

	"tierlab/engine"
)

// stall has a long prompt arrive among sequences that decode. Its time alone,
// and their gaps without it, are measured in the same run.
func (b *Bench) stall(ctx context.Context, n, beside int) (Line, error) {
	alone, err := b.do(ctx, "", b.tokens(n), 1)
	if err != nil {
		return Line{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	neighbors := make([][]time.Duration, beside)
	ended := make(chan error, beside)
	running := make(chan struct{}, beside)
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
	calm, during := split(neighbors, long.Arrived, long.First)
	var before Line
	before.gaps(calm...)
	line.CalmP99Ms = before.GapP99Ms
	line.gaps(during...)
	if line.CalmP99Ms > 0 {
		line.GapRatio = line.GapP99Ms / line.CalmP99Ms
	}
	line.Put(b.stallWork(n, during), long.First-long.Arrived)
	b.used(&line, long.Arrived, long.First, n)
	return line, nil
}

// split are the tokens of sequences that run side by side before something
// arrives, from when all of them do, and from then until it is done.
func split(sequences [][]time.Duration, arrived, done time.Duration) (before, during [][]time.Duration) {
	all := time.Duration(0)
	for _, at := range sequences {
		all = max(all, at[0])
	}
	for _, at := range sequences {
		within := func(from, to time.Duration) []time.Duration {
			return slices.DeleteFunc(slices.Clone(at), func(t time.Duration) bool { return t < from || t > to })
		}
		before, during = append(before, within(all, arrived)), append(during, within(arrived, done))
	}
	return before, during
}

// stallWork is that of a prompt of n tokens in as many passes as its neighbours
// have had tokens meanwhile, and theirs.
func (b *Bench) stallWork(n int, during [][]time.Duration) Work {
	work := prefillWork(b.Model, b.Elem, n)
	passes, tokens := 1, 0
	for _, at := range during {
		passes, tokens = max(passes, len(at)), tokens+len(at)
	}
	context := float64(tokens) * (stallPrompt + stallCalm)
	theirs := Pass(b.Model, b.Elem, tokens, tokens, context, context)
	work.FLOP += theirs.FLOP
	work.Bytes += theirs.Bytes + float64(passes-2)*Pass(b.Model, b.Elem, 1, 1, 0, 0).Bytes
	return work
}

// decodeOn decodes until ctx ends and keeps when each token came. It says so on
// running once it has run for a while.
func (b *Bench) decodeOn(ctx context.Context, prompt []int32, running chan<- struct{}, at *[]time.Duration) error {
	stream, err := b.Engine.Submit(ctx, engine.Request{
		Prompt: prompt, MaxTokens: b.Engine.Context() - len(prompt), IgnoreEnd: true, Logprobs: -1,
	})
	if err != nil {
		return err
	}
	for t, ok := stream.Next(); ok; t, ok = stream.Next() {
		*at = append(*at, t.At)
		if len(*at) == stallCalm {
			running <- struct{}{}
		}
	}
	if err := stream.Err(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if ctx.Err() == nil {
		return errors.New("a neighbour's context was full before the prompt's first token: the engine's context is too short for the shape")
	}
	return nil
}
