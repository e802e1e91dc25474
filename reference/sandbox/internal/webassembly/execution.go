package webassembly

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"tierlab/reference/sandbox/internal/border"
)

// execution is one running program.
type execution struct {
	program *border.Program
	guest   border.Guest
	stdout  bytes.Buffer
	slept   time.Duration
	latest  []byte // answer of a host function, or an error's text
}

// executionKey finds the running program in a call's context.
type executionKey struct{}

// config gives the program its standard streams, clocks and random numbers.
func (x *execution) config() wazero.ModuleConfig {
	input := x.program.Input
	if len(input) == 0 {
		input = []byte("null")
	}
	return wazero.NewModuleConfig().WithName("").WithStartFunctions().
		WithStdin(bytes.NewReader(input)).
		WithStdout(writer(x.writeValue)).
		WithStderr(writer(x.guest.Print)).
		WithWalltime(x.walltime, sys.ClockResolution(1)).
		WithNanotime(func() int64 { return int64(x.slept) }, sys.ClockResolution(1)).
		WithNanosleep(x.sleep).
		WithRandSource(rand.NewChaCha8(seed(x.program.Seed)))
}

// seed spreads a run's seed over a generator's: the low bytes of the first word.
func seed(n uint64) (s [32]byte) {
	for i := range 8 {
		s[i] = byte(n >> (8 * i))
	}
	return s
}

func (x *execution) walltime() (sec int64, nsec int32) {
	t := time.Unix(0, x.program.Clock).Add(x.slept)
	return t.Unix(), int32(t.Nanosecond())
}

// sleep puts the clocks forward, as far as they go.
func (x *execution) sleep(ns int64) {
	if d := time.Duration(ns); d > 0 && x.slept+d > x.slept {
		x.slept += d
	}
}

// writer is one of the program's streams. What WASI would make an error number
// of, and the program might ignore, ends it instead.
type writer func([]byte) error

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		panic(err)
	}
	return len(p), nil
}

func (x *execution) writeValue(p []byte) error {
	if int64(x.stdout.Len()+len(p)) > x.program.Output {
		return &border.Stop{Fault: border.OutputFull, Message: fmt.Sprintf("the program's value exceeds %d bytes", x.program.Output)}
	}
	x.stdout.Write(p)
	return nil
}

// value is what the program wrote to standard output, as JSON.
func (x *execution) value() []byte {
	out := bytes.TrimSpace(x.stdout.Bytes())
	switch {
	case len(out) == 0:
		return []byte("null")
	case json.Valid(out) && utf8.Valid(out):
		return out
	}
	text, err := json.Marshal(x.stdout.String())
	if err != nil {
		return []byte("null") // no string is refused
	}
	return text
}

// instantiateHost makes the module tierlab.
func instantiateHost(ctx context.Context, r wazero.Runtime) error {
	_, err := r.NewHostModuleBuilder("tierlab").
		NewFunctionBuilder().WithFunc(hostCall).Export("call").
		NewFunctionBuilder().WithFunc(hostAnswer).Export("answer").
		Instantiate(ctx)
	return err
}

var errAddress = errors.New("an address outside of the program's memory")

// read is a copy of the program's memory.
func read(m api.Module, at, size uint32) []byte {
	if m.Memory() == nil {
		panic(errAddress)
	}
	b, ok := m.Memory().Read(at, size)
	if !ok {
		panic(errAddress)
	}
	return bytes.Clone(b)
}

func hostCall(ctx context.Context, m api.Module, name, nameLen, args, argsLen uint32) int32 {
	x := ctx.Value(executionKey{}).(*execution)
	value, err := x.call(string(read(m, name, nameLen)), read(m, args, argsLen))
	var stop *border.Stop
	switch {
	case errors.As(err, &stop):
		panic(stop)
	case err != nil:
		x.latest = []byte(err.Error())
		return -1 - int32(len(x.latest))
	}
	x.latest = value
	return int32(len(value))
}

func (x *execution) call(name string, args []byte) ([]byte, error) {
	if !utf8.ValidString(name) || !json.Valid(args) {
		return nil, errors.New("the name is no text, or the arguments are no JSON value")
	}
	return x.guest.Call(name, args)
}

func hostAnswer(ctx context.Context, m api.Module, to, size uint32) int32 {
	x := ctx.Value(executionKey{}).(*execution)
	b := x.latest[:min(uint64(size), uint64(len(x.latest)))]
	if m.Memory() == nil || !m.Memory().Write(to, b) {
		panic(errAddress)
	}
	return int32(len(b))
}
