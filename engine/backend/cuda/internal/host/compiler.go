//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/store"
)

//go:embed host.h fibres.h
var headers embed.FS

// flags: kernels read memory as other types than it was written as; sums are not
// contracted, since rounding is part of what kernels promise; what C++ leaves
// undefined traps, each place by its own instruction, so that a line can be told;
// a stack is touched page by page, so that its end is noticed.
var flags = []string{
	"-std=c++17", "-O2", "-g1", "-fPIC", "-shared", "-x", "c++", "-DTIERLAB_HOST",
	"-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing", "-ffp-contract=off",
	"-fsanitize=alignment,bounds,shift,integer-divide-by-zero,signed-integer-overflow", "-fsanitize-undefined-trap-on-error",
	"-Wall", "-Wextra", "-Wno-unknown-pragmas",
}

// more are flags that some compilers know, or some systems, by the first line of
// the compiler's version.
func more(version string) []string {
	var all []string
	clang := strings.Contains(version, "clang")
	if !clang {
		// A variable that a later loop sets is "maybe" uninitialized.
		all = append(all, "-fno-crossjumping", "-fno-tree-tail-merge", "-Wno-maybe-uninitialized")
	}
	if clang || gccMajor(version) >= 12 {
		all = append(all, "-ftrivial-auto-var-init=pattern")
	}
	if runtime.GOOS == "linux" {
		all = append(all, "-fstack-clash-protection")
	}
	return all
}

// gccMajor reads "g++ (Debian 12.2.0-14) 12.2.0" and the like; 0: it is not such.
func gccMajor(version string) int {
	_, number, _ := strings.Cut(version, ") ")
	major, _, _ := strings.Cut(number, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

type compiler struct {
	path, name string
	flags      []string
	headers    map[string][]byte
	store      *store.Store
	slots      chan struct{} // of compilations at once
}

// NewCompiler finds a C++ compiler: $CXX, g++ or clang++. It keeps what it
// compiles in dir, or in the user's cache if that is empty.
func NewCompiler(dir string) (kernels.Compiler, error) {
	path, name, err := findCompiler()
	if err != nil {
		return nil, err
	}
	c := &compiler{path: path, name: name, headers: map[string][]byte{}, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	c.flags = slices.Concat(flags, more(name))
	for _, from := range []struct {
		files   fs.FS
		pattern string
	}{{headers, "*.h"}, {kernels.Sources, "*.cuh"}} {
		names, err := fs.Glob(from.files, from.pattern)
		if err != nil {
			return nil, fmt.Errorf("read the kernels' headers: %w", err)
		}
		for _, n := range names {
			if c.headers[n], err = fs.ReadFile(from.files, n); err != nil {
				return nil, fmt.Errorf("read the kernels' headers: %w", err)
			}
		}
	}
	// Without a folder to write to, everything is compiled each time.
	c.store, _ = store.Open(dir, store.DefaultLimit())
	return c, nil
}

// findCompiler gives the compiler's path and the first line of its version.
func findCompiler() (path, name string, err error) {
	tried := []string{"g++", "clang++"}
	if own := os.Getenv("CXX"); own != "" {
		tried = []string{own}
	}
	for _, t := range tried {
		path, err := exec.LookPath(t)
		if err != nil {
			continue
		}
		said, err := exec.Command(path, "--version").Output()
		if err != nil {
			return "", "", fmt.Errorf("%s --version: %w", path, err)
		}
		line, _, _ := strings.Cut(string(said), "\n")
		return path, line, nil
	}
	return "", "", fmt.Errorf("no C++ compiler is on the PATH (looked for %s): install one, or name it with CXX", strings.Join(tried, ", "))
}

func (c *compiler) Name() string { return c.name }

func (c *compiler) Compile(ctx context.Context, u kernels.Unit) (kernels.Compiled, error) {
	text, err := u.Text()
	if err != nil {
		return kernels.Compiled{}, err
	}
	args := slices.Clone(c.flags)
	for _, m := range u.Macros {
		args = append(args, "-D"+m)
	}
	parts := []string{"host", runtime.GOOS, runtime.GOARCH, c.path, c.name, strings.Join(args, "\n"), string(text)}
	for _, name := range slices.Sorted(maps.Keys(c.headers)) {
		parts = append(parts, name, string(c.headers[name]))
	}
	made, err := c.store.Make(store.Sum(parts...), func() (image []byte, log string, err error) {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
		return c.run(ctx, u, text, args)
	})
	if err != nil {
		return kernels.Compiled{}, fmt.Errorf("compile kernel %s by %s: %w", u.Name, c.path, err)
	}
	return kernels.Compiled{Image: made.Image, Log: made.Log, Cached: made.Cached}, nil
}

// run compiles in a folder of its own, which the sources are written to.
func (c *compiler) run(ctx context.Context, u kernels.Unit, text []byte, args []string) (image []byte, log string, err error) {
	dir, err := os.MkdirTemp("", "tierlab-compile-*")
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, b := range c.headers {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, "", err
		}
	}
	source, out := filepath.Join(dir, cmp.Or(u.File, u.Name+".cu")), filepath.Join(dir, "kernel.so")
	if err := os.WriteFile(source, text, 0o600); err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, c.path, append(args, "-I", dir, "-o", out, source, "-lm")...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, "", fmt.Errorf("%w\n%s", err, said.String())
	}
	image, err = os.ReadFile(out)
	return image, said.String(), err
}
