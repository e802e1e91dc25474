package cli

import (
	"github.com/spf13/cobra"
)

func newEngine(g *global, stdio Stdio) *cobra.Command {
	return group("engine", "Run a model on this machine",
		newEngineModels(stdio),
	)
}
