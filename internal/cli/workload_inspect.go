package cli

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"tierlab/workloads"
	"tierlab/workloads/inspect"
)

// inspectOptions say what to measure and how to show it.
type inspectOptions struct {
	workload string
	asJSON   bool
}

func newWorkloadInspect(stdio Stdio) *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect WORKLOAD",
		Short: "Show a workload's distributions",
		Long: `Measure a workload in one pass and show its distributions: steps, tool calls,
tokens and their reuse, tool times, gaps by cause, arrivals. Go documentation of
the package workloads/inspect defines every figure.`,
		Example: "  tierlab workload inspect embedded\n  tierlab workload inspect w.jsonl --json",
		Args:    exactly("WORKLOAD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.workload = args[0]
			return inspectWorkload(cmd.Context(), o, stdio)
		},
	}
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON (schema "+inspect.Schema+")")
	return cmd
}

func inspectWorkload(ctx context.Context, o inspectOptions, stdio Stdio) error {
	r, name, err := openWorkload(o.workload, stdio)
	if err != nil {
		return err
	}
	defer r.Close()
	result, err := inspect.Inspect(workloads.NewReader(&interruptible{ctx, r}, name))
	if err != nil {
		return badInput(err)
	}
	return buffered(stdio.Out, func(w io.Writer) error {
		if !o.asJSON {
			return result.Text(w)
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(result)
	})
}
