package claims

import (
	"os"
	"testing"

	"tierlab/reference/sandbox"
)

// TestMain serves the sandbox where this test is started as one of its children.
func TestMain(m *testing.M) {
	sandbox.Child()
	os.Exit(m.Run())
}
