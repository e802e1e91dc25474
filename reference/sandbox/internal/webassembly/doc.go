// Package webassembly runs WebAssembly programs on wazero. It belongs into a
// process that may be lost.
//
// # Interface
//
// A program is a module of WebAssembly 2.0 for WASI preview 1: a command that
// exports _start, or a reactor that exports run, a function without parameters
// and with no result or an i32, of which any but 0 is an error (_initialize is
// called first where it is exported).
//
//	standard input   the run's input, as JSON
//	standard output  the value: JSON as it is, nothing is null, and any other
//	                 text becomes a JSON string
//	standard error   the output
//	clocks           stand at the run's clock and at 0; a sleep takes no time
//	                 and puts both forward by as much
//	random numbers   follow from the run's seed
//	arguments, environment, files, sockets: none
//
// A trap, an exit code but 0, or a module that does not validate is the program's
// own error.
//
// Fuel is what package fuel counts: instructions, after the module has been
// rewritten to count them.
//
// # Host functions
//
// The module tierlab has two functions. Addresses and lengths are bytes of the
// memory that the program exports as "memory".
//
//	call(name, name_len, args, args_len i32) -> i32
//	    calls a host function with a JSON value. The result is the length of its
//	    answer, as JSON, or -1 - the length of an error's text.
//	answer(to, len i32) -> i32
//	    copies the first len bytes of the latest answer or text to an address
//	    and returns how many there were to copy.
package webassembly
