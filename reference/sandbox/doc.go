// Package sandbox runs programs that nobody trusts, JavaScript and WebAssembly,
// in child processes of this binary.
//
// # Processes
//
// A Pool keeps children of this binary warm: NewPool starts them, Child is what
// they run. A child holds one program at a time, in an instance that no other
// program has touched and that is ready before the program comes. It is killed at
// the run's Wall limit by the pool, whatever it does: compiled WebAssembly
// cannot be interrupted from within its own process, and while it runs there
// nothing else that needs that process to stand still gets on. A child that was
// killed, or broke the protocol, is replaced; so is one after Config.Runs
// programs. The pool's process runs no program and compiles none.
//
// Before its first program a child gives up what the kernel lets it give up
// (Pool.Confinement says what is in force). JavaScript's children can make no new
// executable code; WebAssembly's can, and are others.
//
// What divides two programs of one child is WebAssembly's own isolation and the
// instance's being fresh. What divides them from everything else is the process.
// Config.Runs of 1 gives each program a process of its own, for a start each.
//
// # Languages
//
// JavaScript is QuickJS-NG, a script with top-level await:
//
//	input              the run's input
//	host.NAME(value)   the host function NAME; what it returns, or an Error
//	print, console.log one line of output; objects as JSON
//	its last expression, or what that settles to: the value
//
// There are no modules, timers, files, network or processes. Date and performance
// stand at Run.Clock; Math.random follows from Run.Seed.
//
// WebAssembly is a module for WASI preview 1 that exports _start or run: standard
// input is the run's input, standard output the value (text that is no JSON
// becomes a string), standard error the output. Host functions are imports of
// the module tierlab:
//
//	call(name, name_len, args, args_len i32) -> i32  length of the answer, or -1 - length of an error
//	answer(to, len i32) -> i32                       copies it
//
// Both give the same value, output and fuel for the same program, input, clock,
// seed and answers of host functions, on every machine.
//
// # The border
//
// Bytes pass the border, never objects: a program may redefine JSON, set traps on
// every prototype and hand over proxies, and what arrives is still a JSON text
// that was checked and counted here. The pool believes a child nothing: a frame
// that is too long, out of turn or malformed ends the child and is a Crash. A
// child has no more of the run than its source, input, limits and the names of
// its host functions.
//
// # Limits
//
//	Wall       the pool kills the child; host calls count
//	Memory     JavaScript's heap, or WebAssembly's linear memory; the process's own
//	           data is bounded beside it
//	Stack      JavaScript's; WebAssembly's is bounded by the engine (50 MB of
//	           native frames), and its overflow is the same fault
//	Output     counted as it is printed, with the value
//	HostCalls, HostBytes  counted on both sides
//	Fuel       JavaScript: calls and jumps of loops; WebAssembly: instructions
//
// A fault is a result, not an error: the program met a limit or threw. What was
// printed up to then is part of the result; of a program that was killed, up to
// the last millisecond in which it printed less than 8 KiB.
//
// # Systems
//
// On Linux a child dies with its pool's process, and is confined. On other
// systems it is a process of its own that is killed at its limit, with
// WebAssembly's isolation in it, and ends at the end of its input.
package sandbox
