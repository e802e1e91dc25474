package workloads

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// MaxLine is the longest line that the reader accepts, in bytes.
const MaxLine = 64 << 20

// Trace is all that a file holds of one session.
type Trace struct {
	Session  Session
	Steps    []Step
	Outcomes []Outcome
	// Graph is the session compiled; it points into Steps.
	Graph *Graph
	// Line is where the session begins; StepLines and OutcomeLines are where
	// the others stand.
	Line         int
	StepLines    []int
	OutcomeLines []int
}

// Reader reads a file line by line. It holds the session that it reads, the
// prefixes defined so far and the buffer of one line, whatever the file's
// length.
type Reader struct {
	in       *bufio.Reader
	name     string
	line     int
	buf      []byte
	dec      decoder
	header   *Header
	prefixes Prefixes
	pending  *Trace
	steps    map[string]int // of the pending session
	err      error
}

// NewReader reads from r; name stands for the file in errors.
func NewReader(r io.Reader, name string) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 1<<16), name: name}
}

// Header reads the first line. It may be called at any time.
func (r *Reader) Header() (*Header, error) {
	if r.header != nil || r.err != nil {
		return r.header, r.err
	}
	line, err := r.readLine()
	if err == io.EOF {
		err = r.locate(fault("", "a header line first", "the file is empty"))
	}
	if err != nil {
		r.err = err
		return nil, err
	}
	h := &Header{}
	kind, bad := r.dec.decodeKind(line)
	switch {
	case bad != nil:
	case kind != KindHeader:
		bad = fault("kind", "a header line first", "%q", kind)
	default:
		if bad = r.dec.decodeRest(kind, h); bad == nil || h.Schema != "" && h.Schema != Schema {
			// A wrong schema explains every other fault.
			bad = h.check()
		}
		if bad != nil {
			bad.in(kind, "")
		}
	}
	if bad != nil {
		r.err = r.locate(bad)
		return nil, r.err
	}
	r.header = h
	return h, nil
}

// Prefixes are those defined in the lines read so far.
func (r *Reader) Prefixes() *Prefixes { return &r.prefixes }

// Sessions yields the sessions in the order of the file. The first error ends
// it. Each Trace is the caller's to keep. Every call goes on where the last
// one stopped.
func (r *Reader) Sessions() iter.Seq2[*Trace, error] {
	return func(yield func(*Trace, error) bool) {
		for {
			t, err := r.next()
			if err == io.EOF {
				return
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// next reads up to the end of a session; io.EOF says that there is none left.
func (r *Reader) next() (*Trace, error) {
	if _, err := r.Header(); err != nil {
		return nil, err
	}
	for r.err == nil {
		line, err := r.readLine()
		if err == io.EOF {
			r.err = io.EOF
			if r.pending != nil {
				return r.close(nil)
			}
			return nil, io.EOF
		}
		if err != nil {
			r.err = err
			break
		}
		kind, bad := r.dec.decodeKind(line)
		if bad != nil {
			r.err = r.locate(bad)
			break
		}
		if kind == KindSession {
			s := Session{}
			if bad = r.dec.decodeRest(kind, &s); bad == nil {
				bad = s.check()
			}
			if bad != nil {
				r.err = r.locate(bad.in(kind, s.ID))
				break
			}
			opened := &Trace{Session: s, Line: r.line}
			if r.pending != nil {
				return r.close(opened)
			}
			r.open(opened)
			continue
		}
		if bad := r.take(kind); bad != nil {
			r.err = r.locate(bad)
		}
	}
	return nil, r.err
}

// take reads a line that opens no session.
func (r *Reader) take(kind Kind) *Error {
	switch kind {
	case KindHeader:
		return fault("", "only the first line is one", "a second header").in(kind, "")
	case KindPrefix:
		p := Prefix{}
		if err := r.dec.decodeRest(kind, &p); err != nil {
			return err.in(kind, p.Name)
		}
		if err := r.prefixes.Add(p); err != nil {
			return err.(*Error)
		}
		return nil
	case KindStep:
		return r.takeStep()
	default:
		return r.takeOutcome()
	}
}

func (r *Reader) takeStep() *Error {
	s := Step{}
	err := r.dec.decodeRest(KindStep, &s)
	switch {
	case err != nil:
	case r.pending == nil:
		err = fault("", "a session line opens a session", "a step outside a session")
	case len(r.pending.Outcomes) > 0:
		err = fault("", "a session's steps stand before its outcomes", "a step behind an outcome")
	default:
		err = s.check(&r.prefixes)
	}
	if err != nil {
		return err.in(KindStep, s.ID)
	}
	if first, dup := r.steps[s.ID]; dup {
		return fault("id", "each step of a session once", "the session has this step already, in line %d",
			r.pending.StepLines[first]).in(KindStep, s.ID)
	}
	r.steps[s.ID] = len(r.pending.Steps)
	r.pending.Steps = append(r.pending.Steps, s)
	r.pending.StepLines = append(r.pending.StepLines, r.line)
	return nil
}

func (r *Reader) takeOutcome() *Error {
	o := Outcome{}
	err := r.dec.decodeRest(KindOutcome, &o)
	switch {
	case err != nil:
	case r.pending == nil:
		err = fault("", "a session line opens a session", "an outcome outside a session")
	default:
		err = o.check(r.pending.Session.ID, func(id string) bool { _, ok := r.steps[id]; return ok })
	}
	if err != nil {
		return err.in(KindOutcome, o.Step)
	}
	r.pending.Outcomes = append(r.pending.Outcomes, o)
	r.pending.OutcomeLines = append(r.pending.OutcomeLines, r.line)
	return nil
}

func (r *Reader) open(t *Trace) {
	r.pending, r.steps = t, make(map[string]int)
}

// close compiles the pending session and opens the next one, if any.
func (r *Reader) close(next *Trace) (*Trace, error) {
	t := r.pending
	r.pending = nil
	g, bad := compileChecked(t.Session, t.Steps)
	if bad != nil {
		bad.File, bad.Line = r.name, t.Line
		if bad.step >= 0 {
			bad.Line = t.StepLines[bad.step]
		}
		r.err = bad
		return nil, bad
	}
	t.Graph = g
	if next != nil {
		r.open(next)
	}
	return t, nil
}

func (r *Reader) locate(e *Error) *Error {
	e.File, e.Line = r.name, r.line
	return e
}

// readLine reads one line without its end. It is valid until the next call.
func (r *Reader) readLine() ([]byte, error) {
	r.buf = r.buf[:0]
	r.line++
	for {
		part, err := r.in.ReadSlice('\n')
		if len(r.buf) == 0 && err == nil {
			return r.trimmed(part)
		}
		if len(r.buf)+len(part) > MaxLine {
			return nil, r.locate(fault("", fmt.Sprintf("at most %d MiB", MaxLine>>20), "the line is too long"))
		}
		r.buf = append(r.buf, part...)
		switch {
		case err == nil, err == io.EOF && len(r.buf) > 0:
			return r.trimmed(r.buf)
		case err == io.EOF:
			return nil, io.EOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("%s:%d: %w", r.name, r.line, err)
		}
	}
}

func (r *Reader) trimmed(line []byte) ([]byte, error) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return nil, r.locate(fault("", "one JSON object a line", "an empty line"))
	}
	return line, nil
}
