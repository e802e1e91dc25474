package fuel

import (
	"testing"

	quickjs "github.com/aperturerobotics/go-quickjs-wasi-reactor"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// TestQuickJS rewrites a module of 1.5 MB that a C compiler wrote.
func TestQuickJS(t *testing.T) {
	counted, err := Instrument(quickjs.QuickJSWASM)
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	if _, err := r.CompileModule(t.Context(), counted); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes became %d", len(quickjs.QuickJSWASM), len(counted))
}

func BenchmarkInstrument(b *testing.B) {
	b.SetBytes(int64(len(quickjs.QuickJSWASM)))
	for b.Loop() {
		if _, err := Instrument(quickjs.QuickJSWASM); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCounting is what counting costs a program that does nothing else: a
// Fibonacci number by recursion (a payment for every few instructions), and a
// loop of arithmetic.
func BenchmarkCounting(b *testing.B) {
	fib := function(0, opLocalGet, 0, opI32Const, 2, 0x48, opIf, typeI32, opLocalGet, 0, opElse,
		opLocalGet, 0, opI32Const, 1, 0x6b, opCall, 0, opLocalGet, 0, opI32Const, 2, 0x6b, opCall, 0, 0x6a, opEnd)
	loop := function(1, opLoop, emptyBlock, opLocalGet, 1, opI32Const, 3, 0x6c, opLocalGet, 0, 0x73, opI32Const, 7, 0x6a, opLocalSet, 1,
		opLocalGet, 0, opI32Const, 1, 0x6b, opLocalTee, 0, opBrIf, 0, opEnd, opLocalGet, 1)
	for _, c := range []struct {
		name string
		code []byte
		n    int32
	}{{"fib", fib, 27}, {"loop", loop, 1_000_000}} {
		binary := assemble(section(sectionType, list([]byte{typeFunction, 1, typeI32, 1, typeI32})...), section(sectionFunction, 1, 0),
			section(sectionExport, list(exported("run", kindFunction, 0))...), section(sectionCode, list(c.code)...))
		counted, err := Instrument(binary)
		if err != nil {
			b.Fatal(err)
		}
		for name, module := range map[string][]byte{"plain": binary, "counted": counted} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				r := wazero.NewRuntime(b.Context())
				defer r.Close(b.Context())
				m, err := r.Instantiate(b.Context(), module)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if g, ok := m.ExportedGlobal(Export).(api.MutableGlobal); ok {
						g.Set(1 << 62)
					}
					if _, err := m.ExportedFunction("run").Call(b.Context(), api.EncodeI32(c.n)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
