package jetstream

import (
	"fmt"
	"os"
	"testing"
)

// nodeVariable holds the configuration of a node, in the processes that the
// fault tests start.
const nodeVariable = "TIERLAB_FAULT_NODE"

func TestMain(m *testing.M) {
	if c := os.Getenv(nodeVariable); c != "" {
		if err := runNode(c, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
