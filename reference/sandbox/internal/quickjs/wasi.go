package quickjs

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Errno of WASI preview 1.
const (
	errnoSuccess = 0
	errnoBadf    = 8
	errnoNosys   = 52
)

const moduleWASI = "wasi_snapshot_preview1"

// instanceKey finds the running instance in a call's context.
type instanceKey struct{}

// instantiateWASI gives the engine its imports: a clock, no environment, no
// files, and behind gateImport the way out.
func instantiateWASI(ctx context.Context, r wazero.Runtime, m wazero.CompiledModule) error {
	b := r.NewHostModuleBuilder(moduleWASI)
	for _, f := range m.ImportedFunctions() {
		_, name, _ := f.Import()
		b = b.NewFunctionBuilder().WithGoModuleFunction(wasi(name), f.ParamTypes(), f.ResultTypes()).Export(name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func wasi(name string) api.GoModuleFunc {
	switch name {
	case gateImport:
		return func(ctx context.Context, _ api.Module, stack []uint64) {
			ctx.Value(instanceKey{}).(*Instance).gate(ctx, stack)
			stack[0] = errnoSuccess
		}
	case "clock_time_get":
		return clockTimeGet
	case "environ_sizes_get": // two counts, both 0
		return func(_ context.Context, m api.Module, stack []uint64) {
			m.Memory().WriteUint32Le(uint32(stack[0]), 0)
			m.Memory().WriteUint32Le(uint32(stack[1]), 0)
			stack[0] = errnoSuccess
		}
	case "proc_exit":
		return func(context.Context, api.Module, []uint64) { panic("the engine called exit") }
	case "fd_prestat_get": // what libc asks first: no folder is open
		return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = errnoBadf }
	}
	return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = errnoNosys }
}

const clockRealtime = 0

// clockTimeGet is the run's frozen clock as the time of day, and 0 as any other.
func clockTimeGet(ctx context.Context, m api.Module, stack []uint64) {
	var now int64
	if i, ok := ctx.Value(instanceKey{}).(*Instance); ok && uint32(stack[0]) == clockRealtime {
		now = i.clock
	}
	if !m.Memory().WriteUint64Le(uint32(stack[2]), uint64(now)) {
		stack[0] = errnoBadf
		return
	}
	stack[0] = errnoSuccess
}
