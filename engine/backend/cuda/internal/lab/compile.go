package lab

import (
	"context"
	"strings"
	"sync"

	"tierlab/engine/backend/cuda/internal/kernels"
)

// memo is a compiler that keeps what it has made.
type memo struct {
	kernels.Compiler
	mu   sync.Mutex
	made map[string]kernels.Compiled
}

func (m *memo) Compile(ctx context.Context, u kernels.Unit) (kernels.Compiled, error) {
	key := strings.Join(append([]string{u.File, u.Arch, string(u.Source)}, u.Macros...), "\x00")
	m.mu.Lock()
	made, ok := m.made[key]
	m.mu.Unlock()
	if ok {
		return made, nil
	}
	made, err := m.Compiler.Compile(ctx, u)
	if err == nil {
		m.mu.Lock()
		m.made[key] = made
		m.mu.Unlock()
	}
	return made, err
}

// Compile compiles all versions of some cases, several at once, so that Ready has
// only to load them.
func (b *Bench) Compile(ctx context.Context, cases []Case) error {
	var units []kernels.Unit
	known := map[string]bool{}
	for _, c := range cases {
		for _, v := range c.Versions {
			for _, u := range v.units(b, c) {
				if key := u.Name + strings.Join(u.Macros, " "); !known[key] {
					known[key], units = true, append(units, u)
				}
			}
		}
	}
	_, err := kernels.Compile(ctx, b.compiler, units)
	return err
}
