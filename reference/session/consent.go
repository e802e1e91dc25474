package session

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
)

// Consent is what a person says of a tool call that waits for approval, of a
// session that is at work nowhere. Step and Tool count from 1.
type Consent struct {
	Session    string
	Step, Tool int
	OK         bool
	By, Why    string
}

// Answer writes a consent into a session's journal, without a Runtime: nothing
// is called, and the session goes on from there when it is woken next. Whoever
// has the session awake is fenced; its Runtime's Approve is for then.
func Answer(ctx context.Context, store journal.Store, owner string, c Consent, now time.Time) error {
	if c.By == "" {
		return fmt.Errorf("session %q: an approval needs the name of who gives it", c.Session)
	}
	var l life
	if err := l.replay(ctx, store, c.Session, To{}); err != nil {
		return err
	}
	step, tool := int32(c.Step-1), int32(c.Tool-1)
	switch {
	case l.over:
		return &EndedError{c.Session, l.status}
	case step < 0 || tool < 0 || l.find(agent.RunTool, step, 0, tool) < 0 || !l.tool(step, tool).asked || l.tool(step, tool).verdict != nil:
		return fmt.Errorf("session %q: tool call %d of step %d does not wait for a person", c.Session, c.Tool, c.Step)
	}
	head, err := store.Own(ctx, c.Session, owner, false)
	if err != nil {
		return err
	}
	b := journal.Batch{Session: c.Session, Epoch: head.Epoch, After: l.seq}
	at := max(l.now, now.Sub(l.begun))
	list := []record{&approved{Step: step, Tool: tool, OK: c.OK, By: c.By, Why: c.Why, Epoch: head.Epoch}}
	// What a process that has crashed had begun beside stays begun.
	if l.quiet+1 == head.Epoch || summaryOf(&head).Asleep {
		list = append(list, &moved{Epoch: head.Epoch})
	}
	for _, r := range list {
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		b.Records = append(b.Records, journal.Entry{At: l.begun.Add(at), Kind: r.kind(), Body: body})
		l.take(l.seq+1, at, r)
	}
	if l.err != nil {
		return l.err
	}
	summary := summaryOf(&head)
	summary.Waiting, summary.Asleep = l.waiting(), false
	if b.Summary, err = json.Marshal(&summary); err != nil {
		return err
	}
	_, err = store.Append(ctx, &b)
	return err
}
