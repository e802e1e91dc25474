package sandbox

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
)

const wasi = "wasi_snapshot_preview1"

func wasmRun(name string, source []byte, wants ...FaultKind) hostile {
	return hostile{name: "wasm: " + name, run: Run{Language: Wasm, Source: source}, wants: wants, value: "null"}
}

func one(c []byte) assembly { return assembly{functions: []function{{code: c}}, pages: 1} }

func goodWasm() []byte { return one(nil).bytes() }

func hostileWasm() (all []hostile) {
	all = append(all, timeInWasm()...)
	all = append(all, spaceInWasm()...)
	all = append(all, modules()...)
	all = append(all, hostsInWasm()...)
	return append(all, systemCalls()...)
}

func timeInWasm() []hostile {
	loop := code(opLoop, void, opBr, 0, opEnd)
	fill := code(opLoop, void, constant(0), constant(1), constant(16<<20-1), 0xfc, 11, 0, opBr, 0, opEnd)
	recursion := code(opCall, 0)
	started := one(loop)
	started.start = true
	large := one(fill)
	large.pages = 256
	return []hostile{
		wasmRun("endless loop", one(loop).bytes(), WallExceeded),
		wasmRun("endless loop, with fuel", one(loop).bytes(), FuelUsed).with(Limits{Fuel: 1_000_000}),
		wasmRun("loop-free tree of calls", calls(40), WallExceeded),
		wasmRun("loop-free tree of calls, with fuel", calls(40), FuelUsed).with(Limits{Fuel: 1_000_000}),
		wasmRun("a start function that runs on", started.bytes(), WallExceeded),
		wasmRun("a start function that runs on, with fuel", started.bytes(), FuelUsed).with(Limits{Fuel: 1_000_000}),
		wasmRun("fills of memory", large.bytes(), WallExceeded),
		wasmRun("fills of memory, with fuel", large.bytes(), FuelUsed).with(Limits{Fuel: 1_000_000}),
		wasmRun("recursion", one(recursion).bytes(), StackOverflow),
		wasmRun("a trap", one(code(opUnreachable)).bytes(), Thrown),
	}
}

// calls is 2^n calls without a loop.
func calls(n int) []byte {
	a := assembly{pages: 1}
	for i := range n {
		next := unsigned(uint32(i + 1))
		a.functions = append(a.functions, function{code: code(opCall, next, opCall, next)})
	}
	a.functions = append(a.functions, function{})
	return a.bytes()
}

func spaceInWasm() []hostile {
	grow := code(opLoop, void, constant(1), opMemoryGrow, 0, opDrop, opBr, 0, opEnd)
	most := code(constant(65535), opMemoryGrow, 0, opDrop)
	whole := one(nil)
	whole.pages = 65536
	table := one(code(0xd0, 0x70, constant(100_000_000), 0xfc, 15, 0, opDrop))
	table.extra = map[byte][]byte{4: {1, 0x70, 0, 0}}
	wide := one(nil)
	wide.extra = map[byte][]byte{4: code(1, 0x70, 0, unsigned(100_000_000))}
	return []hostile{
		wasmRun("table.grow of 10^8", table.bytes()),
		wasmRun("a table of 10^8", wide.bytes(), Thrown),
		wasmRun("memory.grow without end", one(grow).bytes(), WallExceeded, MemoryFull),
		wasmRun("memory.grow of 4 GiB", one(most).bytes()),
		wasmRun("a memory of 4 GiB", whole.bytes(), MemoryFull, Thrown),
	}
}

// modules attack the reader and the compiler.
func modules() []hostile {
	locals := one(nil)
	locals.functions[0].locals = math.MaxUint32 - 1
	manyLocals := assembly{pages: 1}
	for range 200 {
		manyLocals.functions = append(manyLocals.functions, function{locals: 49_000, code: code(opLocalGet, unsigned(48_000), opLocalSet, 0)})
	}
	functions := assembly{pages: 1, functions: slices.Repeat([]function{{code: code(opNop)}}, 100_000)}
	deep := one(slices.Concat(bytes.Repeat([]byte{opBlock, void}, 100_000), bytes.Repeat([]byte{opEnd}, 100_000)))
	data := one(nil)
	data.pages, data.data = 400, make([]byte, 25<<20)
	targets := one(code(opBlock, void, constant(0), opBrTable, unsigned(1_000_000), bytes.Repeat([]byte{0}, 1_000_001), opEnd))
	long := one(slices.Repeat(code(constant(1), constant(2), opI32Add, opDrop), 1_000_000))
	results := assembly{pages: 1, functions: []function{{}, {results: bytes.Repeat([]byte{i32}, 1000), code: bytes.Repeat(constant(0), 1000)}}}
	imports := one(nil)
	for range 10_000 {
		imports.imports = append(imports.imports, imported{wasi, "sched_yield", nil, []byte{i32}})
	}
	unknown := one(nil)
	unknown.imports = []imported{{"env", "system", []byte{i32}, []byte{i32}}}
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	list := []hostile{
		wasmRun("four thousand million variables", locals.bytes(), Thrown, WallExceeded, Crash, MemoryFull),
		wasmRun("ten million variables", manyLocals.bytes(), Thrown, WallExceeded, Crash, MemoryFull),
		wasmRun("100,000 functions", functions.bytes(), Thrown, WallExceeded, Crash, MemoryFull),
		wasmRun("100,000 blocks in each other", deep.bytes(), Thrown, WallExceeded, Crash, MemoryFull),
		wasmRun("data of 25 MiB", data.bytes()),
		wasmRun("a branch of a million ways", targets.bytes(), Thrown, WallExceeded, Crash, MemoryFull),
		wasmRun("four million instructions", long.bytes(), Thrown, WallExceeded, Crash, MemoryFull),
		wasmRun("a thousand results", results.bytes(), Thrown, Crash),
		wasmRun("10,000 imports", imports.bytes(), Thrown),
		wasmRun("an import of nobody", unknown.bytes(), Thrown),
		wasmRun("noise", append([]byte("\x00asm\x01\x00\x00\x00"), noise...), Thrown),
		wasmRun("a module cut off", goodWasm()[:30], Thrown),
	}
	for i := range list { // a fast machine compiles some of them within the limits
		list[i].mayEnd = slices.Contains(list[i].wants, WallExceeded) ||
			list[i].name == "wasm: a thousand results" || list[i].name == "wasm: 10,000 imports"
	}
	return list
}

// hostsInWasm calls the host too often, with addresses that are not there, and
// with names that are none.
func hostsInWasm() []hostile {
	call := imported{"tierlab", "call", []byte{i32, i32, i32, i32}, []byte{i32}}
	answer := imported{"tierlab", "answer", []byte{i32, i32}, []byte{i32}}
	host := func(c []byte) []byte {
		return assembly{imports: []imported{call, answer}, functions: []function{{code: c}}, pages: 1, data: []byte("echo1files\xff\"")}.bytes()
	}
	args := func(name, nameLen, at, size int64) []byte {
		return code(constant(name), constant(nameLen), constant(at), constant(size), opCall, 0, opDrop)
	}
	return []hostile{
		wasmRun("storm of calls", host(code(opLoop, void, args(0, 4, 4, 1), opBr, 0, opEnd)), HostCallsUsed),
		wasmRun("a name outside of memory", host(args(math.MaxInt32, 4, 4, 1)), Thrown),
		wasmRun("arguments outside of memory", host(args(0, 4, -1, -1)), Thrown),
		wasmRun("an answer outside of memory", host(code(args(0, 4, 4, 1), constant(65536), constant(1), opCall, 1, opDrop)), Thrown),
		wasmRun("another function", host(args(5, 5, 4, 1))),
		wasmRun("a name that is no text", host(args(10, 1, 4, 1))),
		wasmRun("arguments that are no JSON", host(args(0, 4, 11, 1))),
		wasmRun("storm of refused calls", host(code(opLoop, void, args(5, 5, 4, 1), opBr, 0, opEnd)), WallExceeded, HostCallsUsed),
		wasmRun("a memory as arguments", host(args(0, 4, 0, 65536))),
	}
}

// systemCalls make every call of WASI preview 1 that could reach a file, a
// socket or another process, for each descriptor that might be open. The program
// ends well when each of them was refused.
func systemCalls() (all []hostile) {
	i, l := byte(i32), byte(i64)
	for _, c := range []struct {
		name   string
		params []byte
	}{
		{"path_open", []byte{i, i, i, i, i, l, l, i, i}}, {"path_create_directory", []byte{i, i, i}},
		{"path_filestat_get", []byte{i, i, i, i, i}}, {"path_filestat_set_times", []byte{i, i, i, i, l, l, i}},
		{"path_link", []byte{i, i, i, i, i, i, i}}, {"path_readlink", []byte{i, i, i, i, i, i}},
		{"path_remove_directory", []byte{i, i, i}}, {"path_rename", []byte{i, i, i, i, i, i}},
		{"path_symlink", []byte{i, i, i, i, i}}, {"path_unlink_file", []byte{i, i, i}},
		{"fd_prestat_get", []byte{i, i}}, {"fd_prestat_dir_name", []byte{i, i, i}}, {"fd_readdir", []byte{i, i, i, l, i}},
		{"fd_read", []byte{i, i, i, i}}, {"fd_pread", []byte{i, i, i, l, i}}, {"fd_pwrite", []byte{i, i, i, l, i}},
		{"fd_allocate", []byte{i, l, l}}, {"fd_advise", []byte{i, l, l, i}}, {"fd_filestat_set_size", []byte{i, l}},
		{"fd_renumber", []byte{i, i}}, {"fd_sync", []byte{i}}, {"proc_raise", []byte{i}},
		{"sock_accept", []byte{i, i, i}}, {"sock_recv", []byte{i, i, i, i, i, i}}, {"sock_send", []byte{i, i, i, i, i}}, {"sock_shutdown", []byte{i, i}},
	} {
		var body []byte
		for fd := range int64(8) {
			if fd < 3 && c.name != "path_open" && c.name[:4] != "sock" {
				continue // what is open: reading the run's input is allowed
			}
			body = append(body, constant(fd)...)
			for _, p := range c.params[1:] {
				if p == i64 {
					body = append(body, opI64Const, 1)
				} else {
					body = append(body, constant(8)...)
				}
			}
			body = append(body, code(opCall, 0, opI32Eqz, opIf, void, constant(1), opReturn, opEnd)...)
		}
		a := assembly{imports: []imported{{wasi, c.name, c.params, []byte{i}}}, pages: 1, data: []byte("\x00\x00\x00\x00\x00\x00\x00\x00etc/passwd"),
			functions: []function{{results: []byte{i32}, code: append(body, constant(0)...)}}}
		all = append(all, wasmRun(c.name, a.bytes()))
	}
	return all
}
