package quickjs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"tierlab/reference/sandbox/internal/border"
)

// Instance is one instance of the engine's module.
type Instance struct {
	module  api.Module
	memory  api.Memory
	added   *added
	guest   border.Guest
	clock   int64  // nanoseconds since the Unix epoch
	scratch uint32 // eight bytes of memory for results
	room    room
	// functions are those that were called: to look one up is dear.
	functions map[string]api.Function
}

// room is memory for what the run hands over: what is taken of it stays taken.
type room struct{ at, left uint32 }

func newInstance(m api.Module, a *added) *Instance {
	return &Instance{module: m, memory: m.Memory(), added: a, functions: make(map[string]api.Function)}
}

// globals are the values of all globals that can change: patch has exported all.
func (i *Instance) globals() map[string]uint64 {
	all := make(map[string]uint64)
	for n := range uint32(1 << 10) {
		g := i.module.ExportedGlobal(globalName(n))
		if g == nil {
			break
		}
		if _, mutable := g.(api.MutableGlobal); mutable {
			all[globalName(n)] = g.Get()
		}
	}
	return all
}

// value is a JSValue: a NaN-boxed word, the tag in its upper half.
type value uint64

// Tags of JSValue (quickjs.h).
const (
	tagString    = -7
	tagRope      = -6
	tagUndefined = 3
	tagException = 6
	undefined    = value(tagUndefined) << 32
	evalAsync    = 1 << 7 // JS_EVAL_FLAG_ASYNC: a script whose value is a promise

	promisePending  = 0 // JSPromiseStateEnum
	promiseRejected = 2
)

func (v value) tag() int32      { return int32(v >> 32) }
func (v value) exception() bool { return v.tag() == tagException }
func (v value) isString() bool  { return v.tag() == tagString || v.tag() == tagRope }

// call calls an exported function that returns a value or nothing.
func (i *Instance) call(ctx context.Context, name string, args ...uint64) (uint64, error) {
	f := i.functions[name]
	if f == nil {
		if f = i.module.ExportedFunction(name); f == nil {
			return 0, fmt.Errorf("no export %s", name)
		}
		i.functions[name] = f
	}
	results, err := f.Call(ctx, args...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	if f.Definition().ResultTypes()[0] == api.ValueTypeI32 {
		return uint64(api.DecodeU32(results[0])), nil
	}
	return results[0], nil
}

// set gives one of the exported globals its value.
func (i *Instance) set(global string, v uint64) error {
	g, ok := i.module.ExportedGlobal(global).(api.MutableGlobal)
	if !ok {
		return fmt.Errorf("no mutable global %s", global)
	}
	g.Set(v)
	return nil
}

var errNoMemory = errors.New("the engine's memory is full")

// place copies b and a zero byte behind it into memory that is never freed: the
// instance lives no longer than its program.
func (i *Instance) place(ctx context.Context, b []byte) (uint64, error) {
	size := (uint64(len(b)) + 8) &^ 7
	at := uint64(i.room.at)
	if size <= uint64(i.room.left) {
		i.room.at += uint32(size)
		i.room.left -= uint32(size)
	} else {
		var err error
		if at, err = i.call(ctx, "malloc", size); err != nil {
			return 0, err
		}
	}
	if at == 0 || !i.memory.Write(uint32(at), b) || !i.memory.WriteByte(uint32(at)+uint32(len(b)), 0) {
		return 0, errNoMemory
	}
	return at, nil
}

// text reads a JavaScript string as UTF-8.
func (i *Instance) text(ctx context.Context, im *image, v value) ([]byte, error) {
	at, err := i.call(ctx, "JS_ToCStringLen2", uint64(im.context), uint64(im.scratch), uint64(v), 0)
	if err != nil {
		return nil, err
	}
	size, _ := i.memory.ReadUint32Le(im.scratch)
	b, ok := i.memory.Read(uint32(at), size)
	if at == 0 || !ok {
		return nil, errNoMemory
	}
	out := append([]byte(nil), b...)
	_, err = i.call(ctx, "JS_FreeCString", uint64(im.context), at)
	return out, err
}

// The gate's operations, as prelude.js numbers them.
const (
	gatePrint = 0
	gateCall  = 1
)

// gate is the way out of a program: stack holds the context, the number of
// arguments and their address. It leaves the function's result in a global. An
// error unwinds the program, which wazero does for a panic.
func (i *Instance) gate(ctx context.Context, stack []uint64) {
	result, err := i.answer(ctx, &image{context: uint32(stack[0]), scratch: i.scratch}, int32(stack[1]), uint32(stack[2]))
	if err == nil {
		err = i.set(i.added.gateValue, uint64(result))
	}
	if err != nil {
		panic(err)
	}
}

func (i *Instance) answer(ctx context.Context, im *image, n int32, at uint32) (value, error) {
	var args [3]value
	for k := range min(n, 3) {
		v, _ := i.memory.ReadUint64Le(at + 8*uint32(k))
		args[k] = value(v)
	}
	if !args[1].isString() {
		return undefined, errors.New("the gate was called without text")
	}
	first, err := i.text(ctx, im, args[1])
	if err != nil {
		return undefined, err
	}
	switch int32(args[0]) {
	case gatePrint:
		return undefined, i.guest.Print(first)
	case gateCall:
		if !args[2].isString() {
			return undefined, errors.New("the gate was called without arguments")
		}
		json, err := i.text(ctx, im, args[2])
		if err != nil {
			return undefined, err
		}
		return i.host(ctx, im, string(first), json)
	}
	return undefined, errors.New("the gate has no such operation")
}

func (i *Instance) host(ctx context.Context, im *image, name string, json []byte) (value, error) {
	reply, err := i.guest.Call(name, json)
	var stop *border.Stop
	switch {
	case errors.As(err, &stop):
		return undefined, err
	case err != nil:
		reply = append([]byte("-"), strings.ToValidUTF8(err.Error(), "\uFFFD")...)
	default:
		reply = append([]byte("+"), reply...)
	}
	free := i.room
	at, err := i.place(ctx, reply)
	if errors.Is(err, errNoMemory) {
		return undefined, &border.Stop{Fault: border.MemoryFull, Message: "no room for a host call's answer"}
	}
	if err != nil {
		return undefined, err
	}
	v, err := i.call(ctx, "JS_NewStringLen", uint64(im.context), at, uint64(len(reply)))
	if err != nil {
		return undefined, err
	}
	if i.room != free { // the string is a copy
		i.room = free
		return value(v), nil
	}
	_, err = i.call(ctx, "free", at)
	return value(v), err
}
