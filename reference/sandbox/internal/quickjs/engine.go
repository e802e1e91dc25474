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

// Engine makes instances, one at a time: they share their memory's place.
type Engine struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	table    table
	memory   *linear.Memory
	image    *image
}

// New compiles QuickJS, or loads it from the cache, and starts it once.
// maxMemory is the most that a program's heap may have, in bytes.
func New(ctx context.Context, cache wazero.CompilationCache, maxMemory int64) (*Engine, error) {
	module, table, err := patch(quickjswasi.QuickJSWASM)
	if err != nil {
		return nil, fmt.Errorf("the module of QuickJS %s: %w", quickjswasi.Version, err)
	}
	config := wazero.NewRuntimeConfig().WithDebugInfoEnabled(false).WithMemoryLimitPages(uint32((maxMemory + overhead) >> 16))
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	e := &Engine{runtime: wazero.NewRuntimeWithConfig(ctx, config), table: table, memory: linear.New(maxMemory + overhead)}
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

// Fresh makes the instance of the next program.
func (e *Engine) Fresh(ctx context.Context) (*Instance, error) {
	i, err := e.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	return i, i.restore(e.image)
}

func (e *Engine) instantiate(ctx context.Context) (*Instance, error) {
	ctx = experimental.WithMemoryAllocator(ctx, e.memory)
	module, err := e.runtime.InstantiateModule(ctx, e.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	return newInstance(module), nil
}

// Run runs a program in a fresh instance, which is of no use afterwards. The
// error is that of the engine itself.
func (e *Engine) Run(ctx context.Context, i *Instance, p *border.Program, g border.Guest) (*border.Outcome, error) {
	defer i.module.Close(ctx)
	i.guest, i.clock = g, p.Clock
	return i.run(context.WithValue(ctx, instanceKey{}, i), e.image, p)
}
