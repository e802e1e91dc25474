package grammar

import (
	"fmt"
	"math"
	"slices"
)

// Matcher follows one output, which it constrains to the grammar's texts. It is
// used by one goroutine at a time.
type Matcher struct {
	a         *Automaton
	set, next []thread
	ends      []int32
	ended     bool  // by one of ends
	left      int32 // tokens that are still to come
}

// unlimited is the number of tokens left without a limit.
const unlimited = math.MaxInt32

// Matcher starts an output. The tokens in ends are those that end an output:
// they are allowed where it is complete but might go on, as after a digit of a
// number that nothing follows.
func (a *Automaton) Matcher(ends ...int32) *Matcher {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := &Matcher{a: a, ends: ends, left: unlimited}
	m.set = a.enter(nil, thread{place{node: a.start}, a.root})
	return m
}

// MinTokens is a number of tokens that is enough to complete the output: the
// fewest that spell its shortest completion in bytes.
func (m *Matcher) MinTokens() int {
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	return int(m.a.fewest(m.set, unlimited))
}

// Limit says that at most that many tokens are still to come, all of which will
// be accepted: from here on only such tokens are allowed as leave enough of them
// to complete the output. It is an error, and changes nothing, if there are
// fewer than MinTokens.
func (m *Matcher) Limit(tokens int) error {
	if least := m.MinTokens(); tokens < least {
		return fmt.Errorf("%d tokens are not enough for the grammar: its shortest output takes %d", tokens, least)
	}
	m.left = int32(min(tokens, unlimited))
	return nil
}

// Mask sets in dst the bit of each token that may come next (bit t%64 of word
// t/64) and clears all others, those beyond the vocabulary among them. Once Done
// it allows nothing.
func (m *Matcher) Mask(dst []uint64) {
	clear(dst)
	if m.Done() {
		return
	}
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	m.collect(dst, m.left-1)
	for _, t := range m.set {
		if t.node == endNode {
			for _, id := range m.ends {
				dst[id/64] |= 1 << (id % 64)
			}
		}
	}
}

// collect adds the masks of all threads, with a completion within budget tokens.
func (m *Matcher) collect(dst []uint64, budget int32) {
	if m.left == unlimited || m.a.fewest(m.set, m.left) > m.left {
		// There is no limit, or tokens were accepted that break it.
		budget = unlimited
	}
	some := false
	for _, t := range m.set {
		if t.node == endNode {
			some = true
			continue
		}
		of := m.a.mask(t)
		if of.farthest > budget {
			of = m.a.compute(t, budget)
		}
		for w, set := range of.mask {
			dst[w] |= set
			some = some || set != 0
		}
	}
	if !some && budget != unlimited {
		m.collect(dst, unlimited)
	}
}

// Accept moves on by a token that the mask allowed. Another one is an error and
// changes nothing.
func (m *Matcher) Accept(token int32) error {
	if m.ended {
		return fmt.Errorf("token %d after the end of the output", token)
	}
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	if slices.Contains(m.ends, token) && slices.ContainsFunc(m.set, func(t thread) bool { return t.node == endNode }) {
		m.ended = true
		return nil
	}
	if token < 0 || int(token) >= m.a.v.size {
		return fmt.Errorf("token %d is outside of the vocabulary of %d", token, m.a.v.size)
	}
	text := m.a.v.texts[token]
	if text == nil {
		return fmt.Errorf("token %d is no text, which the grammar wants", token)
	}
	m.next = m.next[:0]
	for _, t := range m.set {
		m.next = m.a.follow(m.next, t, text)
	}
	if len(m.next) == 0 {
		return fmt.Errorf("token %d (%q) is not what the grammar wants", token, text)
	}
	if len(m.next) > maxReadings {
		m.next = m.a.prune(m.next)
	}
	m.set, m.next = m.next, m.set
	if m.left != unlimited {
		m.left = max(0, m.left-1)
	}
	return nil
}

// Done says that the output is complete and nothing may follow it.
func (m *Matcher) Done() bool {
	return m.ended || len(m.set) == 1 && m.set[0].node == endNode
}
