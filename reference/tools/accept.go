package tools

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// accept checks what a tool returned and completes its writes: those of the
// calls that it made, then its own, then the size that the state has after them.
func (r *Registry) accept(e *entry, s *state, n *Nested, used *use, result *Result) *Error {
	bad := func(err error) *Error { return &Error{Kind: BadResult, Tool: e.tool.Name, Err: err} }
	if !(result.USD >= 0 && result.USD < 1e9) {
		usd := result.USD
		result.USD = 0
		return bad(fmt.Errorf("its result costs %v dollars: want a number from 0", usd))
	}
	problems, err := e.content(result, r.options.MaxResult)
	if err != nil {
		return &Error{Kind: BadResult, Tool: e.tool.Name, Err: err, Problems: problems}
	}
	if err := used.produced(e, len(result.Content)); err != nil {
		return &Error{Kind: QuotaUsed, Tool: e.tool.Name, Err: err}
	}
	if result.Failed {
		result.Writes, result.Sends = nil, nil
		return nil
	}
	if len(result.Writes) > 0 && !e.tool.Stateful {
		return bad(errors.New("its result writes to the session's state, and it is not registered as Stateful"))
	}
	for _, w := range result.Writes {
		if err := r.checkWrite(w); err != nil {
			return bad(fmt.Errorf("its result cannot be kept: %w", err))
		}
	}
	result.Writes = merged(n.writes(), result.Writes)
	result.Sends = append(n.sent(), result.Sends...)
	size, err := r.resized(s, result.Writes)
	if err != nil {
		return &Error{Kind: QuotaUsed, Tool: e.tool.Name, Err: err}
	}
	result.Writes = append(result.Writes, size...)
	return nil
}

// content checks a result's JSON and puts it into this package's encoding.
func (e *entry) content(result *Result, limit int) ([]Problem, error) {
	if len(result.Content) > limit {
		return nil, fmt.Errorf("its result has %d bytes: at most %d are taken", len(result.Content), limit)
	}
	if result.Content == nil {
		result.Content = []byte("null")
	}
	v, canonical, err := parse(result.Content)
	if err != nil {
		return nil, fmt.Errorf("its result is %w", err)
	}
	result.Content = canonical
	if e.output == nil || result.Failed {
		return nil, nil
	}
	if problems := e.output.check(v); len(problems) > 0 {
		return problems, fmt.Errorf("its result does not fit its own schema: %s", words(problems))
	}
	return nil, nil
}

// maxKey is the most bytes of a key of a session's state.
const maxKey = 512

func (r *Registry) checkWrite(w Write) error {
	switch {
	case w.Key == "" || len(w.Key) > maxKey:
		return fmt.Errorf("a key has %d bytes: want 1 to %d", len(w.Key), maxKey)
	case !utf8.ValidString(w.Key) || strings.ContainsFunc(w.Key, unicode.IsControl):
		return fmt.Errorf("key %s holds control characters or is no UTF-8", describe(w.Key))
	case strings.HasPrefix(w.Key, quotaPrefix):
		return fmt.Errorf("key %s: keys under %s are the registry's own", describe(w.Key), quotaPrefix)
	case len(w.Value) > r.options.MaxValue:
		return fmt.Errorf("key %s: its value has %d bytes: at most %d are taken", describe(w.Key), len(w.Value), r.options.MaxValue)
	}
	return nil
}

// merged are writes with the last of each key, in the order of their first.
func merged(lists ...[]Write) []Write {
	var all []Write
	place := map[string]int{}
	for _, list := range lists {
		for _, w := range list {
			if i, ok := place[w.Key]; ok {
				all[i] = w
				continue
			}
			place[w.Key] = len(all)
			all = append(all, w)
		}
	}
	return all
}
