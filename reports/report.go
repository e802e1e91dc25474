package reports

import (
	"encoding/json"
	"fmt"
	"io"
)

// Report is a summary with what its figures and histograms need.
type Report struct {
	Summary *Summary
	study   *study
}

// New sums up the points of all policies and replications. The order of points
// does not matter.
func New(points []*Point, o Options) (*Report, error) {
	s, err := arrange(points, o)
	if err != nil {
		return nil, err
	}
	sum, err := s.summarize(o)
	if err != nil {
		return nil, err
	}
	return &Report{Summary: sum, study: s}, nil
}

// ReadSummary reads a summary.json.
func ReadSummary(r io.Reader) (*Summary, error) {
	var s Summary
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return nil, fmt.Errorf("summary: %w", err)
	}
	if s.Schema != SummarySchema {
		return nil, fmt.Errorf("summary: its schema is %q, this program reads %s", s.Schema, SummarySchema)
	}
	return &s, nil
}
