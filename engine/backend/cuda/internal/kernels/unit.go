package kernels

import (
	"context"
	"fmt"
)

// Unit is one source to compile, specialised by macros.
type Unit struct {
	Name   string   // for messages and files: "attend_decode", "product_qkv"
	File   string   // "attend_decode.cu", among Sources
	Source []byte   // the text, where it is not that of File; it may include Sources
	Macros []string // "HIDDEN=4096", sorted
	Arch   string   // "sm_90a"; a compiler for the host ignores it
}

// Text is the source to compile.
func (u Unit) Text() ([]byte, error) {
	if u.Source != nil {
		return u.Source, nil
	}
	text, err := Sources.ReadFile(u.File)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", u.Name, err)
	}
	return text, nil
}

// Compiled is what became of a unit.
type Compiled struct {
	Image  []byte // for driver.Context.Load
	Log    string // what the compiler said: warnings, and registers and spills where it tells
	Cached bool   // it was found on disk
}

// Compiler makes images for one kind of driver. It may be used by several
// goroutines at once.
type Compiler interface {
	// Name says which compiler in which version, as the key of a cache has it:
	// "nvrtc 13.0", "g++ 12.2.0".
	Name() string
	Compile(context.Context, Unit) (Compiled, error)
}
