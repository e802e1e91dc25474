package cli

import (
	"fmt"
	"strings"

	"tierlab/reports"
)

// readThresholds reads the values of --threshold.
func readThresholds(texts []string) ([]reports.Threshold, error) {
	var list []reports.Threshold
	for _, text := range texts {
		t, err := reports.ParseThreshold(text)
		if err != nil {
			return nil, fmt.Errorf("--threshold: %w", err)
		}
		list = append(list, t)
	}
	return list, nil
}

// checkThresholds holds a summary to limits: it prints a table of them and
// returns a threshold error when one is not met.
func checkThresholds(thresholds []reports.Threshold, s *reports.Summary, stdio Stdio) error {
	if len(thresholds) == 0 {
		return nil
	}
	checks, err := reports.CheckThresholds(thresholds, nil, s)
	if err != nil {
		return badInput(err)
	}
	t := newTable("THRESHOLD", "POLICY", "FOUND", "")
	for _, c := range checks {
		t.row(c.Threshold, c.Policy, c.Found(), map[bool]string{true: "met", false: "not met"}[c.Met])
	}
	fmt.Fprintln(stdio.Out)
	if err := t.write(stdio.Out); err != nil {
		return err
	}
	return unmet(checks)
}

// unmet is a threshold error when a check is not met.
func unmet(checks []reports.Check) error {
	var missed []string
	for _, c := range checks {
		if !c.Met {
			missed = append(missed, fmt.Sprintf("%s by %s (%s)", c.Threshold, c.Policy, c.Found()))
		}
	}
	if len(missed) == 0 {
		return nil
	}
	return thresholdError{strings.Join(missed, "; ")}
}
