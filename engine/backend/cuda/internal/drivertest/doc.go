// Package drivertest is the conformance suite of driver.Driver. It runs over
// every implementation: the CUDA driver of a GPU, the same binding on a stand-in
// library, kernels on the host, and the fake.
//
// The suite launches the kernels of probe.cu, which the caller compiles, so it
// also checks that a struct of Go reaches a kernel as the struct of C that it
// mirrors.
//
// testdata/standin is a CUDA driver without a device, in C: device memory is the
// host's and streams run when something waits for them, but handles, ranges,
// captures and the current context are checked as a driver checks them.
// BuildStandIn compiles it, against CUDA's own cuda.h where there is one, so that
// a prototype which is not CUDA's does not compile.
package drivertest
