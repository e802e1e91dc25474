//go:build race

package sandbox

// raceDetector says that children are built with Go's race detector, which takes
// memory and makes system calls that no child has: its tests do without the
// layers that forbid them.
const raceDetector = true
