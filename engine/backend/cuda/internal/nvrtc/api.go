package nvrtc

import (
	"errors"

	"tierlab/engine/backend/cuda/internal/dynlib"
)

// api is what is used of nvrtc.h. Every function but getErrorString returns an
// nvrtcResult; nvrtcProgram is a pointer.
type api struct {
	getErrorString      func(result int32) string
	version             func(major, minor *int32) int32
	getNumSupportedArch func(n *int32) int32
	getSupportedArchs   func(archs *int32) int32
	createProgram       func(program *uintptr, source, name *byte, headers int32, texts, names **byte) int32
	destroyProgram      func(program *uintptr) int32
	compileProgram      func(program uintptr, n int32, options **byte) int32
	getProgramLogSize   func(program uintptr, bytes *uintptr) int32
	getProgramLog       func(program uintptr, log *byte) int32
	getPTXSize          func(program uintptr, bytes *uintptr) int32
	getPTX              func(program uintptr, ptx *byte) int32
	getCUBINSize        func(program uintptr, bytes *uintptr) int32
	getCUBIN            func(program uintptr, image *byte) int32
}

func bind(library uintptr) (*api, error) {
	a := &api{}
	var missing []error
	for _, f := range []struct {
		name string
		fn   any
	}{
		{"nvrtcGetErrorString", &a.getErrorString},
		{"nvrtcVersion", &a.version},
		{"nvrtcGetNumSupportedArchs", &a.getNumSupportedArch},
		{"nvrtcGetSupportedArchs", &a.getSupportedArchs},
		{"nvrtcCreateProgram", &a.createProgram},
		{"nvrtcDestroyProgram", &a.destroyProgram},
		{"nvrtcCompileProgram", &a.compileProgram},
		{"nvrtcGetProgramLogSize", &a.getProgramLogSize},
		{"nvrtcGetProgramLog", &a.getProgramLog},
		{"nvrtcGetPTXSize", &a.getPTXSize},
		{"nvrtcGetPTX", &a.getPTX},
		{"nvrtcGetCUBINSize", &a.getCUBINSize},
		{"nvrtcGetCUBIN", &a.getCUBIN},
	} {
		missing = append(missing, dynlib.Bind(library, f.name, f.fn))
	}
	return a, errors.Join(missing...)
}

// resultCompilation is NVRTC_ERROR_COMPILATION: the source is at fault, and the
// log says where.
const resultCompilation = 6

// Error is what a call to NVRTC returned.
type Error struct {
	Call string // "nvrtcCreateProgram"
	Code int
	Name string // "NVRTC_ERROR_INVALID_OPTION"
}

func (e *Error) Error() string { return e.Call + ": " + e.Name }

func (a *api) check(call string, result int32) error {
	if result == 0 {
		return nil
	}
	return &Error{call, int(result), a.getErrorString(result)}
}
