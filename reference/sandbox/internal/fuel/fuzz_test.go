package fuel

import (
	"bytes"
	"testing"

	"github.com/tetratelabs/wazero"
	"pgregory.net/rapid"
)

// FuzzInstrument: whatever the bytes are, a module that is accepted is as valid
// afterwards as before. Were an invalid one made valid, it could name what was
// added; were a valid one broken, it would be read differently here and in the
// engine.
func FuzzInstrument(f *testing.F) {
	for i := range 20 {
		f.Add(rapid.Custom(drawProgram).Example(i).emit())
	}
	f.Add(assemble(section(sectionMemory, 1, 0, 1), section(sectionData, 1, 0, opI32Const, 0, opEnd, 1, 'x')))
	f.Add(assemble(section(sectionTable, 1, typeFuncref, 0, 1), section(sectionElement, 1, 0, opI32Const, 0, opEnd, 0)))
	r := wazero.NewRuntimeWithConfig(f.Context(), wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, binary []byte) {
		counted, err := Instrument(binary)
		if err != nil {
			return
		}
		if again, _ := Instrument(binary); !bytes.Equal(counted, again) {
			t.Fatal("two rewritings of one module differ")
		}
		before, after := compiles(t, r, withoutCustom(binary)), compiles(t, r, counted)
		if before != nil && after == nil {
			t.Fatalf("an invalid module became valid; it was refused with: %v", before)
		}
		if before == nil && after != nil {
			t.Fatalf("a valid module became invalid: %v", after)
		}
	})
}

func compiles(t *testing.T, r wazero.Runtime, binary []byte) error {
	m, err := r.CompileModule(t.Context(), binary)
	if err == nil {
		m.Close(t.Context())
	}
	return err
}

// withoutCustom leaves out what Instrument does not look into: the engine
// refuses a custom section of names that is broken.
func withoutCustom(binary []byte) []byte {
	out := bytes.Clone(preamble)
	r := &reader{module: binary, at: len(preamble), end: len(binary)}
	for r.more() {
		at := r.at
		id := r.byte()
		r.take(r.u32())
		if id != sectionCustom {
			out = append(out, binary[at:r.at]...)
		}
	}
	return out
}
