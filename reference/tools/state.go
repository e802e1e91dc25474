package tools

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// state is what a tool sees of its session's state while its call lasts. A tool
// that was left behind sees nothing any more: the session has gone on.
type state struct {
	mu     sync.Mutex
	base   State // nil: none
	seen   bool  // the tool may look
	closed bool
}

func newState(base State, seen bool) *state { return &state{base: base, seen: seen} }

func (s *state) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *state) Get(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil || !s.seen || s.closed {
		return nil, false
	}
	v, ok := s.base.Get(key)
	return slices.Clone(v), ok
}

func (s *state) List(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil || !s.seen || s.closed {
		return nil
	}
	return s.base.List(prefix)
}

// read decodes the registry's own value under a key, if there is one.
func (s *state) read(key string, into any) error {
	text, ok := s.Get(key)
	if !ok {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("state key %s holds %s, which is no count: %w", key, describe(string(text)), err)
	}
	return nil
}

// Overlay is a State with writes on top of another. It may be used by many
// goroutines if the one below may.
type Overlay struct {
	below State

	mu    sync.Mutex
	on    map[string][]byte // nil: deleted
	order []string          // of first writes
}

// NewOverlay is an overlay without writes; below may be nil.
func NewOverlay(below State) *Overlay {
	return &Overlay{below: below, on: map[string][]byte{}}
}

// Apply takes writes over.
func (o *Overlay) Apply(writes []Write) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range writes {
		if _, ok := o.on[w.Key]; !ok {
			o.order = append(o.order, w.Key)
		}
		o.on[w.Key] = w.Value
	}
}

// Writes are what was taken over, the last of each key.
func (o *Overlay) Writes() []Write {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Write, 0, len(o.order))
	for _, key := range o.order {
		list = append(list, Write{key, o.on[key]})
	}
	return list
}

// Get implements State.
func (o *Overlay) Get(key string) ([]byte, bool) {
	o.mu.Lock()
	v, ok := o.on[key]
	o.mu.Unlock()
	switch {
	case ok:
		return v, v != nil
	case o.below == nil:
		return nil, false
	}
	return o.below.Get(key)
}

// List implements State.
func (o *Overlay) List(prefix string) []string {
	var keys []string
	if o.below != nil {
		keys = o.below.List(prefix)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		_, ok := o.on[key]
		return ok
	})
	for key, v := range o.on {
		if v != nil && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
