package quickjs

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"tierlab/reference/sandbox/internal/border"
)

// programFile is the name under which a program's errors give their lines.
const programFile = "program.js"

// execution is one program in its instance.
type execution struct {
	*Instance
	ctx   context.Context
	image *image
	fuel  int64 // calls of the interrupt handler that the limit leaves
	first int64 // checks to the first of them
}

func (i *Instance) run(ctx context.Context, im *image, p *border.Program) (*border.Outcome, error) {
	x := &execution{Instance: i, ctx: ctx, image: im}
	v, err := x.evaluate(p)
	out := &border.Outcome{Memory: int64(i.memory.Size()), Fuel: x.used(p.Fuel)}
	if err == nil {
		out.Value = v
		return out, nil
	}
	out.Stop, err = x.stop(err, p)
	return out, err
}

// evaluate is the whole life of a program, up to its value as JSON.
func (x *execution) evaluate(p *border.Program) ([]byte, error) {
	if err := x.prepare(p); err != nil {
		return nil, err
	}
	source, err := x.place(x.ctx, p.Source)
	if err != nil {
		return nil, err
	}
	name, err := x.place(x.ctx, []byte(programFile))
	if err != nil {
		return nil, err
	}
	promise, err := x.js("JS_Eval", source, uint64(len(p.Source)), name, evalAsync)
	if err != nil {
		return nil, err
	}
	if err := x.drain(); err != nil {
		return nil, err
	}
	wrapped, err := x.settled(promise)
	if err != nil {
		return nil, err
	}
	v, err := x.property(wrapped, "value")
	if err != nil {
		return nil, err
	}
	if v, err = x.settled(v); err != nil {
		return nil, err
	}
	return x.stringify(v)
}

// prepare sets the limits, the clock and the random numbers, and hands the
// program what it is given.
func (x *execution) prepare(p *border.Program) error {
	x.setFuel(p.Fuel)
	x.memory.WriteUint64Le(x.image.random, splitmix(p.Seed))
	r := uint64(x.image.runtime)
	if _, err := x.call(x.ctx, "JS_SetMemoryLimit", r, uint64(p.Memory)); err != nil {
		return err
	}
	x.memory.WriteUint32Le(x.image.lowest, uint32(x.image.stack-uint64(min(p.Stack, border.MaxStack))))
	given, err := x.parse(given(p))
	if err != nil {
		return err
	}
	arguments, err := x.place(x.ctx, binary.LittleEndian.AppendUint64(nil, uint64(given)))
	if err != nil {
		return err
	}
	_, err = x.js("JS_Call", uint64(x.image.begin), uint64(undefined), 1, arguments)
	return err
}

// given is the argument of prelude.js's begin as JSON.
func given(p *border.Program) []byte {
	input, names := p.Input, []byte("[]")
	if len(input) == 0 {
		input = []byte("null")
	}
	if len(p.Hosts) > 0 {
		names, _ = json.Marshal(p.Hosts) // a list of strings
	}
	now := strconv.FormatFloat(float64(p.Clock)/1e6, 'f', -1, 64)
	return fmt.Appendf(nil, `{"now":%s,"names":%s,"input":%s}`, now, names, input)
}

// drain runs pending jobs until there is none.
func (x *execution) drain() error {
	for {
		n, err := x.call(x.ctx, "JS_ExecutePendingJob", uint64(x.image.runtime), uint64(x.image.scratch))
		if err != nil {
			return err
		}
		switch int32(n) {
		case 0:
			return nil
		case 1:
		default:
			return errThrown
		}
	}
}

// settled is what a promise was fulfilled with, and any other value itself.
func (x *execution) settled(v value) (value, error) {
	is, err := x.call(x.ctx, "JS_IsPromise", uint64(v))
	if err != nil || is == 0 {
		return v, err
	}
	state, err := x.call(x.ctx, "JS_PromiseState", uint64(x.image.context), uint64(v))
	if err != nil {
		return undefined, err
	}
	if state == promisePending {
		return undefined, &border.Stop{Fault: border.Thrown, Message: "the program waits for a promise that nothing can settle any more"}
	}
	result, err := x.js("JS_PromiseResult", uint64(v))
	if err == nil && state == promiseRejected {
		_, err = x.js("JS_Throw", uint64(result))
	}
	return result, err
}

func (x *execution) parse(text []byte) (value, error) {
	at, err := x.place(x.ctx, text)
	if err != nil {
		return undefined, err
	}
	return x.js("JS_ParseJSON", at, uint64(len(text)), at+uint64(len(text))) // the name: empty
}

func (x *execution) stringify(v value) ([]byte, error) {
	s, err := x.js("JS_JSONStringify", uint64(v), uint64(undefined), uint64(undefined))
	if err != nil {
		return nil, err
	}
	if !s.isString() {
		return []byte("null"), nil // undefined, a function or a symbol
	}
	return x.text(x.ctx, x.image, s)
}

func (x *execution) property(of value, name string) (value, error) {
	at, err := x.place(x.ctx, []byte(name))
	if err != nil {
		return undefined, err
	}
	return x.js("JS_GetPropertyStr", uint64(of), at)
}

// errThrown says that the context holds an exception.
var errThrown = errors.New("exception")

// js calls a function of QuickJS whose first argument is the context and whose
// result is a value.
func (x *execution) js(name string, args ...uint64) (value, error) {
	v, err := x.call(x.ctx, name, append([]uint64{uint64(x.image.context)}, args...)...)
	if err != nil {
		return undefined, err
	}
	if value(v).exception() {
		return undefined, errThrown
	}
	return value(v), nil
}

// setFuel has the limit-th check stop the program; 0 is no limit.
func (x *execution) setFuel(limit uint64) {
	if limit == 0 || limit > 1<<62 {
		limit = 1 << 62
	}
	x.first = int64(limit % interruptEvery)
	if x.first == 0 {
		x.first = interruptEvery
	}
	x.fuel = (int64(limit) - x.first) / interruptEvery
	x.memory.WriteUint32Le(x.image.counter, uint32(x.first))
	x.module.ExportedGlobal(x.added.fuelLeft).(api.MutableGlobal).Set(uint64(x.fuel))
}

// used counts the checks since setFuel, at most the limit where there is one.
func (x *execution) used(limit uint64) uint64 {
	counter, _ := x.memory.ReadUint32Le(x.image.counter)
	calls := x.fuel - x.left()
	n := uint64(calls*interruptEvery + x.first - int64(int32(counter)))
	if limit > 0 {
		n = min(n, limit)
	}
	return n
}

// left is below zero when the interrupt handler has stopped the program.
func (x *execution) left() int64 { return int64(x.module.ExportedGlobal(x.added.fuelLeft).Get()) }

// splitmix turns a seed into a random state, which must not be 0 (Steele, Lea
// and Flood, Fast splittable pseudorandom number generators, 2014).
func splitmix(seed uint64) uint64 {
	z := seed + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return max(z^z>>31, 1)
}

// stop says which limit ended the program, or what it threw. An error that is
// neither is the engine's own.
func (x *execution) stop(err error, p *border.Program) (*border.Stop, error) {
	var stop *border.Stop
	switch {
	case errors.As(err, &stop):
		return stop, nil
	case x.left() < 0:
		return &border.Stop{Fault: border.FuelUsed, Message: fmt.Sprintf("the program used its %d units of fuel", p.Fuel)}, nil
	case errors.Is(err, errNoMemory):
		return x.full(p), nil
	case errors.Is(err, errThrown):
		return x.thrown(p)
	case strings.HasPrefix(err.Error(), "stack overflow"):
		return &border.Stop{Fault: border.StackOverflow, Message: "the engine's own stack is full"}, nil
	case strings.Contains(err.Error(), "wasm error: "):
		return &border.Stop{Fault: border.Crash, Message: "the engine failed: " + firstLine(err.Error())}, nil
	}
	return nil, err
}

func (x *execution) full(p *border.Program) *border.Stop {
	return &border.Stop{Fault: border.MemoryFull, Message: fmt.Sprintf("the program's memory of %d bytes is full", p.Memory)}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
