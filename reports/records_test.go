package reports

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"tierlab/workloads"
)

// bySession writes outcomes as a recorder does: a session's lines together.
type bySession struct {
	t     *testing.T
	out   *workloads.Writer
	steps map[string][]workloads.Outcome
}

func (b *bySession) Step(o *workloads.Outcome) error {
	copied := *o
	copied.Attempts = append([]workloads.Attempt(nil), o.Attempts...)
	b.steps[o.Session] = append(b.steps[o.Session], copied)
	return nil
}

func (b *bySession) Session(o *workloads.Outcome) error {
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	must(b.out.Session(&workloads.Session{ID: o.Session}))
	for _, s := range b.steps[o.Session] {
		must(b.out.Step(&workloads.Step{ID: s.Step, LLM: workloads.LLM{OutputTokens: 1, Context: workloads.Context{Add: 1}}}))
	}
	for i := range b.steps[o.Session] {
		must(b.out.Outcome(&b.steps[o.Session][i]))
	}
	return b.out.Outcome(o)
}

func TestFromRecordsEqualsTheCollector(t *testing.T) {
	objective := Objective{Metric: StepLatency, Percentile: 90, Limit: 5 * time.Second}
	f := fakeRun{policy: fakePolicies[4], seed: 3, replication: 2, count: 80}
	c := NewCollector(objective)
	f.play(t, c)
	want := finish(t, c, f.conditions())

	var file bytes.Buffer
	run := f.conditions().Run
	w := workloads.NewWriter(&file, workloads.Header{Schema: workloads.Schema, Name: "fake", Provenance: workloads.Provenance{Source: "test"}, Run: &run})
	f.play(t, &bySession{t, w, make(map[string][]workloads.Outcome)})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	with := f.conditions()
	with.Run = workloads.Run{}
	got, err := FromRecords(workloads.NewReader(&file, "run.jsonl"), c, with)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("from the records\n%+v\ndirectly\n%+v", got.Totals, want.Totals)
	}
}

func TestFromRecordsRefusesAWorkload(t *testing.T) {
	var file bytes.Buffer
	w := workloads.NewWriter(&file, workloads.Header{Schema: workloads.Schema, Name: "w", Provenance: workloads.Provenance{Source: "test"}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := FromRecords(workloads.NewReader(&file, "w.jsonl"), NewCollector(), Conditions{})
	if err == nil || !strings.Contains(err.Error(), "not the record of a run") {
		t.Errorf("a workload gives %v", err)
	}
}
