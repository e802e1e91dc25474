// Package quickjs runs JavaScript programs in QuickJS-NG, which is itself a
// WebAssembly module on wazero. It belongs into a process that may be lost.
//
// # The engine's module
//
// The module of go-quickjs-wasi-reactor exports QuickJS' C interface and
// imports WASI alone, so that a program's own functions could not be called
// back from it. Patch adds what is missing, by appending to sections and
// without renumbering anything:
//
//   - a C function that hands its arguments to the host, and takes its result
//     from the global tierlab_value. It goes out through path_rename, the import
//     of a function that nothing calls since no module of files is ever loaded;
//   - an interrupt handler that takes one from the global tierlab_fuel and stops
//     the program below zero, without leaving WebAssembly;
//   - both in the function table, where C finds functions by number;
//   - the stack pointer as an export, so that the stack can be larger than the
//     64 KiB that the module was linked with and that lie above its data.
//
// Debugging sections are dropped: they make two thirds of the time that it
// takes to load the compiled module from a cache.
//
// # A run
//
// New runs the engine up to the point where a program would be evaluated and
// keeps that image: the linear memory, and the globals. A program gets an instance
// that is the image bit for bit, which takes a tenth of making a context: memory
// and globals are all that can change in an instance of this module, so one whose
// program came to its end without growing its memory is set back, and after any
// other a new one is made. Nothing of an earlier program is in it.
//
// The program is a script with top-level await. Its value is that of its last
// expression statement, or what that settles to where it is a promise, as
// JSON.stringify writes it; null where that writes nothing. Pending jobs run
// before the value is taken; a promise that nothing can settle any more is an
// error. There is no event loop: no timers, no modules, no input or output but
// these globals:
//
//	input             the input, parsed
//	print, console    print(...values): one line, objects as JSON
//	host.NAME(value)  calls the host function NAME with value as JSON; returns
//	                  its answer, parsed, or throws an Error with its message
//	Date, performance stand at the run's clock; performance.now() is 0
//	Math.random       follows from the run's seed
//
// Fuel counts QuickJS' own interrupt checks: one for each call of a function and
// for each jump of a loop. What runs long inside one call (a sort's comparisons are
// calls again, a regular expression counts 10,000 every 10,000 steps, JSON and
// copies of memory nothing) costs what it calls. The count depends on nothing but
// the program and its input.
package quickjs
