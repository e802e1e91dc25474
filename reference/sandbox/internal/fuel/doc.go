// Package fuel makes a WebAssembly module count what it does: Instrument rewrites
// the module so that it subtracts from a budget as it goes, and stops with a trap
// once the budget is below zero. The count follows from the program and its
// input alone: it is the same on every machine, under every engine.
//
// # What is counted
//
// Each instruction that is executed costs 1, but for block, loop, else and end,
// which only mark places. Entering a function costs 1 more. The bulk instructions
// (memory.init, copy and fill, table.init, copy and fill) cost 1 more for each 64
// bytes or elements, rounded down. memory.grow and table.grow cost 1: how far they
// go is the memory limit's matter.
//
// A stretch of instructions without a label in it and without a branch out of it
// is paid for when it is entered, so that one that traps in its midst has been
// paid for whole. The budget is looked at where a program can come again: at
// each function's entry, at the head of each loop, and before each bulk
// instruction. A program overshoots its budget by less than the longest way
// between two such places.
//
// # What the module becomes
//
// The budget is a global that is added behind the module's own, mutable, i64, and
// exported as Export; it starts at zero, and the host sets it before it calls
// anything. Below zero afterwards, it is exhausted. So that the start function
// cannot run before that, it is no longer one, but exported as Start for the host
// to call first. No index of the module changes. What the module could name
// only because something was added (the global, a local variable, an export) is
// refused.
//
// What takes memory that no limit of a program counts is bounded: a function has
// at most 50,000 parameters and local variables, a module 16 tables, each of
// which starts with and grows to at most 2^20 elements.
//
// # What is understood
//
// The binary format of WebAssembly 2.0 (core specification, section 5: bulk
// memory, multiple values, reference types, sign extension, saturating
// conversion, vectors), read strictly: sections in order, sizes exact, integers in
// no more bytes than their type allows, no unknown instruction. Threads, tail
// calls, exceptions, 64-bit memories and relaxed vectors are refused with the
// offset at which they stand. Types are not checked, nor what nothing here
// depends on: the engine validates the result. Custom sections are left out, as
// the offsets in them no longer hold.
package fuel
