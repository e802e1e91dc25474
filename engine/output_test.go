package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sample"
	"tierlab/engine/tokenizer"
)

func TestOutput(t *testing.T) {
	e := open(t, nil)
	r := engine.Request{Prompt: ids(20, 1), MaxTokens: 40, Logprobs: 2}
	o := generate(t, e, r)
	if len(o.tokens) != 40 || o.finish != engine.FinishLength || o.err != nil {
		t.Fatalf("%d tokens, %s, %v", len(o.tokens), o.finish, o.err)
	}
	if want := tokenizer.Decode(e.Tokenizer(), o.tokens); o.text != want {
		t.Errorf("the text is %q, its tokens say %q", o.text, want)
	}
	u := o.usage
	if u.Prompt != 20 || u.Output != 40 || u.Cached != 0 || u.Preempted != 0 {
		t.Errorf("usage %+v", u)
	}
	if !(u.Arrived <= u.Started && u.Started <= u.First && u.First < u.Done) {
		t.Errorf("times are out of order: %+v", u)
	}
	again := generate(t, e, r)
	if !slices.Equal(again.tokens, o.tokens) || !slices.Equal(again.logprobs, o.logprobs) {
		t.Error("the same request again came out otherwise")
	}
	if again.usage.Cached != 16 {
		t.Errorf("%d tokens of the same prompt were cached, want two blocks of 8", again.usage.Cached)
	}
	if other := generate(t, e, engine.Request{Prompt: r.Prompt, MaxTokens: 1, Tenant: "other"}); other.usage.Cached != 0 {
		t.Errorf("another tenant found %d tokens in the cache", other.usage.Cached)
	}
	st := e.Stats()
	if st.Prompt != 60 || st.Cached != 16 || st.Sched.Produced != 81 || st.Length != 3 || st.Iterations == 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestLogprobs(t *testing.T) {
	e := open(t, nil)
	s := submit(t, e, engine.Request{Prompt: ids(9, 2), MaxTokens: 3, Logprobs: 3, Logits: true})
	for tok, ok := s.Next(); ok; tok, ok = s.Next() {
		if tok.Logprob >= 0 || len(tok.Top) != 3 || tok.Top[0].Token != tok.ID || tok.Top[0].Logprob != tok.Logprob {
			t.Errorf("token %d at %v has the top %v", tok.ID, tok.Logprob, tok.Top)
		}
		if len(tok.Logits) != vocab || tok.Logits[tok.ID] < null.Peak {
			t.Errorf("token %d has %d logits", tok.ID, len(tok.Logits))
		}
	}
	s = submit(t, e, engine.Request{Prompt: ids(9, 2), MaxTokens: 1, Logprobs: -1})
	if tok, _ := s.Next(); tok.Logprob != 0 || tok.Top != nil || tok.Logits != nil {
		t.Errorf("not asked for: %v %v", tok.Logprob, tok.Top)
	}
}

// TestStops ends one output at every place where it can be ended.
func TestStops(t *testing.T) {
	e := open(t, nil)
	r := engine.Request{Prompt: ids(20, 3), MaxTokens: 24, Logprobs: -1}
	all := generate(t, e, r)
	for from := range all.text {
		for _, n := range []int{1, 3, 7} {
			stop := string([]rune(all.text[from:])[:min(n, utf8.RuneCountInString(all.text[from:]))])
			if strings.Index(all.text, stop) != from {
				continue
			}
			r := r
			r.Stop = []string{"nowhere in it", stop}
			o := generate(t, e, r)
			if o.text != all.text[:from] || o.finish != engine.FinishStop {
				t.Errorf("stopped at %q: %q, %s; want %q", r.Stop[1], o.text, o.finish, all.text[:from])
			}
			if !slices.Equal(o.tokens, all.tokens[:len(o.tokens)]) || o.usage.Output != len(o.tokens) {
				t.Errorf("stopped at %q after %d of %v", r.Stop[1], o.usage.Output, o.tokens)
			}
			if r.IgnoreEnd = true; from%4 == 0 {
				if o := generate(t, e, r); o.text != all.text || o.finish != engine.FinishLength {
					t.Errorf("did not ignore %q: %q", r.Stop[1], o.text)
				}
			}
		}
	}
	// What might have become a stop string comes out at the end.
	r.Stop = []string{all.text[len(all.text)-2:] + "!"}
	if o := generate(t, e, r); o.text != all.text {
		t.Errorf("%q, want %q", o.text, all.text)
	}
}

func TestEndTokens(t *testing.T) {
	r := engine.Request{Prompt: ids(20, 3), MaxTokens: 24, Logprobs: -1}
	all := generate(t, open(t, nil), r)
	at := 5 + slices.IndexFunc(all.tokens[5:], func(id int32) bool { return slices.Index(all.tokens, id) >= 5 })
	e := open(t, func(_ *null.Config, c *engine.Config) { c.End = []int32{all.tokens[at]} })
	o := generate(t, e, r)
	if !slices.Equal(o.tokens, all.tokens[:at+1]) || o.finish != engine.FinishStop {
		t.Errorf("%v, %s; want %v", o.tokens, o.finish, all.tokens[:at+1])
	}
	if want := tokenizer.Decode(e.Tokenizer(), all.tokens[:at]); o.text != want {
		t.Errorf("the text is %q, want %q without the end", o.text, want)
	}
	r.MaxTokens = at + 1
	if o := generate(t, e, r); o.finish != engine.FinishStop {
		t.Errorf("an end at the last token is %s", o.finish)
	}
	r.IgnoreEnd, r.MaxTokens = true, 24
	if o := generate(t, e, r); !slices.Equal(o.tokens, all.tokens) || o.finish != engine.FinishLength {
		t.Errorf("ignoring it: %v, %s", o.tokens, o.finish)
	}
	r.StopIDs, r.IgnoreEnd = []int32{all.tokens[2]}, false
	if o := generate(t, e, r); len(o.tokens) > 3 || o.finish != engine.FinishStop {
		t.Errorf("a stop token of the request: %v, %s", o.tokens, o.finish)
	}
}

func TestForced(t *testing.T) {
	for _, depth := range []int{0, 1} {
		e := open(t, func(n *null.Config, c *engine.Config) { n.Depth, c.End = depth, []int32{7} })
		forced := []int32{3, 7, 9, 7, 7, 100, 200, 3, 7, 1}
		o := generate(t, e, engine.Request{Prompt: ids(30, 4), Forced: forced, Stop: []string{"\x03"}, Logprobs: 0})
		if !slices.Equal(o.tokens, forced) || o.finish != engine.FinishLength {
			t.Errorf("%v, %s; want %v", o.tokens, o.finish, forced)
		}
		if slices.Max(o.logprobs) >= 0 {
			t.Errorf("log-probabilities %v", o.logprobs)
		}
	}
}

// steps is a grammar: token i is i modulo 5, and there are n.
type steps struct{ i, n int }

func (g *steps) Mask(dst []uint64) {
	clear(dst)
	for t := g.i % 5; t < vocab; t += 5 {
		dst[t/64] |= 1 << (t % 64)
	}
}

func (g *steps) Accept(token int32) error {
	if int(token)%5 != g.i%5 {
		return errors.New("not the next step")
	}
	g.i++
	return nil
}

func (g *steps) Done() bool { return g.i == g.n }

func TestGrammar(t *testing.T) {
	for _, depth := range []int{0, 1} {
		e := open(t, func(n *null.Config, _ *engine.Config) { n.Depth = depth })
		other := submit(t, e, engine.Request{Prompt: ids(5, 1), MaxTokens: 60})
		o := generate(t, e, engine.Request{Prompt: ids(30, 4), MaxTokens: 100, Grammar: &steps{n: 33}})
		if len(o.tokens) != 33 || o.finish != engine.FinishStop {
			t.Fatalf("%d tokens, %s, %v", len(o.tokens), o.finish, o.err)
		}
		for i, id := range o.tokens {
			if int(id)%5 != i%5 {
				t.Errorf("token %d is %d", i, id)
			}
		}
		if o := read(other); o.finish != engine.FinishLength {
			t.Errorf("the other one ended with %s", o.finish)
		}
	}
}

// dead is a grammar that fails after n tokens.
type dead struct {
	steps
	refuse bool // in Accept; else there is no token that may come
}

func (g *dead) Mask(dst []uint64) {
	if g.steps.Mask(dst); g.i >= 3 && !g.refuse {
		clear(dst)
	}
}

func (g *dead) Accept(token int32) error {
	if g.i >= 3 && g.refuse {
		return errors.New("a fault of its own")
	}
	return g.steps.Accept(token)
}

func TestBrokenGrammar(t *testing.T) {
	e := open(t, nil)
	for _, refuse := range []bool{false, true} {
		o := generate(t, e, engine.Request{Prompt: ids(5, 4), MaxTokens: 100, Grammar: &dead{steps{n: 99}, refuse}})
		if o.finish != engine.FinishAborted || o.err == nil || !strings.Contains(o.err.Error(), "grammar") || len(o.tokens) != 3 || o.usage.Output != 3 {
			t.Errorf("%d tokens, %s, %v, %+v", len(o.tokens), o.finish, o.err, o.usage)
		}
	}
	if o := generate(t, e, engine.Request{Prompt: ids(5, 4), MaxTokens: 4}); o.err != nil || e.Err() != nil {
		t.Errorf("the engine suffered: %v, %v", o.err, e.Err())
	}
}

func TestRefusals(t *testing.T) {
	e := open(t, func(_ *null.Config, c *engine.Config) { c.Sched.Context = 100 })
	ok := engine.Request{Prompt: ids(10, 1), MaxTokens: 5}
	nan := float32(0)
	nan /= nan
	for _, c := range []struct {
		param string
		edit  func(*engine.Request)
	}{
		{"prompt", func(r *engine.Request) { r.Prompt = nil }},
		{"prompt", func(r *engine.Request) { r.Prompt = ids(100, 1) }},
		{"prompt", func(r *engine.Request) { r.Prompt = []int32{1, vocab} }},
		{"prompt", func(r *engine.Request) { r.Prompt = []int32{-1} }},
		{"max_tokens", func(r *engine.Request) { r.MaxTokens = 0 }},
		{"max_tokens", func(r *engine.Request) { r.MaxTokens = 91 }},
		{"max_tokens", func(r *engine.Request) { r.MaxTokens = 1 << 62 }},
		{"max_tokens", func(r *engine.Request) { r.Forced = []int32{1} }},
		{"forced", func(r *engine.Request) { r.Forced, r.MaxTokens = []int32{vocab}, 0 }},
		{"stop_token_ids", func(r *engine.Request) { r.StopIDs = []int32{vocab} }},
		{"temperature", func(r *engine.Request) { r.Temperature = -1 }},
		{"temperature", func(r *engine.Request) { r.Temperature = nan }},
		{"top_k", func(r *engine.Request) { r.TopK = -1 }},
		{"top_p", func(r *engine.Request) { r.TopP = 1.5 }},
		{"min_p", func(r *engine.Request) { r.Params = sample.Params{MinP: nan} }},
		{"logprobs", func(r *engine.Request) { r.Logprobs = vocab + 1 }},
		{"stop", func(r *engine.Request) { r.Stop = []string{"a", ""} }},
		{"response_format", func(r *engine.Request) { r.Grammar, r.Forced, r.MaxTokens = &steps{}, ids(3, 1), 0 }},
		{"keep_for", func(r *engine.Request) { r.KeepFor = -1 }},
	} {
		r := ok
		c.edit(&r)
		_, err := e.Submit(context.Background(), r)
		var bad *engine.RequestError
		if !errors.As(err, &bad) || bad.Param != c.param {
			t.Errorf("want a fault of %s: %v", c.param, err)
			continue
		}
		t.Log(err)
	}
	if o := generate(t, e, ok); len(o.tokens) != 5 {
		t.Error("what is fine was not served")
	}
}
