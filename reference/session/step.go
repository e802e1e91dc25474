package session

import (
	"time"

	"tierlab/reference/hub"
)

// stepState is what a life keeps of a step beside the machine.
type stepState struct {
	answer  *hub.Message // the latest
	errors  []string     // of its attempts, by number from 1
	tools   []toolState
	prompt  int // messages in its prompt, in an open session
	begun   bool
	over    bool
	reserve float64 // the latest decision's bound of an attempt's price
	nowhere string  // why the latest decision is one for nowhere
}

// wrong notes what went wrong with an attempt, "" for nothing.
func (st *stepState) wrong(attempt int32, why string) {
	for len(st.errors) < int(attempt) {
		st.errors = append(st.errors, "")
	}
	st.errors[attempt-1] = why
}

// toolState is one tool call.
type toolState struct {
	done    bool
	again   bool // it may have been made before
	began   time.Duration
	asked   bool
	askedAt time.Duration
	verdict *approved
	end     *ran
}

// consented says that a person allowed the call under an epoch in which nobody had
// the session awake.
func (t *toolState) consented(epoch uint64) bool {
	return t.verdict != nil && t.verdict.Epoch > 0 && t.verdict.Epoch == epoch
}

// step is a step's state; the list grows as steps come up.
func (l *life) step(s int32) *stepState {
	for int(s) >= len(l.steps) {
		l.steps = append(l.steps, stepState{})
	}
	return &l.steps[s]
}

func (l *life) tool(s, t int32) *toolState {
	st := l.step(s)
	for int(t) >= len(st.tools) {
		st.tools = append(st.tools, toolState{})
	}
	return &st.tools[t]
}
