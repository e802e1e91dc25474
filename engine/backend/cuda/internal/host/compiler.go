//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"tierlab/engine/backend/cuda/internal/kernels"
)

//go:embed host.h fibres.h
var headers embed.FS

// flags: kernels read memory as other types than it was written as; sums are not
// contracted, since rounding is part of what kernels promise; what C++ leaves
// undefined traps.
var flags = []string{
	"-std=c++17", "-O2", "-g1", "-fPIC", "-shared", "-x", "c++", "-DTIERLAB_HOST",
	"-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing", "-ffp-contract=off",
	"-fstack-clash-protection", "-fno-crossjumping", "-fno-tree-tail-merge",
	"-fsanitize=alignment,bounds,shift,integer-divide-by-zero,signed-integer-overflow", "-fsanitize-undefined-trap-on-error",
	"-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-maybe-uninitialized",
}

type compiler struct {
	path, name string
	dir        string // of the cache
	include    string // the sources, written out
	sources    string // what they are
	slots      chan struct{}
}

// NewCompiler finds a C++ compiler: $CXX, g++ or clang++. It keeps what it
// compiles in dir, or in the user's cache if that is empty.
func NewCompiler(dir string) (kernels.Compiler, error) {
	return newCompiler(dir, kernels.Sources)
}

func newCompiler(dir string, sources ...fs.FS) (kernels.Compiler, error) {
	path, name, err := findCompiler()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		if dir, err = os.UserCacheDir(); err != nil {
			return nil, fmt.Errorf("where compiled kernels are kept: %w", err)
		}
		dir = filepath.Join(dir, "tierlab", "kernels")
	}
	c := &compiler{path: path, name: name, dir: dir, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	return c, c.write(append(sources, headers))
}

func findCompiler() (path, name string, err error) {
	tried := []string{"g++", "clang++"}
	if own := os.Getenv("CXX"); own != "" {
		tried = []string{own}
	}
	for _, t := range tried {
		path, lookErr := exec.LookPath(t)
		if lookErr != nil {
			continue
		}
		said, err := exec.Command(path, "--version").Output()
		if err != nil {
			return "", "", fmt.Errorf("%s --version: %w", path, err)
		}
		line, _, _ := strings.Cut(string(said), "\n")
		return path, line, nil
	}
	return "", "", fmt.Errorf("no C++ compiler on the PATH (looked for %s): install one, or name it with CXX", strings.Join(tried, ", "))
}

// write puts the sources into a folder of the cache named by their content.
func (c *compiler) write(sources []fs.FS) error {
	files := map[string][]byte{}
	sum := sha256.New()
	for _, s := range sources {
		err := fs.WalkDir(s, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(s, path)
			files[path] = b
			fmt.Fprintf(sum, "%s %d\n%s", path, len(b), b)
			return err
		})
		if err != nil {
			return fmt.Errorf("read the kernels' sources: %w", err)
		}
	}
	c.sources = hex.EncodeToString(sum.Sum(nil))
	c.include = filepath.Join(c.dir, "sources-"+c.sources[:16])
	if _, err := os.Stat(c.include); err == nil {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(c.dir, "sources-*")
	if err != nil {
		return err
	}
	for path, b := range files {
		if err := errors.Join(os.MkdirAll(filepath.Join(temp, filepath.Dir(path)), 0o755), os.WriteFile(filepath.Join(temp, path), b, 0o644)); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, c.include); err != nil {
		if _, statErr := os.Stat(c.include); statErr != nil {
			return err
		}
		return os.RemoveAll(temp) // another process was first
	}
	return nil
}

func (c *compiler) Name() string { return c.name }

func (c *compiler) arguments(u kernels.Unit) []string {
	args := append([]string{}, flags...)
	for _, m := range u.Macros {
		args = append(args, "-D"+m)
	}
	return append(args, "-I"+c.include)
}

func (c *compiler) Compile(ctx context.Context, u kernels.Unit) (kernels.Compiled, error) {
	source := filepath.Join(c.include, u.File)
	if _, err := os.Stat(source); err != nil && u.Source == nil {
		return kernels.Compiled{}, fmt.Errorf("compile %s: there is no source %s", u.Name, u.File)
	}
	args := c.arguments(u)
	key := sha256.Sum256([]byte(strings.Join(append([]string{c.name, c.sources, u.File, string(u.Source)}, args...), "\x00")))
	kept := filepath.Join(c.dir, "host-"+hex.EncodeToString(key[:])+".so")
	if image, err := os.ReadFile(kept); err == nil {
		return kernels.Compiled{Image: image, Cached: true}, nil
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return kernels.Compiled{}, ctx.Err()
	}
	temp, err := os.MkdirTemp(c.dir, "compile-*")
	if err != nil {
		return kernels.Compiled{}, err
	}
	defer os.RemoveAll(temp)
	if u.Source != nil {
		source = filepath.Join(temp, filepath.Base(u.File))
		if err := os.WriteFile(source, u.Source, 0o644); err != nil {
			return kernels.Compiled{}, err
		}
	}
	out := filepath.Join(temp, "kernel.so")
	cmd := exec.CommandContext(ctx, c.path, append(args, "-o", out, source, "-lm")...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return kernels.Compiled{Log: said.String()}, fmt.Errorf("compile %s by %s: %w\n%s", u.Name, c.path, err, said.String())
	}
	image, err := os.ReadFile(out)
	if err != nil {
		return kernels.Compiled{}, err
	}
	return kernels.Compiled{Image: image, Log: said.String()}, os.Rename(out, kept)
}
