// Package kernels holds the CUDA C++ sources of the backend, one small unit for
// each kernel, and what Go must know to compile and launch them. Units are
// compiled at run time for the shape of the model and the chip: sizes are
// macros, so loops unroll and divisions vanish.
package kernels
