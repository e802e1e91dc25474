package engine_test

import (
	"context"
	"testing"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
)

// open makes an engine over the null backend, which closes with the test.
func open(t testing.TB, edit func(*null.Config, *engine.Config)) *engine.Engine {
	t.Helper()
	tok, err := tokenizer.NewBytes(512)
	if err != nil {
		t.Fatal(err)
	}
	n := null.Config{Vocab: 512, Context: 512, Slots: 8, Budget: 64, Blocks: 256, BlockTokens: 8}
	c := engine.Config{Tokenizer: tok, Sched: sched.Config{Queue: 64}, KeepBlocks: 64}
	if edit != nil {
		edit(&n, &c)
	}
	b, err := null.Open(n)
	if err != nil {
		t.Fatal(err)
	}
	c.Backend = b
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestGenerates(t *testing.T) {
	e := open(t, nil)
	s, err := e.Submit(context.Background(), engine.Request{Prompt: []int32{1, 2, 3}, MaxTokens: 5, Logprobs: -1})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for tok, ok := s.Next(); ok; tok, ok = s.Next() {
		text += tok.Text
	}
	t.Logf("%q %s %+v %v", text, s.Finish(), s.Usage(), s.Err())
	if u := s.Usage(); s.Finish() != engine.FinishLength || u.Output != 5 || u.Prompt != 3 || s.Err() != nil {
		t.Errorf("ended with %s, %+v, %v", s.Finish(), u, s.Err())
	}
}
