package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tierlab/reports"
	"tierlab/workloads"
)

// reportOptions say what to report on and where to.
type reportOptions struct {
	runs     []string
	baseline string
	goals    []string
	out      string
	force    bool
}

func newReport(g *global, stdio Stdio) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report RUN...",
		Short: "Report on finished replays again",
		Long: `Sum up finished replays: those of one run's folder, or those of several runs of
the same work, such as the replications or the policies that several machines
played. A RUN is a folder of tierlab replay, its points.jsonl, or a record.`,
		Example: `  tierlab replay embedded --topology tiny --policy p2c,static-central --arrivals closed:3 -n 6 -r 2 --out run --force
  tierlab report run --baseline static-central --out again --force
  tierlab report run/records/p2c.r0.jsonl`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return badInputf("%s needs at least one RUN (see --help)", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.runs = args
			if o.force && o.out == "" {
				return badInputf("--force needs --out")
			}
			return reportRuns(o, commandLine(cmd, args), stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.baseline, "baseline", "", "the `policy` that figures compare with (default: the first)")
	f.StringSliceVar(&o.goals, "goals", nil, "the `measures` that winners are named of (default: "+strings.Join(reports.DefaultGoals(), ",")+")")
	f.StringVarP(&o.out, "out", "o", "", "the `folder` to write")
	f.BoolVar(&o.force, "force", false, "replace the folder when it holds an earlier run")
	return cmd
}

func reportRuns(o reportOptions, command []string, stdio Stdio, show *progress) error {
	var dir *outDir
	if o.out != "" {
		if err := o.keepsRuns(); err != nil {
			return badInput(err)
		}
		var err error
		if dir, err = newOutDir(o.out, o.force, command); err != nil {
			return err
		}
		defer dir.drop()
	}
	var points []*reports.Point
	for _, run := range o.runs {
		more, err := readPoints(run)
		if err != nil {
			return err
		}
		points = append(points, more...)
		show.Update("read %s, %s", run, count(len(points), "point"))
	}
	show.Done()
	report, err := reports.New(points, reports.Options{Policies: inOrder(points), Goals: o.goals, Baseline: o.baseline})
	if err != nil {
		return badInput(err)
	}
	if err := report.Summary.WriteText(stdio.Out); err != nil {
		return err
	}
	if dir == nil {
		return nil
	}
	if err := report.Write(dir.temp); err != nil {
		return err
	}
	if err := dir.commit(report.Summary.Partial); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdio.Out, "\nReport: %s/report.html\n", dir.final)
	return err
}

// keepsRuns refuses to replace a folder that a run is read from: the report has
// no records to put in place of the run's.
func (o *reportOptions) keepsRuns() error {
	out, err := os.Stat(o.out)
	if err != nil {
		return nil // nothing is there to lose
	}
	for _, run := range o.runs {
		full, err := filepath.Abs(run)
		if err != nil {
			return err
		}
		for last := ""; full != last; last, full = full, filepath.Dir(full) {
			if info, err := os.Stat(full); err == nil && os.SameFile(info, out) {
				return fmt.Errorf("--out %s: the run %s is read from that folder, and a report does not hold its records; choose another", o.out, run)
			}
		}
	}
	return nil
}

// inOrder lists the points' policies as they first appear.
func inOrder(points []*reports.Point) []string {
	var names []string
	for _, p := range points {
		if !slices.Contains(names, p.Run.Policy) {
			names = append(names, p.Run.Policy)
		}
	}
	return names
}

// readPoints reads the points of a run's folder, of a points.jsonl, or makes
// one of a record.
func readPoints(name string) ([]*reports.Point, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, "points.jsonl")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, badInputf("%w (a run's folder has a points.jsonl)", err)
	}
	defer f.Close()
	if filepath.Base(name) == "points.jsonl" {
		points, err := reports.ReadPoints(f, name)
		return points, badInput(err)
	}
	point, err := reports.FromRecords(workloads.NewReader(f, name), reports.NewCollector(), reports.Conditions{})
	if err != nil {
		return nil, badInputf("%s: %w", name, err)
	}
	return []*reports.Point{point}, nil
}
