package nvrtc

import (
	"runtime"
	"strings"
)

// program is a source with the headers that it may include, by their names.
type program struct {
	name, source          string
	headerNames, headerOf []string
}

// create makes an nvrtcProgram, which copies its texts.
func (l *Library) create(p program) (uintptr, error) {
	var handle uintptr
	source, name := cString(p.source), cString(p.name)
	texts, names := cStrings(p.headerOf), cStrings(p.headerNames)
	result := l.api.createProgram(&handle, source, name, int32(len(p.headerNames)), first(texts), first(names))
	runtime.KeepAlive(texts)
	runtime.KeepAlive(names)
	return handle, l.api.check("nvrtcCreateProgram", result)
}

func (l *Library) destroy(handle uintptr) { l.api.destroyProgram(&handle) }

func (l *Library) compile(handle uintptr, options []string) error {
	o := cStrings(options)
	result := l.api.compileProgram(handle, int32(len(o)), first(o))
	runtime.KeepAlive(o)
	return l.api.check("nvrtcCompileProgram", result)
}

// text is what one of NVRTC's pairs of functions gives, without the zero at its
// end.
func (l *Library) text(call string, handle uintptr, size func(uintptr, *uintptr) int32, get func(uintptr, *byte) int32) (string, error) {
	b, err := l.bytes(call, handle, size, get)
	return strings.TrimRight(string(b), "\x00"), err
}

func (l *Library) bytes(call string, handle uintptr, size func(uintptr, *uintptr) int32, get func(uintptr, *byte) int32) ([]byte, error) {
	var n uintptr
	if err := l.api.check(call+"Size", size(handle, &n)); err != nil || n == 0 {
		return nil, err
	}
	b := make([]byte, n)
	return b, l.api.check(call, get(handle, &b[0]))
}

// cString is s with the zero that C wants at its end. Go's memory does not move,
// so C may hold the address as long as Go does.
func cString(s string) *byte {
	b := append([]byte(s), 0)
	return &b[0]
}

func cStrings(all []string) []*byte {
	var c []*byte
	for _, s := range all {
		c = append(c, cString(s))
	}
	return c
}

func first(all []*byte) **byte {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}
