package kv

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more and longer random cases than rapid does by default: they
// are tiny. Flags on the command line win.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "4000", "rapid.steps": "50"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
