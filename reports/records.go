package reports

import (
	"errors"
	"fmt"

	"tierlab/workloads"
)

// FromRecords builds the point of the replication that a file records. What
// the records do not hold, the window and the tiers' usage, comes from with;
// its Run is the file's. The point equals the one that the collector made while
// the replication ran, whatever the order of sessions in the file.
func FromRecords(r *workloads.Reader, c *Collector, with Conditions) (*Point, error) {
	h, err := r.Header()
	if err != nil {
		return nil, err
	}
	if h.Run == nil {
		return nil, errors.New("the file is a workload, not the record of a run: its header has no \"run\"")
	}
	with.Run = *h.Run
	for t, err := range r.Sessions() {
		if err != nil {
			return nil, err
		}
		for i := range t.Outcomes {
			o := &t.Outcomes[i]
			take := c.Session
			if o.Step != "" {
				take = c.Step
			}
			if err := take(o); err != nil {
				return nil, fmt.Errorf("line %d: %w", t.OutcomeLines[i], err)
			}
		}
	}
	return c.Finish(with)
}
