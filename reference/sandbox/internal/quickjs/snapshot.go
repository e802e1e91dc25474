package quickjs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"tierlab/reference/sandbox/internal/border"
)

// stackSlack is what of the engine's C stack is beyond the most that a program
// may have: for what QuickJS does between two of its checks.
const stackSlack = 128 << 10

const stackSize = border.MaxStack + stackSlack

// roomSize is memory for what a run hands over, so that little of it takes a call
// of malloc.
const roomSize = 64 << 10

// interruptEvery is how many checks pass between two calls of the interrupt
// handler (JS_INTERRUPT_COUNTER_INIT).
const interruptEvery = 10000

// image is an instance at the point where it is ready for a program.
type image struct {
	pages []page
	size  uint32 // of the memory, in bytes
	stack uint64 // the top of the stack
	// globals are all that the module has.
	globals map[string]uint64
	// Addresses in memory: JSRuntime, JSContext, eight bytes for results, roomSize
	// for what a run hands over; of the
	// runtime its lowest stack pointer, of the context its random state and its
	// count to the next interrupt.
	runtime, context, scratch, room, lowest, random, counter uint32
	begin                                                    value // prelude.js's function
}

// page is a run of pages of memory that are not zero.
type page struct {
	at   uint32
	data []byte
}

const pageSize = 4096

// seedClock is what the clock stands at while the context is made: QuickJS
// seeds its random state with it, in microseconds, and so shows where it is.
const seedClock = 0x5eed_0123_4567 * 1000

// snapshot runs a new instance up to the point where a program comes.
func (e *Engine) snapshot(ctx context.Context) (*image, error) {
	i, err := e.instantiate(ctx)
	if err != nil {
		return nil, err
	}
	defer i.module.Close(ctx)
	i.clock = seedClock
	initial := i.memory.Size()
	b := builder{ctx: context.WithValue(ctx, instanceKey{}, i), Instance: i, image: new(image)}
	b.must("_initialize")
	b.boot(e.added)
	b.prelude(e.added)
	if b.err != nil {
		return nil, b.err
	}
	b.copyMemory(int(initial))
	b.image.globals = i.globals()
	return b.image, errors.Join(b.findRandom(), b.findStackLimit())
}

// builder calls functions in a row; after the first error it calls none.
type builder struct {
	*Instance
	ctx   context.Context
	image *image
	err   error
}

func (b *builder) must(name string, args ...uint64) uint64 {
	if b.err != nil {
		return 0
	}
	result, err := b.call(b.ctx, name, args...)
	if err != nil {
		b.err = fmt.Errorf("%s: %w", name, err)
	}
	return result
}

func (b *builder) text(s string) uint64 {
	if b.err != nil {
		return 0
	}
	at, err := b.place(b.ctx, []byte(s))
	b.err = err
	return at
}

// boot moves the stack to where it has room and makes runtime and context.
func (b *builder) boot(a *added) {
	bottom := b.must("malloc", stackSize)
	if b.err == nil && bottom == 0 {
		b.err = errNoMemory
	}
	if b.err != nil {
		return
	}
	b.image.stack = (bottom + stackSize) &^ 15
	if b.err = b.set(a.stackPointer, b.image.stack); b.err != nil {
		return
	}
	b.image.scratch = uint32(b.must("malloc", 8))
	b.image.room = uint32(b.must("malloc", roomSize))
	b.image.runtime = uint32(b.must("JS_NewRuntime"))
	b.must("JS_SetMaxStackSize", uint64(b.image.runtime), border.MaxStack)
	b.image.context = uint32(b.must("JS_NewContext", uint64(b.image.runtime)))
	b.must("JS_SetInterruptHandler", uint64(b.image.runtime), uint64(a.interrupt), 0)
}

// prelude evaluates prelude.js and calls what it gives with the gate.
func (b *builder) prelude(a *added) {
	c := uint64(b.image.context)
	b.err = errors.Join(b.err, b.set(a.fuelLeft, 1<<62))
	gate := b.must("JS_NewCFunction2", c, uint64(a.gate), b.text("gate"), 3, 0, 0)
	install := value(b.must("JS_Eval", c, b.text(prelude), uint64(len(prelude)), b.text("prelude.js"), 0))
	argument := b.must("malloc", 8)
	if b.err != nil {
		return
	}
	b.memory.WriteUint64Le(uint32(argument), gate)
	if !install.exception() {
		b.image.begin = value(b.must("JS_Call", c, uint64(install), uint64(undefined), 1, argument))
	}
	if b.err == nil && (install.exception() || b.image.begin.exception()) {
		b.err = errors.New("prelude.js threw an error")
	}
	b.must("JS_RunGC", uint64(b.image.runtime))
}

// copyMemory keeps the parts of memory in which a new instance, whose memory
// was cleared and has initial bytes, may differ.
func (b *builder) copyMemory(initial int) {
	b.image.size = b.memory.Size()
	all, _ := b.memory.Read(0, b.image.size)
	for at := 0; at < len(all); at += pageSize {
		if part := all[at : at+pageSize]; at < initial || !zero(part) {
			b.image.keep(uint32(at), part)
		}
	}
}

// keep adds a page to the image, to the one before where they touch.
func (im *image) keep(at uint32, data []byte) {
	if n := len(im.pages); n > 0 && im.pages[n-1].at+uint32(len(im.pages[n-1].data)) == at {
		im.pages[n-1].data = append(im.pages[n-1].data, data...)
		return
	}
	im.pages = append(im.pages, page{at, append([]byte(nil), data...)})
}

func zero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	return true
}

// structSize is more than any JSContext or JSRuntime takes.
const structSize = 2048

// findRandom looks in the context for the random state, by the clock that it
// was seeded with, and for the count to the next interrupt, which comes after.
func (b *builder) findRandom() error {
	words, ok := b.memory.Read(b.image.context, structSize)
	for at := 0; ok && at+12 <= structSize; at += 8 {
		counter := binary.LittleEndian.Uint32(words[at+8:])
		if binary.LittleEndian.Uint64(words[at:]) == seedClock/1000 && counter <= interruptEvery {
			b.image.random = b.image.context + uint32(at)
			b.image.counter = b.image.random + 8
			return nil
		}
	}
	return errors.New("the context's random state is not where the clock would show it")
}

// findStackLimit looks in the runtime for the lowest stack pointer that
// QuickJS allows. Built for WASI it takes none from JS_SetMaxStackSize, but it
// compares with the field, which comes after the stack's size and top.
func (b *builder) findStackLimit() error {
	words, ok := b.memory.Read(b.image.runtime, structSize)
	for at := 0; ok && at+12 <= structSize; at += 4 {
		size, top := binary.LittleEndian.Uint32(words[at:]), binary.LittleEndian.Uint32(words[at+4:])
		if size == border.MaxStack && uint64(top) <= b.image.stack && uint64(top) > b.image.stack-pageSize &&
			binary.LittleEndian.Uint32(words[at+8:]) == 0 {
			b.image.lowest = b.image.runtime + uint32(at) + 8
			return nil
		}
	}
	return errors.New("the runtime's stack limit is not after its stack's size and top")
}

// reusable says whether i can be made fresh: its memory has not grown, which
// cannot be undone. The rest of an instance's state are its globals, all of
// which restore sets, and its table, which no instruction of the module writes.
func (i *Instance) reusable(im *image) bool { return i.memory.Size() == im.size }

// restore makes i what the image was taken of.
func (i *Instance) restore(im *image) error {
	if have := i.memory.Size(); have < im.size {
		if _, ok := i.memory.Grow((im.size - have) >> 16); !ok {
			return errNoMemory
		}
	}
	all, _ := i.memory.Read(0, im.size)
	at := uint32(0)
	for _, p := range im.pages {
		clear(all[at:p.at])
		at = p.at + uint32(copy(all[p.at:], p.data))
	}
	clear(all[at:])
	i.scratch, i.room = im.scratch, room{at: im.room, left: roomSize}
	for name, v := range im.globals {
		if err := i.set(name, v); err != nil {
			return err
		}
	}
	return nil
}
