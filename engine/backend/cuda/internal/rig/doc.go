// Package rig is where kernels run in tests: each place that this machine has,
// one after another. "host" is the CPU with the kernels compiled by a C++
// compiler (package host, strict); "cuda" is the first GPU with NVRTC. The
// variable TIERLAB_RIG names the only one to use.
package rig
