package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// demoOptions size the demo.
type demoOptions struct {
	sessions     int
	replications int
	seed         uint64
	out          string
}

func newDemo(g *global, stdio Stdio) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Replay the embedded workload under several policies and write a report",
		Long: `Replay the embedded workload in the topology agent-cloud under six policies: all
in the centre, all at the edge, by keywords, a cascade, by latency budget, and
the oracle that knows the future. An earlier demo in the folder is replaced.`,
		Example: "  tierlab demo --sessions 4 --replications 2 --out out/demo",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := o.plan()
			if err != nil {
				return badInput(err)
			}
			plan.command = commandLine(cmd, args)
			return demo(cmd.Context(), plan, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.sessions, "sessions", "n", 100, "how many sessions are measured in each replication")
	f.IntVarP(&o.replications, "replications", "r", 8, "how many times to repeat")
	f.Uint64Var(&o.seed, "seed", 1, "the seed of all draws")
	f.StringVarP(&o.out, "out", "o", "out/demo", "the `folder` to write")
	return cmd
}

// plan is the demo as a replay.
func (o *demoOptions) plan() (*plan, error) {
	r := replayOptions{
		workload: embedded, target: "sim", fidelity: "queue", topology: "agent-cloud",
		policies: []string{"static-central", "static-metro", "keyword", "cascade", "latency-budget", "oracle"},
		arrivals: "poisson:1", sessions: o.sessions, warmUp: "auto", seed: o.seed, replications: o.replications,
		records: recordsFirst, thinkCap: 20 * time.Second, toolCap: time.Minute, out: o.out, force: true,
	}
	return r.validate()
}

func demo(ctx context.Context, p *plan, stdio Stdio, show *progress) error {
	show.Say("Replaying the embedded workload under six policies; ctrl-C stops with what there is.")
	if err := replay(ctx, p, stdio, show); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdio.Out, `
Open the report in a browser: it explains every figure. What to try next
(in a checkout, go run . stands for tierlab):
  tierlab workload inspect embedded                    what was replayed
  tierlab topology show agent-cloud                    the world it was replayed in
  tierlab replay embedded --topology flat-central --policy static-central,cascade --arrivals poisson:1
  tierlab compare %[1]s OTHER                       what changed, beyond chance
  tierlab claims                                       the figures people quote, tried
`, p.options.out)
	return err
}
