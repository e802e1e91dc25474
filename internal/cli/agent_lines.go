package cli

import (
	"fmt"
	"io"
	"strconv"
	"sync"

	"tierlab/reference/session"
	"tierlab/workloads"
)

// agentLines shows a session's steps as they happen, each in a line that stays:
// what was shown is the same on a terminal and in a log.
type agentLines struct {
	mu     sync.Mutex
	w      io.Writer // nil: nothing is shown
	headed bool
	asked  chan session.Approval // those that a person has to answer
}

func newAgentLines(w io.Writer, quiet bool) *agentLines {
	l := &agentLines{w: w, asked: make(chan session.Approval, 64)}
	if quiet {
		l.w = nil
	}
	return l
}

// say writes a line.
func (l *agentLines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w != nil {
		fmt.Fprintf(l.w, format+"\n", args...)
	}
}

// row writes a line of the timeline, under its head.
func (l *agentLines) row(row string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil {
		return
	}
	if !l.headed {
		l.headed = true
		fmt.Fprintln(l.w, stepHead())
	}
	fmt.Fprintln(l.w, row)
}

// notice shows what happened.
func (l *agentLines) notice(n session.Notice) {
	switch n.Kind {
	case session.Called:
		if n.Attempt != nil {
			l.row(attemptRow(n.Step, n.Attempt, n.Answer, n.Text))
		}
	case session.ToolRan:
		l.row(toolRow(n.Step, n.Tool))
	case session.Asked:
		l.row(stepRow(true, strconv.Itoa(n.Step), "  "+n.Ask.Name, "", "", "", "waits for a person: "+oneJSON(n.Ask.Arguments, shortText)))
		select {
		case l.asked <- *n.Ask:
		default: // so many open questions are answered by tierlab session approve
		}
	case session.Said:
		l.row(stepRow(false, "", "  message", "", "", "", oneLine(n.Text, 2*shortText)))
	case session.StepEnded:
		if n.Outcome != nil && n.Outcome.Status != workloads.StatusOK {
			l.row(stepEnd(n.Step, n.Outcome.Status, n.Text))
		}
	}
}
