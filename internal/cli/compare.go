package cli

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tierlab/reports"
)

// compareOptions name two runs and what is demanded of the second.
type compareOptions struct {
	old, new   string
	thresholds []string
	asJSON     bool
}

func newCompare(stdio Stdio) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Set a run against an older one",
		Long: `Set a run against an older one, policy by policy: what changed beyond chance, and
whether thresholds are met. OLD and NEW are folders of runs or summary.json
files. Runs of the same workload, load and seed are compared pairwise by
replication.`,
		Example: `  tierlab replay embedded --topology tiny --policy p2c --arrivals closed:3 -n 6 -r 3 --seed 1 --out old --force
  tierlab replay embedded --topology tiny --policy p2c --arrivals closed:3 -n 6 -r 3 --seed 1 --rho 0.9 --out new --force
  tierlab compare old new --threshold active_makespan_p90<=+20%`,
		Args: exactly("OLD", "NEW"),
		RunE: func(_ *cobra.Command, args []string) error {
			o.old, o.new = args[0], args[1]
			thresholds, err := readThresholds(o.thresholds)
			if err != nil {
				return badInput(err)
			}
			return compareRuns(o, thresholds, stdio)
		},
	}
	cmd.Flags().StringArrayVar(&o.thresholds, "threshold", nil, "a `limit`, absolute or relative to OLD, such as usd_per_resolved<=+5%; exit code 99 when it is not met")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func compareRuns(o compareOptions, thresholds []reports.Threshold, stdio Stdio) error {
	before, err := readSummary(o.old)
	if err != nil {
		return err
	}
	after, err := readSummary(o.new)
	if err != nil {
		return err
	}
	c, err := reports.Compare(before, after, thresholds)
	if err != nil {
		return badInput(err)
	}
	if o.asJSON {
		e := json.NewEncoder(stdio.Out)
		e.SetIndent("", "  ")
		err = e.Encode(c)
	} else {
		err = c.WriteText(stdio.Out, after)
	}
	if err != nil {
		return err
	}
	return unmet(c.Checks)
}

// readSummary reads the summary of a run's folder, or the file itself.
func readSummary(name string) (*reports.Summary, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, "summary.json")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, badInputf("%w (a run's folder has a summary.json)", err)
	}
	defer f.Close()
	s, err := reports.ReadSummary(f)
	if err != nil {
		return nil, badInputf("%s: %w", name, err)
	}
	return s, nil
}
