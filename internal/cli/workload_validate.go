package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tierlab/workloads"
)

func newWorkloadValidate(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "validate WORKLOAD...",
		Short: "Check files of the record format, line by line",
		Long: `Check workloads and run records: JSON lines of schema ` + workloads.Schema + `.
The first fault of each file is reported with its line, its field and what would
be right. WORKLOAD is a file, - for standard input, or "embedded".`,
		Example: "  tierlab workload validate embedded\n  tierlab workload validate w.jsonl",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return badInputf("%s needs at least one WORKLOAD (see --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return validateWorkloads(cmd.Context(), args, stdio)
		},
	}
}

// validateWorkloads checks all files, so that one call shows the first fault
// of each.
func validateWorkloads(ctx context.Context, files []string, stdio Stdio) error {
	bad := 0
	for _, file := range files {
		n, err := validateWorkload(ctx, file, stdio)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && len(files) == 1 {
			return err
		}
		if err != nil {
			bad++
			fmt.Fprintln(stdio.Err, "tierlab: "+err.Error())
			continue
		}
		fmt.Fprintf(stdio.Out, "%s: ok: %s\n", file, n)
	}
	if bad > 0 {
		return badInputf("%d of %s are not valid", bad, count(len(files), "file"))
	}
	return nil
}

// validateWorkload streams a file: memory does not grow with its length but
// for the sessions' ids.
func validateWorkload(ctx context.Context, file string, stdio Stdio) (*tally, error) {
	r, name, err := openWorkload(file, stdio)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	n, first := &tally{}, map[string]int{}
	for t, err := range workloads.NewReader(&interruptible{ctx, r}, name).Sessions() {
		if err != nil {
			return nil, badInput(err)
		}
		if line, twice := first[t.Session.ID]; twice {
			return nil, badInputf("%s:%d: session %q: the file has this session already, in line %d", name, t.Line, t.Session.ID, line)
		}
		first[t.Session.ID] = t.Line
		n.add(t)
	}
	if n.sessions == 0 {
		return nil, badInputf("%s: the file has no session", name)
	}
	return n, nil
}
