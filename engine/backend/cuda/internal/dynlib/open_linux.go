//go:build linux && !android && (amd64 || arm64)

package dynlib

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ebitengine/purego"
)

func supported() error { return nil }

// Open opens a library by its path or, with a bare name, by the loader's own
// search. Global symbols are those that libraries opened later can use.
func Open(path string, global bool) (uintptr, error) {
	mode := purego.RTLD_NOW | purego.RTLD_LOCAL
	if global {
		mode = purego.RTLD_NOW | purego.RTLD_GLOBAL
	}
	return purego.Dlopen(path, mode)
}

// Close gives back what Open returned.
func Close(library uintptr) error { return purego.Dlclose(library) }

// Bind makes fn, a pointer to a variable of a function type, call the library's
// function of that name.
func Bind(library uintptr, name string, fn any) error {
	symbol, err := purego.Dlsym(library, name)
	if err != nil {
		return fmt.Errorf("it has no %s", name)
	}
	purego.RegisterFunc(fn, symbol)
	return nil
}

// Loaded is the path of a library of this process, by the name that Open was
// given; the name itself where the system does not tell.
func Loaded(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return name
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		at := strings.IndexByte(lines.Text(), '/')
		if at < 0 {
			continue
		}
		// The loader maps the file that a link leads to: libx.so.12 is libx.so.12.8.93.
		path := lines.Text()[at:]
		if base := filepath.Base(path); base == name || strings.HasPrefix(base, name+".") {
			return path
		}
	}
	return name
}
