// Package nvrtc compiles the kernels at run time with NVIDIA's libnvrtc, major
// version 12 or later, which is found and opened by package dynlib;
// TIERLAB_NVRTC names a file or a folder instead.
//
// A unit is compiled to the machine code (CUBIN) of one architecture. The headers
// of kernels.Sources are handed over as text, so that no folder is searched, and
// ptxas reports each kernel's registers and spills in the log, which Usages
// reads.
//
// libnvrtc-builtins is opened by its full path first: libnvrtc asks the loader
// for it by name and does not look beside itself, where pip's wheels have it.
//
// Compilations of several goroutines run at the same time: four of one unit took
// 5.1 to 6.0 s by one goroutine and 2.6 to 3.3 s by two, on two processors (NVRTC
// 13.0.88). Images are kept on disk by package store, under a key of everything
// that an image depends on: the compiler's version down to the build, the
// architecture, the options, the macros and the text of the unit and of all
// headers.
package nvrtc
