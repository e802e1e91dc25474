package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tierlab/bench/actors"
	"tierlab/reference/sandbox"
)

func newBench(g *global, stdio Stdio) *cobra.Command {
	return group("bench", "Measure parts of the reference stack on this machine", newBenchReference(g, stdio))
}

// benchReferenceOptions say what to measure of the acting half.
type benchReferenceOptions struct {
	parts  []string
	folder string
	scale  float64
	format string
}

func newBenchReference(g *global, stdio Stdio) *cobra.Command {
	var o benchReferenceOptions
	cmd := &cobra.Command{
		Use:   "reference",
		Short: "Measure sessions, journals, the sandbox and the ledger on this machine",
		Long: `Measure sessions, journals, the sandbox and the ledger on this machine, each beside
the bar that it is held to:

  commit     an event made durable, alone and in 64 sessions, beside the disk's fsync
  budget     64 attempts at once on a budget that has room for ten
  sandbox    warm requests, process start, a burst of 5,000, and kills after a limit
  wake       a hibernated session of 50 steps until it takes its next event
  reads      a session's view at strong, bounded and eventual consistency
  hibernate  100,000 hibernated sessions: memory and disk of each
  steps      1,000 sessions of 30 steps on the engine that computes nothing

--folder should lie on the disk that would hold journals: fsync is most of a commit.
All of it takes some minutes; --scale 0.05 looks whether it works.`,
		Example: `  tierlab bench reference --parts commit,budget --scale 0.02`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return benchReference(cmd.Context(), o, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.parts, "parts", nil, "what to measure, a comma-separated `list`; default: all")
	f.StringVar(&o.folder, "folder", "", "where scratch files go, a `folder`; default: the system's for temporary files")
	f.Float64Var(&o.scale, "scale", 1, "multiplies how often each thing is repeated")
	f.StringVar(&o.format, "format", "text", "text or json (`name`)")
	return cmd
}

func (o *benchReferenceOptions) validate() error {
	switch {
	case o.format != "text" && o.format != "json":
		return fmt.Errorf("--format is %q: it is text or json", o.format)
	case !(o.scale > 0 && o.scale <= 100):
		return fmt.Errorf("--scale is %g: it lies above 0 and up to 100", o.scale)
	}
	if err := actors.CheckParts(o.parts); err != nil {
		return fmt.Errorf("--parts: %w", err)
	}
	return nil
}

// referenceResult is the JSON document.
type referenceResult struct {
	Date    string       `json:"date"`
	Machine string       `json:"machine"`
	Folder  string       `json:"folder"`
	Scale   float64      `json:"scale"`
	Rows    []actors.Row `json:"rows"`
}

func benchReference(ctx context.Context, o benchReferenceOptions, stdio Stdio, show *progress) error {
	folder, err := os.MkdirTemp(o.folder, "tierlab-bench-*")
	if err != nil {
		return badInputf("--folder: %w", err)
	}
	defer os.RemoveAll(folder)
	r := referenceResult{Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Folder: o.folder, Scale: o.scale}
	r.Rows, err = actors.Measure(ctx, actors.Options{
		Folder: folder, Scale: o.scale, Open: openPool, Progress: func(what string) { show.Say("measuring %s", what) },
	}, o.parts)
	show.Done()
	if err != nil {
		return err
	}
	if o.format == "json" {
		e := json.NewEncoder(stdio.Out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.write(stdio.Out)
}

func openPool(children int) (actors.Runner, func() error, error) {
	p, err := sandbox.NewPool(sandbox.Config{Workers: children})
	if err != nil {
		return nil, nil, err
	}
	return p, p.Close, nil
}

func (r *referenceResult) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s\n\n", r.Machine, r.Date)
	t := newTable("PART", "WHAT", "REACHED", "BAR", "")
	for i := range r.Rows {
		row := &r.Rows[i]
		verdict := ""
		if row.Met != nil {
			verdict = "met"
			if !*row.Met {
				verdict = "NOT MET"
			}
		}
		t.row(row.Part, row.What, row.Reached, row.Bar, verdict)
	}
	return t.write(w)
}
