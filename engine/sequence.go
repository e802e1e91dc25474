package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// sequence is a request in the engine. After Submit it is the loop's alone,
// except for its stream.
type sequence struct {
	Request
	id       uint64
	session  uint64
	chain    kv.Chain
	admitted chan error // the scheduler's answer
	stream   *Stream

	traced []byte  // the prompt as the trace has it
	ids    []int32 // the prompt and the output so far
	prompt int     // tokens of the prompt
	ends   []int32 // tokens that end the output
	text   text
	mask   []uint64
	usage  Usage
	starts int   // how often it has entered a plan anew
	over   bool  // an end token, a stop string or a complete grammar
	broken error // the grammar has failed: the output is over
}

// newSequence copies what the engine keeps of a request, and hashes its prompt.
func (e *Engine) newSequence(r Request) (*sequence, error) {
	s := &sequence{
		Request: r, id: e.lastID.Add(1), prompt: len(r.Prompt),
		admitted: make(chan error, 1),
		text:     text{tok: e.cfg.Tokenizer},
	}
	s.stream = newStream(func() { e.mail.cancel(s.id) })
	if len(r.Forced) > 0 {
		s.MaxTokens = len(r.Forced)
		s.Forced = slices.Clone(r.Forced)
	}
	if r.Grammar != nil {
		s.mask = make([]uint64, (e.caps.Vocab+63)/64)
	}
	s.ids = make([]int32, len(r.Prompt), len(r.Prompt)+min(s.MaxTokens, 1024))
	copy(s.ids, r.Prompt)
	s.Prompt = nil
	stops, err := sample.NewStops(r.Stop)
	if err != nil {
		return nil, asRequestError(err)
	}
	if r.IgnoreEnd || len(r.Forced) > 0 {
		stops = &sample.Stops{}
	} else {
		s.ends = slices.Concat(e.cfg.End, r.StopIDs)
	}
	s.text.stops = stops
	salt := e.name("tenant", r.Tenant)
	s.session = s.id
	if r.Session != "" {
		s.session = e.name("session", r.Tenant, r.Session)
	}
	s.chain = kv.NewChain(e.caps.BlockTokens, salt).Append(s.ids...)
	s.traced = e.trace.Prompt(s.session, salt, s.ids)
	s.usage = Usage{Prompt: s.prompt, Arrived: e.Now()}
	return s, nil
}

// name is a number that nobody outside can predict, so that a tenant cannot
// make contexts that collide with another's.
func (e *Engine) name(parts ...string) uint64 {
	h := hmac.New(sha256.New, e.secret[:])
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// forSched is what the scheduler needs to know of the request.
func (s *sequence) forSched() sched.Request {
	return sched.Request{
		ID: s.id, Session: s.session, Priority: s.Priority, Prompt: s.chain,
		MaxTokens: s.MaxTokens, Forced: len(s.Forced) > 0, Host: s.Grammar != nil,
		KeepFor: s.KeepFor, KeepPriority: s.Priority,
	}
}

// pick says how output token i is chosen.
func (s *sequence) pick(i int) sample.Pick {
	p := sample.Pick{Params: s.Params, Index: i, Forced: -1, Logprobs: s.Logprobs, Logits: s.Logits}
	if len(s.Forced) > 0 {
		p.Forced = s.Forced[i]
	}
	if s.Grammar != nil {
		p.Mask = s.allowed()
	}
	return p
}

// allowed is the grammar's mask. Where the grammar allows nothing the output is
// broken, and what is sampled in its place is thrown away.
func (s *sequence) allowed() []uint64 {
	s.Grammar.Mask(s.mask)
	for _, word := range s.mask {
		if word != 0 {
			return s.mask
		}
	}
	s.broken = fmt.Errorf("engine: the grammar allows no token after %d of output", s.usage.Output)
	return nil
}

// take adds a token to the output and hands it to the stream. It reports
// whether the output ends with it.
func (s *sequence) take(now time.Duration, c *sample.Choice) (end bool) {
	if s.broken != nil {
		return true
	}
	stop := slices.Contains(s.ends, c.Token)
	done := !stop && s.accept(c.Token)
	if s.broken != nil {
		return true
	}
	s.ids = append(s.ids, c.Token)
	s.usage.Output++
	if s.usage.Output == 1 {
		s.usage.First = now
	}
	t := Token{ID: c.Token, At: now, Logprob: c.Logprob, Top: copied(c.Top), Logits: copied(c.Logits)}
	cut := false
	if !stop {
		t.Text, cut = s.text.add(c.Token)
	}
	s.over = stop || done || cut
	if !cut && (s.over || s.usage.Output == s.MaxTokens) {
		t.Text += s.text.rest()
	}
	s.stream.push(t, s.usage)
	return s.over
}

// accept moves the grammar on, and reports whether it is complete.
func (s *sequence) accept(token int32) (done bool) {
	if s.Grammar == nil {
		return false
	}
	if err := s.Grammar.Accept(token); err != nil {
		s.broken = fmt.Errorf("engine: the grammar: %w", err)
		return false
	}
	return s.Grammar.Done()
}

// copied is a copy of its own; nil of nothing.
func copied[T any](s []T) []T { return append([]T(nil), s...) }
