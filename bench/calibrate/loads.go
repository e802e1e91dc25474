package calibrate

import (
	"context"
	"fmt"
	"time"

	"tierlab/bench/target"
)

// load is one cell of the grid: batch sequences decode output tokens each
// behind prompts of context tokens; once all do, prompts of chunk tokens come,
// one after another. In a resumed load they are one prompt that grows by chunk
// tokens behind a context, as an agent's does from call to call.
type load struct {
	batch, context int
	chunk, chunks  int
	resumed        bool
}

func (l load) String() string {
	switch {
	case l.resumed && l.batch == 0:
		return fmt.Sprintf("prefill %d behind %d", l.chunk, l.context)
	case l.resumed:
		return fmt.Sprintf("decode %d x %d with %d behind as many", l.batch, l.context, l.chunk)
	case l.batch == 0:
		return fmt.Sprintf("prefill %d", l.chunk)
	case l.chunk == 0:
		return fmt.Sprintf("decode %d x %d", l.batch, l.context)
	default:
		return fmt.Sprintf("decode %d x %d with prompts of %d", l.batch, l.context, l.chunk)
	}
}

// prompt is the length of the prompt number i of those that come one after
// another; in a resumed load number 0 is the context.
func (l load) prompt(i int) int {
	if l.resumed {
		return l.context + l.batch + i*l.chunk
	}
	return l.chunk + i
}

// output is how many tokens a decoding sequence gives.
const output = 32

// Limits are what an engine can hold.
type Limits struct {
	Slots, Budget, Context int
	CacheTokens            int // of keys and values, over all sequences
	Vocab                  int
}

// grid are the loads that fit an engine.
func grid(e Limits) []load {
	var loads []load
	held := func(l load) bool {
		longest := max(l.context+output+l.batch, l.prompt(l.chunks))
		all := l.batch*(l.context+output+l.batch) + l.prompt(l.chunks)
		return l.batch+min(l.chunk, 1) <= e.Slots && longest < e.Context && all < e.CacheTokens
	}
	add := func(l load) {
		if held(l) {
			loads = append(loads, l)
		}
	}
	const prompts = 16384 // tokens of a load's prompts, or a slow engine takes minutes for one
	for batch := 1; batch <= e.Slots; batch *= 2 {
		for _, context := range []int{32, 512, 2048, 8192} {
			if batch*context <= prompts {
				add(load{batch: batch, context: context})
			}
		}
	}
	for _, chunk := range []int{16, 40, 96, 200, 400, 800, e.Budget, 2 * e.Budget, 4 * e.Budget} {
		if chunk <= prompts {
			add(load{chunk: chunk, chunks: max(1, min(6, 2048/chunk))})
		}
	}
	for _, batch := range []int{2, 6, 12} {
		for _, chunk := range []int{64, 256, 1024} {
			add(load{batch: batch, context: 200, chunk: chunk, chunks: max(1, 1024/chunk)})
		}
	}
	for _, batch := range []int{0, 3, 7} {
		for _, context := range []int{512, 2048} {
			for _, chunk := range []int{32, 128} {
				add(load{batch: batch, context: context, chunk: chunk, chunks: 6, resumed: true})
			}
		}
	}
	return loads
}

// answer is a call with what its client saw.
type answer struct {
	prompt int
	target.Answer
}

// play runs a load. Every prompt has a length of its own within it, by which
// the engine's account of a request finds its call.
func (c *Config) play(ctx context.Context, start time.Time, l load) ([]answer, error) {
	answers := make(chan answer, l.batch)
	errs := make(chan error, l.batch)
	for i := range l.batch {
		go func() {
			a, err := c.call(ctx, start, c.calls.Add(1), l.context+i, output+l.chunks*l.chunk/64)
			errs <- err
			answers <- a
		}()
	}
	var seen []answer
	if l.batch > 0 && l.chunk > 0 {
		// The prompts come when the others are likely to decode; when they do
		// not yet, the iteration is a mixed one of another kind and counts too.
		time.Sleep(time.Duration(l.batch) * 20 * time.Millisecond)
	}
	var first error
	number := c.calls.Add(1)
	for i := range l.chunks {
		if !l.resumed && i > 0 {
			number = c.calls.Add(1)
		}
		a, err := c.call(ctx, start, number, l.prompt(i), 1)
		if err != nil && first == nil {
			first = err
		}
		seen = append(seen, a)
	}
	for range l.batch {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
		seen = append(seen, <-answers)
	}
	return seen, first
}

// call makes one call with a prompt of n tokens that no call of another number
// shares.
func (c *Config) call(ctx context.Context, start time.Time, number uint32, n, output int) (answer, error) {
	prompt := make([]int32, n)
	state := uint32(number) * 0x9e3779b9
	for i := range prompt {
		state = state*1664525 + 1013904223 // any content does
		prompt[i] = int32(state>>8) % int32(c.Vocab)
	}
	a, err := c.Target.Do(ctx, start, &target.Call{Prompt: prompt, MaxTokens: output, Extended: true})
	if err != nil {
		err = fmt.Errorf("a call with a prompt of %d tokens: %w", n, err)
	}
	return answer{n, a}, err
}
