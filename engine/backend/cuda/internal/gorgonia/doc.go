// Package gorgonia is a second driver.Driver, over gorgonia.org/cu v0.9.6, with
// the build tag gorgonia_cu. Never the default, it shows that the interface is
// not libcuda's alone.
//
// It serves contexts, memory, modules, streams, events and launches. cu has no
// call that captures a stream, instantiates or launches a graph, takes
// page-locked memory, or raises a kernel's shared memory above 48 KiB: those
// answer an error that is errors.ErrUnsupported. cu passes each parameter of a
// kernel as eight bytes and puts them one after another; a struct is given to it
// in pieces of eight bytes, of which the driver reads the whole at the first.
//
// The tag needs cgo, the headers of CUDA 12 (cu does not build against 13) and
// libcuda at link time, and a program built with it exits at its start where the
// driver finds no GPU, since cu initialises CUDA in an init function.
// scripts/gorgonia-check builds and tests the package without a GPU.
package gorgonia
