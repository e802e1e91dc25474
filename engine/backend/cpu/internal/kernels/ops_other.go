//go:build !amd64

package kernels

// Detect finds what the chip and the operating system offer.
func Detect() Features { return Features{} }

func opsFor(ISA) ops { return portableOps() }

func pause() {}
