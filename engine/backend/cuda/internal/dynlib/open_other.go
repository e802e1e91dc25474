//go:build !linux || android || !(amd64 || arm64)

package dynlib

import (
	"fmt"
	"runtime"
)

func supported() error {
	return fmt.Errorf("CUDA's libraries are used on Linux (amd64, arm64), this is %s/%s", runtime.GOOS, runtime.GOARCH)
}

// Open fails: libraries are opened on Linux only.
func Open(path string, global bool) (uintptr, error) { return 0, supported() }

// Close does nothing.
func Close(library uintptr) error { return nil }

// Bind fails as Open does.
func Bind(library uintptr, name string, fn any) error { return supported() }

// Loaded is the name.
func Loaded(name string) string { return name }
