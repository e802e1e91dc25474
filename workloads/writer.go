package workloads

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
)

// Writer writes a file. It refuses what the reader would refuse; a session as
// a whole is checked, and written, when the next one begins or the writer is
// closed. What is passed to its methods is not kept. The first error stays:
// all later calls return it.
type Writer struct {
	out      *bufio.Writer
	buf      []byte // the pending session's lines
	prefixes Prefixes
	session  *Session
	steps    []Step // of the pending session, as far as its check needs them
	index    map[string]int
	outcomes int
	err      error
}

// NewWriter writes the header to w. An empty schema is filled in. A Writer
// whose header is refused refuses everything.
func NewWriter(w io.Writer, h Header) *Writer {
	if h.Schema == "" {
		h.Schema = Schema
	}
	wr := &Writer{out: bufio.NewWriterSize(w, 1<<16), index: make(map[string]int)}
	if bad := h.check(); bad != nil {
		wr.err = bad.in(KindHeader, "")
		return wr
	}
	wr.line(KindHeader, "", &h)
	wr.flush()
	return wr
}

// Prefix defines a shared prefix, before its first use.
func (w *Writer) Prefix(p Prefix) error {
	if w.err == nil {
		w.err = w.prefixes.Add(p)
	}
	w.line(KindPrefix, p.Name, &p)
	return w.err
}

// Prefixes are those written so far.
func (w *Writer) Prefixes() *Prefixes { return &w.prefixes }

// Session begins a session.
func (w *Writer) Session(s *Session) error {
	w.finish()
	if w.err != nil {
		return w.err
	}
	if bad := s.check(); bad != nil {
		w.err = bad.in(KindSession, s.ID)
		return w.err
	}
	kept := *s
	w.session, w.steps, w.outcomes = &kept, w.steps[:0], 0
	clear(w.index)
	w.line(KindSession, s.ID, s)
	return w.err
}

// Step adds a step to the session.
func (w *Writer) Step(s *Step) error {
	if w.err != nil {
		return w.err
	}
	var bad *Error
	switch {
	case w.session == nil:
		bad = fault("", "a session opens first", "a step outside a session")
	case w.outcomes > 0:
		bad = fault("", "a session's steps stand before its outcomes", "a step behind an outcome")
	default:
		bad = s.check(&w.prefixes)
	}
	if _, dup := w.index[s.ID]; dup && bad == nil {
		bad = fault("id", "each step of a session once", "the session has this step already")
	}
	if bad != nil {
		w.err = bad.in(KindStep, s.ID)
		return w.err
	}
	w.index[s.ID] = len(w.steps)
	kept := Step{ID: s.ID, After: slices.Clone(s.After), LLM: LLM{OutputTokens: s.LLM.OutputTokens, Context: s.LLM.Context}}
	for i := range s.Tools {
		kept.Tools = append(kept.Tools, Tool{Spawn: slices.Clone(s.Tools[i].Spawn)})
	}
	w.steps = append(w.steps, kept)
	w.line(KindStep, s.ID, s)
	return w.err
}

// Outcome adds an outcome of the session or of one of its steps.
func (w *Writer) Outcome(o *Outcome) error {
	if w.err != nil {
		return w.err
	}
	if w.session == nil {
		w.err = fault("", "a session opens first", "an outcome outside a session").in(KindOutcome, o.Step)
		return w.err
	}
	if bad := o.check(w.session.ID, func(id string) bool { _, ok := w.index[id]; return ok }); bad != nil {
		w.err = bad.in(KindOutcome, o.Step)
		return w.err
	}
	w.outcomes++
	w.line(KindOutcome, o.Step, o)
	return w.err
}

// Trace writes a session with its steps and outcomes.
func (w *Writer) Trace(t *Trace) error {
	if err := w.Session(&t.Session); err != nil {
		return err
	}
	for i := range t.Steps {
		if err := w.Step(&t.Steps[i]); err != nil {
			return err
		}
	}
	for i := range t.Outcomes {
		if err := w.Outcome(&t.Outcomes[i]); err != nil {
			return err
		}
	}
	return nil
}

// Close checks and writes the last session. It does not close the underlying
// writer.
func (w *Writer) Close() error {
	w.finish()
	if w.err != nil {
		return w.err
	}
	if err := w.out.Flush(); err != nil {
		w.err = fmt.Errorf("write workload: %w", err)
		return w.err
	}
	w.err = errClosed
	return nil
}

var errClosed = errors.New("workload writer: closed")

// finish checks the pending session as a whole and writes its lines.
func (w *Writer) finish() {
	if w.err != nil {
		return
	}
	if w.session != nil {
		if _, bad := compileChecked(*w.session, w.steps); bad != nil {
			w.err = bad
			return
		}
	}
	w.session = nil
	w.flush()
}

// line appends one record to the pending lines. A prefix may stand between a
// session's lines and is written in its place.
func (w *Writer) line(kind Kind, name string, record any) {
	if w.err != nil {
		return
	}
	before := len(w.buf)
	var bad *Error
	if w.buf, bad = appendRecord(w.buf, kind, reflect.ValueOf(record).Elem()); bad == nil && len(w.buf)-before > MaxLine {
		bad = fault("", fmt.Sprintf("at most %d MiB", MaxLine>>20), "the line is too long")
	}
	if bad != nil {
		w.err = bad.in(kind, name)
	}
}

func (w *Writer) flush() {
	if w.err != nil {
		return
	}
	if _, err := w.out.Write(w.buf); err != nil {
		w.err = fmt.Errorf("write workload: %w", err)
	}
	w.buf = w.buf[:0]
}
