package sample

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more random cases than rapid does by default: they are small.
// Flags on the command line win.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "3000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
