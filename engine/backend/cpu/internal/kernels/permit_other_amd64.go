//go:build !linux

package kernels

// permitTiles reports that tiles are not used where it is not known how.
func permitTiles() bool { return false }
