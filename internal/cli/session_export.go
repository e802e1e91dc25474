package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tierlab/reference/journal"
	"tierlab/reference/session"
)

func newSessionExport(stdio Stdio) *cobra.Command {
	var folder sessionFolder
	var out string
	cmd := &cobra.Command{
		Use:   "export SESSION...",
		Short: "Write sessions as a workload that can be replayed",
		Long: `Write sessions as a workload record: their steps, contexts, tool calls and
outcomes, which tierlab workload inspect, tierlab replay and tierlab report read.
Texts stay in the journal.`,
		Example: `  tierlab agent run --session s1 --model script:primes --quiet
  tierlab session export s1 --out live.jsonl
  tierlab workload validate live.jsonl`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return badInputf("%s needs at least one SESSION (see --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return folder.with(true, func(store journal.Store) error {
				return exportSessions(cmd.Context(), store, args, out, stdio)
			})
		},
	}
	folder.flags(cmd.Flags())
	cmd.Flags().StringVarP(&out, "out", "o", "-", "the `file` to write; - is standard output")
	return cmd
}

func exportSessions(ctx context.Context, store journal.Store, ids []string, out string, stdio Stdio) error {
	for _, id := range ids {
		if _, err := store.Head(ctx, id); err != nil {
			return notFound(ctx, store, id, err)
		}
	}
	err := writeOutput(out, stdio, func(w io.Writer) error { return session.Export(ctx, store, ids, w) })
	if err == nil && out != "-" && out != "" {
		fmt.Fprintf(stdio.Err, "%s written to %s\n", count(len(ids), "session"), out)
	}
	return err
}
