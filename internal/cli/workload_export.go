package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tierlab/internal/spell"
	"tierlab/workloads"
	"tierlab/workloads/exporters"
)

// exportOptions say what to export and how.
type exportOptions struct {
	workload string
	to       string
	out      string
}

func newWorkloadExport(g *global, stdio Stdio) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export --to FORMAT WORKLOAD",
		Short: "Turn a workload into a format of others",
		Long: `Turn a workload into a foreign format. What the format cannot hold is listed on
standard error, with counts.

The formats:
` + exportFormats(),
		Example: `  tierlab workload export w.jsonl --to weka --out traces.jsonl
  tierlab workload export embedded --to otlp --out spans.jsonl`,
		Args: exactly("WORKLOAD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.workload = args[0]
			e, err := o.validate()
			if err != nil {
				return badInput(err)
			}
			return exportWorkload(cmd.Context(), e, o, stdio, newProgress(stdio, g.quiet))
		},
	}
	cmd.Flags().StringVar(&o.to, "to", "", "the `format` to write")
	cmd.Flags().StringVarP(&o.out, "out", "o", "-", "the `file` to write")
	return cmd
}

// exportFormats lists the exporters for the help text.
func exportFormats() string {
	t := &table{}
	for _, e := range exporters.All() {
		t.row("  "+e.Name, e.Writes)
	}
	return t.String()
}

func (o *exportOptions) validate() (exporters.Exporter, error) {
	var names []string
	for _, e := range exporters.All() {
		if e.Name == o.to {
			return e, nil
		}
		names = append(names, e.Name)
	}
	if o.to == "" {
		return exporters.Exporter{}, fmt.Errorf("--to is missing%s", spell.Hint("", names))
	}
	return exporters.Exporter{}, fmt.Errorf("--to: no format %q%s", o.to, spell.Hint(o.to, names))
}

func exportWorkload(ctx context.Context, e exporters.Exporter, o exportOptions, stdio Stdio, show *progress) error {
	r, name, err := openWorkload(o.workload, stdio)
	if err != nil {
		return err
	}
	defer r.Close()
	var dropped []string
	err = writeOutput(o.out, stdio, func(w io.Writer) (err error) {
		dropped, err = e.Export(workloads.NewReader(&interruptible{ctx, r}, name), w)
		return badInput(err)
	})
	if err != nil {
		return err
	}
	for _, what := range dropped {
		show.Say("dropped: %s", what)
	}
	if len(dropped) == 0 {
		show.Say("the format holds all of the workload")
	}
	return nil
}
