// Package border is what passes between the pool and a child process that runs
// programs: frames over the child's standard input and output, and the
// messages in them.
//
// # Protocol
//
// A frame is the length of what follows (4 bytes, little-endian), a kind (1
// byte) and a message. A message is its fields in a fixed order: numbers as
// unsigned varints (signed ones zigzag), bytes and text with their length in
// front, lists with their number of elements. Nothing may follow the last field.
//
//	pool                      child
//	Setup, once         ->
//	                    <-    Ready: compiled, confined, a fresh instance waits
//	Start               ->
//	                    <-    Output, any number
//	                    <-    Call, one at a time
//	Answer              ->
//	                    <-    Done
//	                    <-    Ready: the next instance waits
//
// # Trust
//
// The pool takes a child for lost as soon as a program has run in it: whatever
// comes is checked before it is used. A frame's length is checked against what
// its kind may still be before any memory is taken for it; a kind out of turn,
// a field that does not parse, text that is not UTF-8, a value that is no JSON,
// a function that the run was not granted, more output, calls or bytes than the
// run may have: each is an error that ends the child, and nothing else. The
// child trusts the pool's messages to be well meant but not to be well formed.
package border
