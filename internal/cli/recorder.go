package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"tierlab/workloads"
)

// recorder writes a run's record: each session that ends, with the steps of
// its template and what happened to them, so that the record is a workload
// again. It holds the outcomes of the sessions that are under way.
//
// The header stands first and says whether the run is valid, which is known
// last; so the sessions go to a file of their own until close.
type recorder struct {
	path    string
	body    *os.File
	buffer  *bufio.Writer
	out     *workloads.Writer
	lib     *workloads.Library
	byName  map[string]*workloads.Graph
	pending map[string][]workloads.Outcome
	err     error
}

// newRecorder returns a recorder whose first error shows in its methods.
func newRecorder(path string, lib *workloads.Library) *recorder {
	r := &recorder{path: path, lib: lib, byName: map[string]*workloads.Graph{}, pending: map[string][]workloads.Outcome{}}
	if r.err = os.MkdirAll(filepath.Dir(path), 0o755); r.err != nil {
		return r
	}
	if r.body, r.err = os.Create(path + ".body"); r.err != nil {
		return r
	}
	for _, g := range lib.Sessions {
		r.byName[g.Session.ID] = g
	}
	r.buffer = bufio.NewWriterSize(r.body, 1<<16)
	r.out = workloads.NewWriter(r.buffer, lib.Header)
	for _, p := range lib.Prefixes {
		if r.err = r.out.Prefix(p); r.err != nil {
			break
		}
	}
	return r
}

// Step keeps a step's outcome until its session ends.
func (r *recorder) Step(o *workloads.Outcome) error {
	kept := *o
	kept.Attempts = slices.Clone(o.Attempts)
	for i := range kept.Attempts {
		if c := kept.Attempts[i].Correct; c != nil {
			verdict := *c
			kept.Attempts[i].Correct = &verdict
		}
	}
	r.pending[o.Session] = append(r.pending[o.Session], kept)
	return r.err
}

// Session writes a session that has ended.
func (r *recorder) Session(o *workloads.Outcome) error {
	steps := r.pending[o.Session]
	delete(r.pending, o.Session)
	if r.err != nil {
		return r.err
	}
	g, ok := r.byName[o.Template]
	if !ok {
		r.err = fmt.Errorf("record: session %q repeats %q, which the workload does not have", o.Session, o.Template)
		return r.err
	}
	s := g.Session
	arrival := o.Start
	s.ID, s.Arrival = o.Session, &arrival
	if o.Result != nil {
		s.Origin = o.Result.Origin
	}
	r.err = r.write(&s, g, steps, o)
	return r.err
}

func (r *recorder) write(s *workloads.Session, g *workloads.Graph, steps []workloads.Outcome, o *workloads.Outcome) error {
	if err := r.out.Session(s); err != nil {
		return err
	}
	for i := range g.Steps {
		if err := r.out.Step(g.Steps[i].Step); err != nil {
			return err
		}
	}
	for i := range steps {
		if err := r.out.Outcome(&steps[i]); err != nil {
			return err
		}
	}
	return r.out.Outcome(o)
}

// close writes the record: a header that describes the run, then the sessions.
func (r *recorder) close(run workloads.Run) error {
	defer r.drop()
	if r.err != nil {
		return r.err
	}
	if err := r.out.Close(); err != nil {
		return err
	}
	if err := r.buffer.Flush(); err != nil {
		return err
	}
	if _, err := r.body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	body := bufio.NewReaderSize(r.body, 1<<16)
	if _, err := body.ReadBytes('\n'); err != nil {
		return err
	}
	header := r.lib.Header
	header.Run = &run
	return writeOutput(r.path, Stdio{}, func(w io.Writer) error {
		if err := workloads.NewWriter(w, header).Close(); err != nil {
			return err
		}
		_, err := io.Copy(w, body)
		return err
	})
}

// drop closes and removes the sessions' own file.
func (r *recorder) drop() {
	if r.body != nil {
		r.body.Close()
		os.Remove(r.body.Name())
		r.body = nil
	}
}
