package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tierlab/internal/spell"
	"tierlab/workloads/importers"
)

// importOptions say what to import.
type importOptions struct {
	paths []string
	from  string
	out   string
	into  importers.Options
}

func newWorkloadImport(g *global, stdio Stdio) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import --from FORMAT PATH...",
		Short: "Turn recordings made by others into a workload",
		Long: `Turn recordings of one foreign format into a workload. A PATH is a file, or a
folder whose files are taken in the order of their names. What an importer
assumes or leaves out is counted and stands in the workload's header.

The formats:
` + importFormats(),
		Example: `  tierlab workload import --from weka traces --out w.jsonl
  tierlab workload import --from azure requests.csv --sessions 2 --out a.jsonl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			im, err := o.validate()
			if err != nil {
				return badInput(err)
			}
			return importWorkload(cmd.Context(), im, o, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the recordings' `format`")
	f.StringVarP(&o.out, "out", "o", "-", "the `file` to write")
	f.StringVar(&o.into.Name, "name", "", "the workload's `name` (default: the format's and the first path's)")
	f.StringVar(&o.into.Source, "source", "", "where the recordings are from, for the header")
	f.StringVar(&o.into.License, "license", "", "the recordings' licence, for the header")
	f.IntVar(&o.into.BlockSize, "block-size", 0, "the `tokens` in a block, for Mooncake formats (0: 512)")
	f.IntVarP(&o.into.Sessions, "sessions", "n", 0, "stop after this many sessions (0: all)")
	return cmd
}

// importFormats lists the importers for the help text.
func importFormats() string {
	t := &table{}
	for _, im := range importers.All() {
		t.row("  "+im.Name, im.Reads)
	}
	return t.String()
}

func (o *importOptions) validate() (importers.Importer, error) {
	var names []string
	for _, im := range importers.All() {
		names = append(names, im.Name)
	}
	switch {
	case o.from == "":
		return importers.Importer{}, fmt.Errorf("--from is missing; known formats are %s", strings.Join(names, ", "))
	case len(o.paths) == 0:
		return importers.Importer{}, errors.New("no PATH given: name the recordings' files or folders")
	case o.into.BlockSize < 0:
		return importers.Importer{}, fmt.Errorf("--block-size: %d is negative", o.into.BlockSize)
	case o.into.Sessions < 0:
		return importers.Importer{}, fmt.Errorf("--sessions: %d is negative", o.into.Sessions)
	}
	for _, im := range importers.All() {
		if im.Name == o.from {
			return im, nil
		}
	}
	return importers.Importer{}, fmt.Errorf("--from: no format %q%s", o.from, spell.Hint(o.from, names))
}

func importWorkload(ctx context.Context, im importers.Importer, o importOptions, stdio Stdio, show *progress) error {
	o.into.Stop = ctx.Err
	var sum importers.Summary
	err := writeOutput(o.out, stdio, func(w io.Writer) (err error) {
		sum, err = im.Import(o.paths, &interruptibleWriter{ctx, w}, o.into)
		return badInput(err)
	})
	if err != nil {
		return err
	}
	show.Say("imported %s, %s, %s; %s tokens in, %s out", count(sum.Sessions, "session"), count(sum.Steps, "step"),
		count(sum.Tools, "tool call"), thousands(int(sum.Input)), thousands(int(sum.Output)))
	for _, note := range sum.Notes {
		show.Say("  note: %s", note)
	}
	return nil
}
