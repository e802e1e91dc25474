package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"tierlab/reference/session"
)

// teller sends a child's notices to the parent over one request.
type teller struct {
	lines chan notice
	done  chan struct{}
}

func newTeller(address string) *teller {
	t := &teller{lines: make(chan notice, 4096), done: make(chan struct{})}
	r, w := io.Pipe()
	go func() {
		defer close(t.done)
		resp, err := http.Post("http://"+address+"/notices", "application/jsonl", r)
		if err != nil {
			r.CloseWithError(err)
			return
		}
		resp.Body.Close()
	}()
	go func() {
		e := json.NewEncoder(w)
		for n := range t.lines {
			if e.Encode(n) != nil {
				break
			}
		}
		w.Close()
		for range t.lines {
			continue
		}
	}()
	return t
}

func (t *teller) tell(n session.Notice) {
	for _, fact := range facts(n) {
		t.lines <- notice{n.Session, fact}
	}
}

func (t *teller) close() {
	close(t.lines)
	<-t.done
}

// facts are what a notice says has happened.
func facts(n session.Notice) []string {
	switch {
	case n.Kind == session.Called && n.Answer != nil:
		return []string{answerFact(n.Answer.Content)}
	case n.Kind == session.ToolRan && n.Tool != nil:
		return []string{toolFact(n.Step, n.Tool)}
	case n.Kind == session.Ended && n.Outcome != nil:
		return []string{"ended " + string(n.Outcome.Status)}
	}
	return nil
}

func answerFact(content string) string { return "answer " + content }

func toolFact(step int, t *session.ToolView) string {
	return fmt.Sprintf("step %d: %s(%s) = %s", step, t.Name, t.Arguments, t.Result)
}
