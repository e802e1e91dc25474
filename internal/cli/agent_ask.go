package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"tierlab/reference/session"
)

// errUnanswered says that a call waits for a person and that none is here.
var errUnanswered = errors.New("a call waits for a person")

// answerAsked answers the calls that wait for a person, as --approve says.
func (a *liveAgent) answerAsked(ctx context.Context, stop context.CancelCauseFunc) {
	in := bufio.NewReader(a.stdio.In)
	for {
		select {
		case <-ctx.Done():
			return
		case ask := <-a.lines.asked:
			if !a.answerOne(ctx, in, &ask) {
				stop(errUnanswered)
				return
			}
		}
	}
}

// answerOne says whether a call got its answer.
func (a *liveAgent) answerOne(ctx context.Context, in *bufio.Reader, ask *session.Approval) bool {
	ok, by, why := true, "--approve all", ""
	switch a.o.approve {
	case approveNone:
		return false
	case approveAsk:
		var answered bool
		if ok, why, answered = a.askPerson(in, ask); !answered {
			return false
		}
		by = personName()
	}
	if err := a.rt.Approve(ctx, a.spec.ID, ask.Step, ask.Tool, ok, by, why); err != nil && ctx.Err() == nil {
		a.lines.say("tierlab: %v", err)
	}
	return true
}

// askPerson asks on the terminal. Any answer but y or yes is a no, and said to
// the model as the reason; the end of the input is no answer.
func (a *liveAgent) askPerson(in *bufio.Reader, ask *session.Approval) (ok bool, why string, answered bool) {
	p := viewWriter{w: a.stdio.Err, most: 1 << 30}
	p.asked(&session.ToolView{Arguments: ask.Arguments})
	fmt.Fprintf(a.stdio.Err, "may %s of step %d run with these arguments? [y/N, or why not] ", ask.Name, ask.Step)
	text, err := in.ReadString('\n')
	if f, typed := a.stdio.In.(*os.File); !typed || !isTerminal(f) {
		fmt.Fprintln(a.stdio.Err) // nobody has seen a line's end
	}
	text = strings.TrimSpace(text)
	if err != nil && text == "" {
		return false, "", false
	}
	switch strings.ToLower(text) {
	case "y", "yes":
		return true, "", true
	case "n", "no":
		text = ""
	}
	return false, text, true
}

// personName is who answers, for the journal.
func personName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "person"
}
