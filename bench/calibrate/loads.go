package calibrate

import (
	"context"
	"fmt"
	"slices"
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

// together is how many tokens a decoding sequence gives beside the others, once
// all of their prompts are computed.
const together = 32

// output is how many tokens a decoding sequence gives: it has its first when the
// prompts of others are still to be computed, or to come.
func (l load) output(budget int) int {
	return together + l.batch*l.context/budget + l.chunks*l.chunk/64
}

// Limits are what an engine can hold.
type Limits struct {
	Slots, Budget, Context int
	CacheTokens            int // of keys and values, over all sequences
	Vocab                  int
}

// leastPrompts are the prompts' tokens of a load on an engine that takes longer
// than promptTime for them.
const (
	leastPrompts = 16384
	promptTime   = 1 // s
)

// grid are the loads that fit an engine and have at most that many tokens of
// prompts: the more an engine computes in a second, the longer its contexts and
// the larger its batches.
func grid(e Limits, prompts int) []load {
	var loads []load
	held := func(l load) bool {
		output := l.output(e.Budget)
		longest := max(l.context+output+l.batch, l.prompt(l.chunks))
		all := l.batch*(l.context+output+l.batch) + l.prompt(l.chunks)
		return l.batch+min(l.chunk, 1) <= e.Slots && longest < e.Context && all < e.CacheTokens
	}
	add := func(l load) {
		if held(l) {
			loads = append(loads, l)
		}
	}
	for batch := 1; batch <= e.Slots; batch *= 2 {
		for _, context := range []int{32, 512, 2048, 8192, 32768} {
			if batch*context <= prompts {
				add(load{batch: batch, context: context})
			}
		}
	}
	alone := []int{16, 40, 96, 200, 400, 800, e.Budget, 2 * e.Budget, 4 * e.Budget, min(prompts/4, e.Context*3/4)}
	slices.Sort(alone)
	for _, chunk := range slices.Compact(alone) {
		if chunk <= prompts {
			add(load{chunk: chunk, chunks: max(1, min(6, prompts/8/chunk))})
		}
	}
	for _, others := range []load{{batch: 2, context: 200}, {batch: 6, context: 200}, {batch: 12, context: 200}, {batch: 32, context: 200}, {batch: 96, context: 100}} {
		for _, chunk := range []int{64, 256, 1024, 4096} {
			if chunk <= prompts/16 {
				add(load{batch: others.batch, context: others.context, chunk: chunk, chunks: max(1, 1024/chunk)})
			}
		}
	}
	for _, batch := range []int{0, 3, 7, 31} {
		for _, context := range []int{512, 2048, 8192, 32768} {
			for _, chunk := range []int{32, 128, 1024} {
				if context <= prompts/8 && chunk <= prompts/64 && batch*context <= prompts {
					add(load{batch: batch, context: context, chunk: chunk, chunks: 6, resumed: true})
				}
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
	running := make(chan struct{}, 2*l.batch)
	for i := range l.batch {
		go func() {
			a, err := c.call(ctx, start, c.calls.Add(1), l.context+i, l.output(c.Budget), func() { running <- struct{}{} })
			running <- struct{}{} // also where there was no token
			errs <- err
			answers <- a
		}()
	}
	var seen []answer
	if l.chunk > 0 {
		for range l.batch { // the prompts come when the others decode
			<-running
		}
	}
	var first error
	number := c.calls.Add(1)
	for i := range l.chunks {
		if !l.resumed && i > 0 {
			number = c.calls.Add(1)
		}
		a, err := c.call(ctx, start, number, l.prompt(i), 1, nil)
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
func (c *Config) call(ctx context.Context, start time.Time, number uint32, n, output int, first func()) (answer, error) {
	prompt := make([]int32, n)
	state := uint32(number) * 0x9e3779b9
	for i := range prompt {
		state = state*1664525 + 1013904223 // any content does
		prompt[i] = int32(state>>8) % int32(c.Vocab)
	}
	a, err := c.Target.Do(ctx, start, &target.Call{Prompt: prompt, MaxTokens: output, Extended: true, OnFirst: first})
	if err != nil {
		err = fmt.Errorf("a call with a prompt of %d tokens: %w", n, err)
	}
	return answer{n, a}, err
}
