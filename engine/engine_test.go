package engine_test

import (
	"bytes"
	"context"
	"runtime"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/engine/trace"
)

const vocab = 512

// open makes an engine over the null backend. It closes with the test, which
// then finds every plan again from the run's trace, and no goroutine left.
func open(t testing.TB, edit func(*null.Config, *engine.Config)) *engine.Engine {
	t.Helper()
	tok, err := tokenizer.NewBytes(vocab)
	if err != nil {
		t.Fatal(err)
	}
	n := null.Config{Vocab: vocab, Context: 512, Slots: 8, Budget: 64, Blocks: 256, BlockTokens: 8}
	c := engine.Config{Tokenizer: tok, Sched: sched.Config{Queue: 64}, KeepBlocks: 64}
	if edit != nil {
		edit(&n, &c)
	}
	if c.Backend == nil {
		if c.Backend, err = null.Open(n); err != nil {
			t.Fatal(err)
		}
	}
	before := runtime.NumGoroutine()
	var traced bytes.Buffer
	if _, bench := t.(*testing.B); !bench {
		c.Trace = &traced
	}
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		noneLeft(t, before)
		if e.Err() == nil && c.Trace == &traced {
			if _, err := trace.Replay(trace.NewReader(&traced, "trace"), c.Cost); err != nil {
				t.Error(err)
			}
		}
	})
	return e
}

// noneLeft waits until there are as many goroutines as before.
func noneLeft(t testing.TB, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before the engine:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

// output is what came out of a request.
type output struct {
	tokens   []int32
	logprobs []float32
	text     string
	finish   engine.Finish
	usage    engine.Usage
	err      error
}

func read(s *engine.Stream) output {
	var o output
	for tok, ok := s.Next(); ok; tok, ok = s.Next() {
		o.tokens = append(o.tokens, tok.ID)
		o.logprobs = append(o.logprobs, tok.Logprob)
		o.text += tok.Text
	}
	o.finish, o.usage, o.err = s.Finish(), s.Usage(), s.Err()
	return o
}

func submit(t testing.TB, e *engine.Engine, r engine.Request) *engine.Stream {
	t.Helper()
	s, err := e.Submit(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func generate(t testing.TB, e *engine.Engine, r engine.Request) output {
	t.Helper()
	return read(submit(t, e, r))
}

// ids are n tokens that follow from a seed.
func ids(n int, seed uint64) []int32 {
	list := make([]int32, n)
	for i := range list {
		seed = seed*6364136223846793005 + 1442695040888963407
		list[i] = int32(seed >> 33 % vocab)
	}
	return list
}
