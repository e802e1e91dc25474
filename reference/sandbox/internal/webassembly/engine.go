package webassembly

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/fuel"
	"tierlab/reference/sandbox/internal/linear"
)

const wasmPage = 64 << 10

// Engine runs programs, one at a time. It keeps the compiled code of the latest
// ones.
type Engine struct {
	runtime wazero.Runtime
	memory  *linear.Memory
	kept    []compiled // the latest last
}

// New makes an engine for programs of at most maxMemory bytes of linear memory.
func New(ctx context.Context, maxMemory int64) (*Engine, error) {
	config := wazero.NewRuntimeConfig().WithDebugInfoEnabled(false).WithMemoryLimitPages(uint32(maxMemory / wasmPage))
	e := &Engine{runtime: wazero.NewRuntimeWithConfig(ctx, config), memory: linear.New(maxMemory)}
	_, err := wasi_snapshot_preview1.Instantiate(ctx, e.runtime)
	if err == nil {
		err = instantiateHost(ctx, e.runtime)
	}
	if err != nil {
		e.runtime.Close(ctx)
		return nil, fmt.Errorf("start the WebAssembly engine: %w", err)
	}
	return e, nil
}

// Close frees the engine.
func (e *Engine) Close(ctx context.Context) error { return e.runtime.Close(ctx) }

// compiled is a program's code under the hash of its source.
type compiled struct {
	key    [sha256.Size]byte
	module wazero.CompiledModule
}

// keep is how many programs' code is kept.
const keep = 8

func (e *Engine) compile(ctx context.Context, source []byte) (wazero.CompiledModule, error) {
	key := sha256.Sum256(source)
	for i, c := range e.kept {
		if c.key == key {
			e.kept = append(append(e.kept[:i:i], e.kept[i+1:]...), c)
			return c.module, nil
		}
	}
	counting, err := fuel.Instrument(source)
	if err != nil {
		return nil, err
	}
	m, err := e.runtime.CompileModule(ctx, counting)
	if err != nil {
		return nil, err
	}
	if len(e.kept) == keep {
		e.kept[0].module.Close(ctx)
		e.kept = append(e.kept[:0], e.kept[1:]...)
	}
	e.kept = append(e.kept, compiled{key, m})
	return m, nil
}

// Run runs a program in an instance of its own. The error is that of the engine
// itself.
func (e *Engine) Run(ctx context.Context, p *border.Program, g border.Guest) (*border.Outcome, error) {
	module, err := e.compile(ctx, p.Source)
	if err != nil {
		return thrown("the module cannot be compiled: %v", firstLine(err)), nil
	}
	if stop := refuse(module, p); stop != nil {
		return &border.Outcome{Stop: stop}, nil
	}
	x := &execution{program: p, guest: g}
	ctx = context.WithValue(ctx, executionKey{}, x)
	e.memory.Limit(p.Memory)
	instance, err := e.instantiate(ctx, module, x.config())
	if err != nil {
		return &border.Outcome{Stop: x.stop(err)}, nil
	}
	defer instance.Close(ctx)
	left := instance.ExportedGlobal(fuel.Export).(api.MutableGlobal)
	budget := int64(min(p.Fuel, unbounded))
	if budget == 0 {
		budget = unbounded
	}
	left.Set(uint64(budget))
	out := &border.Outcome{Stop: x.stop(x.enter(ctx, instance))}
	if fuel.Exhausted(int64(left.Get())) {
		out.Stop = &border.Stop{Fault: border.FuelUsed, Message: fmt.Sprintf("the program used its %d units of fuel", p.Fuel)}
	}
	out.Fuel = uint64(budget - max(int64(left.Get()), 0))
	if m := instance.Memory(); m != nil {
		out.Memory = int64(m.Size())
	}
	if out.Stop == nil {
		out.Value = x.value()
	}
	return out, nil
}

// unbounded is the fuel of a run that has no limit: centuries of it.
const unbounded = 1 << 62

// instantiate makes the program's instance. wazero panics where a memory that
// is not exported starts with more than the limit.
func (e *Engine) instantiate(ctx context.Context, m wazero.CompiledModule, c wazero.ModuleConfig) (_ api.Module, err error) {
	defer func() {
		if recover() != nil {
			err = &border.Stop{Fault: border.MemoryFull, Message: "the module starts with more memory than is allowed"}
		}
	}()
	return e.runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, e.memory), m, c)
}

// refuse says what a compiled module lacks, or asks too much of.
func refuse(m wazero.CompiledModule, p *border.Program) *border.Stop {
	for _, memory := range m.ExportedMemories() {
		if int64(memory.Min())*wasmPage > p.Memory {
			return &border.Stop{Fault: border.MemoryFull, Message: fmt.Sprintf("the module starts with %d pages of memory; %d are allowed", memory.Min(), p.Memory/wasmPage)}
		}
	}
	start, run := m.ExportedFunctions()["_start"], m.ExportedFunctions()["run"]
	switch {
	case start != nil:
		return nil
	case run == nil:
		return thrown("the module exports neither _start nor run").Stop
	case len(run.ParamTypes()) > 0 || len(run.ResultTypes()) > 1 || len(run.ResultTypes()) == 1 && run.ResultTypes()[0] != api.ValueTypeI32:
		return thrown("the module's run is no function without parameters and with no result or an i32").Stop
	}
	return nil
}

// enter calls the program.
func (x *execution) enter(ctx context.Context, m api.Module) error {
	if start := m.ExportedFunction(fuel.Start); start != nil {
		if _, err := start.Call(ctx); err != nil {
			return err
		}
	}
	if start := m.ExportedFunction("_start"); start != nil {
		_, err := start.Call(ctx)
		return err
	}
	if initialize := m.ExportedFunction("_initialize"); initialize != nil {
		if _, err := initialize.Call(ctx); err != nil {
			return err
		}
	}
	results, err := m.ExportedFunction("run").Call(ctx)
	if err == nil && len(results) == 1 && uint32(results[0]) != 0 {
		return sys.NewExitError(uint32(results[0]))
	}
	return err
}

// stop says what ended a program; nil is its own end.
func (x *execution) stop(err error) *border.Stop {
	var stop *border.Stop
	var exit *sys.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &stop):
		return stop
	case errors.As(err, &exit):
		if exit.ExitCode() == 0 {
			return nil
		}
		return thrown("the program ended with code %d", exit.ExitCode()).Stop
	case strings.HasPrefix(err.Error(), "stack overflow"):
		return &border.Stop{Fault: border.StackOverflow, Message: "the engine's stack is full"}
	}
	return thrown("%s", firstLine(err)).Stop
}

func thrown(format string, args ...any) *border.Outcome {
	return &border.Outcome{Stop: &border.Stop{Fault: border.Thrown, Message: fmt.Sprintf(format, args...)}}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.ToValidUTF8(strings.TrimSuffix(line, " (recovered by wazero)"), "\uFFFD")
}
