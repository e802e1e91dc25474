// Package sandbox runs programs that nobody trusts, JavaScript and WebAssembly,
// in child processes of this binary.
package sandbox
