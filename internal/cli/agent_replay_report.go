package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"tierlab/bench/actors"
	"tierlab/reports"
	"tierlab/workloads"
)

func longestAnswer(lib *workloads.Library) int {
	longest := 1
	for _, g := range lib.Sessions {
		for i := range g.Steps {
			longest = max(longest, g.Steps[i].Output)
		}
	}
	return longest
}

func longestContext(lib *workloads.Library) int {
	longest := 1
	for _, g := range lib.Sessions {
		for i := range g.Steps {
			longest = max(longest, g.Steps[i].Input+g.Steps[i].Output)
		}
	}
	return longest
}

// describe is what the record's header says.
func (r *livedRun) describe(world, worldDigest string, lived *actors.Lived) workloads.Run {
	o := r.o
	digest := sha256.Sum256([]byte(version() + "\n" + o.policy))
	load := fmt.Sprintf("%d sessions at once, tools %s, think cap %v, tool cap %v", lived.Together, o.tools, o.thinkCap, o.toolCap)
	if o.scale != 1 {
		load += fmt.Sprintf(", tokens x%g", o.scale)
	}
	run := workloads.Run{
		Target: "live", Workload: r.lib.Header.Name, WorkloadDigest: r.lib.Digest, Topology: world, TopologyDigest: worldDigest,
		Policy: o.policy, PolicyDigest: hex.EncodeToString(digest[:]), Load: load, Seed: o.seed, Version: version(), Machine: machine(), Valid: true,
	}
	if bad := lived.Sessions - lived.ByStatus[workloads.StatusOK]; bad > 0 {
		run.Valid = false
		run.Invalid = append(run.Invalid, fmt.Sprintf("%d of %d sessions did not end well", bad, lived.Sessions))
	}
	return run
}

// report shows what was lived, and writes the folder if there is one.
func (r *livedRun) report(lived *actors.Lived, point *reports.Point, stdio Stdio) error {
	report, err := reports.New([]*reports.Point{point}, reports.Options{Policies: []string{r.o.policy}})
	if err != nil {
		return badInput(err)
	}
	if err := report.Summary.WriteText(stdio.Out); err != nil {
		return err
	}
	ends := ""
	for _, status := range statuses(lived) {
		ends += fmt.Sprintf(", %d %s", lived.ByStatus[status], status)
	}
	fmt.Fprintf(stdio.Out, "\n%s, %s, %s in %.2f s: %s steps/s; heap at most %.0f MB%s\n",
		count(lived.Sessions, "session"), count(lived.Steps, "step"), count(lived.Tools, "tool call"), lived.Took.Seconds(),
		thousands(int(lived.StepsPerSecond())), float64(lived.Heap)/1e6, ends)
	if r.o.data != "" {
		fmt.Fprintf(stdio.Out, "Journals: %s (tierlab session list --data %[1]s)\n", r.o.data)
	}
	if r.dir == nil {
		return nil
	}
	if err := report.Write(r.dir.temp); err != nil {
		return err
	}
	if err := r.dir.commit(false); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdio.Out, "Report: %s/report.html\n", r.dir.final)
	return err
}

func statuses(l *actors.Lived) []workloads.Status {
	var list []workloads.Status
	for s := range l.ByStatus {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}
