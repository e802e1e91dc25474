package cli

import "github.com/spf13/cobra"

// The labels by which a session's journal says what it was run with.
const (
	labelModel    = "model"
	labelTopology = "topology"
	labelPolicy   = "policy"
	labelCalls    = "calls" // callsChecked, or nothing
)

func newAgent(g *global, stdio Stdio) *cobra.Command {
	return group("agent", "Run agents as durable sessions on this machine",
		newAgentRun(g, stdio),
		newAgentReplay(g, stdio),
	)
}
