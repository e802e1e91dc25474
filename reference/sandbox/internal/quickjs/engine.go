package quickjs

import (
	"context"
	_ "embed"
	"fmt"

	quickjswasi "github.com/aperturerobotics/go-quickjs-wasi-reactor"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/linear"
)

//go:embed prelude.js
var prelude string

// overhead is the linear memory that the engine itself takes beside a program's
// heap: its data, and the heap's own losses.
const overhead = 8 << 20

// Engine runs programs, one at a time.
type Engine struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	added    *added
	memory   *linear.Memory
	image    *image
	fresh    *Instance // ready for the next program
	used     *Instance // may be made fresh again
}

// New compiles QuickJS, or loads it from the cache, and starts it once.
// maxMemory is the most that a program's heap may have, in bytes.
func New(ctx context.Context, cache wazero.CompilationCache, maxMemory int64) (*Engine, error) {
	module, added, err := patch(quickjswasi.QuickJSWASM)
	if err != nil {
		return nil, fmt.Errorf("the module of QuickJS %s: %w", quickjswasi.Version, err)
	}
	config := wazero.NewRuntimeConfig().WithDebugInfoEnabled(false).WithMemoryLimitPages(uint32((maxMemory + overhead) >> 16))
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	e := &Engine{runtime: wazero.NewRuntimeWithConfig(ctx, config), added: added, memory: linear.New(maxMemory + overhead)}
	if err := e.start(ctx, module); err != nil {
		e.runtime.Close(ctx)
		return nil, fmt.Errorf("start QuickJS %s: %w", quickjswasi.Version, err)
	}
	return e, nil
}

func (e *Engine) start(ctx context.Context, module []byte) (err error) {
	e.compiled, err = e.runtime.CompileModule(ctx, module)
	if err != nil {
		return err
	}
	if err := instantiateWASI(ctx, e.runtime, e.compiled); err != nil {
		return err
	}
	e.image, err = e.snapshot(ctx)
	return err
}

// Close frees the engine.
func (e *Engine) Close(ctx context.Context) error { return e.runtime.Close(ctx) }

// Prepare makes the instance of the next program, where none waits.
func (e *Engine) Prepare(ctx context.Context) (err error) {
	if e.fresh != nil {
		return nil
	}
	i := e.used
	e.used = nil
	if i == nil || !i.reusable(e.image) {
		if i != nil {
			i.module.Close(ctx)
		}
		if i, err = e.instantiate(ctx); err != nil {
			return err
		}
	}
	if err := i.restore(e.image); err != nil {
		return err
	}
	e.fresh = i
	return nil
}

func (e *Engine) instantiate(ctx context.Context) (*Instance, error) {
	ctx = experimental.WithMemoryAllocator(ctx, e.memory)
	module, err := e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	return newInstance(module, e.added), nil
}

// Run runs a program in the instance that Prepare has made. The error is that of
// the engine itself.
func (e *Engine) Run(ctx context.Context, p *border.Program, g border.Guest) (*border.Outcome, error) {
	if err := e.Prepare(ctx); err != nil {
		return nil, err
	}
	i := e.fresh
	e.fresh = nil
	i.guest, i.clock = g, p.Clock
	out, err := i.run(context.WithValue(ctx, instanceKey{}, i), e.image, p)
	if err == nil && out.Stop == nil {
		e.used = i
		return out, nil
	}
	i.module.Close(ctx)
	return out, err
}
