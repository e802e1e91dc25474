// Package driver is the border to a CUDA driver: what of its API this project
// uses, as Go interfaces, so that the code above runs on more than one.
//
//	libcuda   the driver of a machine with a GPU, bound at run time
//	gorgonia  the same through gorgonia.org/cu, with the build tag gorgonia_cu:
//	          contexts, memory, modules, streams, events and launches
//	host      no GPU: kernels compiled for the host, run at once (package host)
//	fake      no GPU: records calls and computes nothing (package fake)
//
// Package drivertest holds those that compute to one suite.
package driver
