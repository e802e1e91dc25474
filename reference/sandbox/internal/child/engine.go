package child

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/quickjs"
	"tierlab/reference/sandbox/internal/webassembly"
)

// engine runs programs of one language.
type engine interface {
	// prepare does what can be done before a program is there.
	prepare(context.Context) error
	run(context.Context, *border.Program, border.Guest) (*border.Outcome, error)
}

func newEngine(ctx context.Context, s *border.Setup) (engine, error) {
	switch s.Language {
	case "javascript":
		return newJavaScript(ctx, s)
	case "wasm":
		e, err := webassembly.New(ctx, s.Memory)
		return wasm{e}, err
	}
	return nil, fmt.Errorf("no language %q", s.Language)
}

// javascript has a fresh instance wait for the next program.
type javascript struct{ engine *quickjs.Engine }

func newJavaScript(ctx context.Context, s *border.Setup) (_ engine, err error) {
	var cache wazero.CompilationCache
	if s.Cache != "" {
		if cache, err = wazero.NewCompilationCacheWithDir(s.Cache); err != nil {
			return nil, fmt.Errorf("the cache of compiled modules: %w", err)
		}
	}
	e, err := quickjs.New(ctx, cache, s.Memory)
	return javascript{e}, err
}

func (j javascript) prepare(ctx context.Context) error { return j.engine.Prepare(ctx) }

func (j javascript) run(ctx context.Context, p *border.Program, g border.Guest) (*border.Outcome, error) {
	return j.engine.Run(ctx, p, g)
}

// wasm compiles each program when it comes.
type wasm struct{ engine *webassembly.Engine }

func (wasm) prepare(context.Context) error { return nil }

func (w wasm) run(ctx context.Context, p *border.Program, g border.Guest) (*border.Outcome, error) {
	return w.engine.Run(ctx, p, g)
}
