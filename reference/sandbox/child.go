package sandbox

import (
	"os"

	"tierlab/reference/sandbox/internal/child"
)

// childVariable marks the environment of a child. It is the only variable that
// a child has.
const childVariable = "TIERLAB_SANDBOX_CHILD"

// Child serves a pool and never returns if this process was started as a
// pool's child; otherwise it does nothing. A program that makes a pool calls it
// first of all in main, its tests in TestMain.
func Child() {
	if os.Getenv(childVariable) != "" {
		os.Exit(child.Serve(os.Stdin, os.Stdout))
	}
}
