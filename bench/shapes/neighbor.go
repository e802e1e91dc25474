package shapes

import (
	"context"
	"errors"
	"time"

	"tierlab/engine"
)

// decodeOn decodes until ctx ends and keeps when each token came. It says so on
// running once it has its second token.
func (b *Bench) decodeOn(ctx context.Context, prompt []int32, running chan<- struct{}, at *[]time.Duration) error {
	stream, err := b.Engine.Submit(ctx, engine.Request{
		Prompt: prompt, MaxTokens: b.Engine.Context() - len(prompt), IgnoreEnd: true, Logprobs: -1,
	})
	if err != nil {
		return err
	}
	for t, ok := stream.Next(); ok; t, ok = stream.Next() {
		*at = append(*at, t.At)
		if len(*at) == 2 {
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
