package nvrtc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/store"
)

type compiler struct {
	library *Library
	sources fs.FS
	store   *store.Store
	note    string // why nothing is kept, if so
}

// Compiler compiles kernels.Sources and keeps images in a folder; "" is the
// user's (store.UserDir). A folder that cannot be used is no error: the logs of
// what is compiled say so.
func (l *Library) Compiler(cacheDir string) kernels.Compiler {
	return l.compiler(kernels.Sources, cacheDir)
}

func (l *Library) compiler(sources fs.FS, cacheDir string) *compiler {
	c := &compiler{library: l, sources: sources}
	var err error
	if c.store, err = store.Open(cacheDir, store.DefaultLimit()); err != nil {
		c.note = err.Error()
	}
	return c
}

// Name is "nvrtc 13.0.88".
func (c *compiler) Name() string { return "nvrtc " + c.library.version.String() }

// Compile compiles a unit or finds it on disk. A compilation that has started is
// not interrupted by the context's end.
func (c *compiler) Compile(ctx context.Context, u kernels.Unit) (kernels.Compiled, error) {
	if err := ctx.Err(); err != nil {
		return kernels.Compiled{}, fmt.Errorf("%s: %w", fileOf(u), err)
	}
	if err := c.library.Supports(u.Arch); err != nil {
		return kernels.Compiled{}, fmt.Errorf("%s: %w", fileOf(u), err)
	}
	p, err := c.program(u)
	if err != nil {
		return kernels.Compiled{}, fmt.Errorf("%s: %w", fileOf(u), err)
	}
	options := options(u)
	m, err := c.store.Make(key(c.Name(), p, options), func() ([]byte, string, error) { return c.library.cubin(p, options) })
	if err != nil {
		return kernels.Compiled{}, fmt.Errorf("%s for %s by %s: %w", p.name, u.Arch, c.Name(), err)
	}
	if c.note != "" && !m.Cached {
		m.Notes = append(m.Notes, c.note)
	}
	log := strings.Join(append(m.Notes, m.Log), "\n")
	return kernels.Compiled{Image: m.Image, Log: log, Cached: m.Cached}, nil
}

func options(u kernels.Unit) []string {
	o := []string{"--gpu-architecture=" + u.Arch, "--std=c++17", "-default-device", "--ptxas-options=-v"}
	for _, m := range u.Macros {
		o = append(o, "--define-macro="+m)
	}
	return o
}

// fileOf is what messages call the unit's text.
func fileOf(u kernels.Unit) string {
	if u.Source != nil {
		return u.Name + ".cu"
	}
	return u.File
}

// program is a unit's text with all headers of the sources.
func (c *compiler) program(u kernels.Unit) (program, error) {
	source := u.Source
	if source == nil {
		var err error
		if source, err = fs.ReadFile(c.sources, u.File); err != nil {
			return program{}, err
		}
	}
	p := program{name: fileOf(u), source: string(source)}
	headers, err := fs.Glob(c.sources, "*.cuh") // sorted
	if err != nil {
		return program{}, err
	}
	for _, h := range headers {
		text, err := fs.ReadFile(c.sources, h)
		if err != nil {
			return program{}, err
		}
		p.headerNames, p.headerOf = append(p.headerNames, path.Base(h)), append(p.headerOf, string(text))
	}
	return p, nil
}

// key is of all that an image depends on. Which headers a unit includes is not
// looked into: a change to one compiles all units again.
func key(compiler string, p program, options []string) store.Key {
	parts := []string{compiler, strings.Join(options, "\n"), p.name, p.source}
	for i := range p.headerNames {
		parts = append(parts, p.headerNames[i], p.headerOf[i])
	}
	return store.Sum(parts...)
}

func (l *Library) cubin(p program, options []string) (image []byte, log string, err error) {
	handle, err := l.create(p)
	if err != nil {
		return nil, "", err
	}
	defer l.destroy(handle)
	failed := l.compile(handle, options)
	if log, err = l.text("nvrtcGetProgramLog", handle, l.api.getProgramLogSize, l.api.getProgramLog); err != nil {
		log = ""
	}
	if failed != nil {
		return nil, "", explain(failed, log)
	}
	image, err = l.bytes("nvrtcGetCUBIN", handle, l.api.getCUBINSize, l.api.getCUBIN)
	if err == nil && len(image) == 0 {
		err = errors.New("nvrtcGetCUBIN: the image is empty")
	}
	return image, log, err
}

func explain(failed error, log string) error {
	var e *Error
	if errors.As(failed, &e) && e.Code == resultCompilation {
		return fmt.Errorf("it does not compile:\n%s", firstLines(log))
	}
	return fmt.Errorf("%w\n%s", failed, firstLines(log))
}

// firstLines is what a message quotes of a log.
func firstLines(log string) string {
	const most = 12
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most], fmt.Sprintf("... and %d lines more", more))
	}
	return strings.Join(lines, "\n")
}
