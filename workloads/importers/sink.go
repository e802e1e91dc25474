package importers

import (
	"errors"
	"fmt"

	"tierlab/workloads"
)

// errLimit ends an import that has all the sessions asked for.
var errLimit = errors.New("enough sessions")

// sink is where an importer writes to: a workload and its notes.
type sink struct {
	w     *workloads.Writer
	limit int
	block int // tokens, or 0
	stop  func() error
	sum   Summary
	ids   map[string]bool
	kept  map[string]*note
	order []*note
}

type note struct {
	n    int
	text string
}

// count adds n to a note, "N text". A note that counts nothing is not kept.
func (s *sink) count(n int, text string) {
	if n == 0 {
		return
	}
	if s.kept[text] == nil {
		s.kept[text] = &note{text: text}
		s.order = append(s.order, s.kept[text])
	}
	s.kept[text].n += n
}

func (s *sink) notes() []string {
	var out []string
	for _, n := range s.order {
		out = append(out, fmt.Sprintf("%d %s", n.n, n.text))
	}
	return out
}

func (s *sink) prefix(p workloads.Prefix) error {
	s.sum.Prefixes++
	return s.w.Prefix(p)
}

// session writes a session with its steps.
func (s *sink) session(sess *workloads.Session, steps []workloads.Step) error {
	if s.limit > 0 && s.sum.Sessions == s.limit {
		return errLimit
	}
	if s.ids[sess.ID] {
		return fmt.Errorf("session %q: a session of this id was imported before (import the files one by one)", sess.ID)
	}
	s.ids[sess.ID] = true
	if err := s.w.Session(sess); err != nil {
		return fmt.Errorf("session %q: %w", sess.ID, err)
	}
	for i := range steps {
		st := &steps[i]
		if err := s.w.Step(st); err != nil {
			return fmt.Errorf("session %q: %w", sess.ID, err)
		}
		s.sum.Tools += len(st.Tools)
		s.sum.Input += int64(st.LLM.Context.Tokens())
		s.sum.Output += int64(st.LLM.OutputTokens)
	}
	s.sum.Sessions++
	s.sum.Steps += len(steps)
	if s.stop != nil {
		return s.stop()
	}
	return nil
}

// seconds is a time in milliseconds from one in seconds; a negative one is 0.
// What no recording lasts is cut to what the writer refuses.
func seconds(s float64) workloads.Millis {
	return max(0, workloads.Millis(min(s, 1e9)*1e9+0.5))
}

// ptr is a pointer to a time.
func ptr(m workloads.Millis) *workloads.Millis { return &m }
