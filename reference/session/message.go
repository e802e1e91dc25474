package session

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/tools"
	"tierlab/workloads"
)

// The tools by which sessions speak to each other. A session that may call
// WaitMessage gets messages when it asks for them; one that may not finds them
// before its next step.
const (
	SendMessage = "send_message"
	WaitMessage = "wait_message"
)

// maxWait bounds a wait for a message.
const maxWait = 24 * time.Hour

// MessageTools are SendMessage and WaitMessage, for a registry. A session's
// runtime answers WaitMessage itself.
func MessageTools() []tools.Tool {
	return []tools.Tool{
		{
			Name: SendMessage, Description: "Send a text to another session. It is delivered once, also if that session sleeps.",
			Input: json.RawMessage(`{"type":"object","properties":{` +
				`"to":{"type":"string","description":"the session's name"},"text":{"type":"string"}},` +
				`"required":["to","text"],"additionalProperties":false}`),
			Repeat: tools.Pure, Run: sendMessage,
		},
		{
			Name: WaitMessage, Description: "Wait for the next message from another session or a person, and read it.",
			Input: json.RawMessage(`{"type":"object","properties":{` +
				`"timeout_seconds":{"type":"number","minimum":0}},"additionalProperties":false}`),
			Repeat: tools.Pure, Run: func(context.Context, *tools.Call) (tools.Result, error) {
				return tools.Result{}, fmt.Errorf("%s is answered by a session's runtime", WaitMessage)
			},
		},
	}
}

func sendMessage(_ context.Context, c *tools.Call) (tools.Result, error) {
	var args struct{ To, Text string }
	if err := json.Unmarshal(c.Arguments, &args); err != nil {
		return tools.Result{}, err
	}
	if err := journal.CheckSession(args.To); err != nil {
		return tools.Result{}, err
	}
	return tools.Result{Content: json.RawMessage(`{"sent":true}`), Sends: []tools.Send{{To: args.To, Text: args.Text}}}, nil
}

// letter is the body of a journal.Message. With the text go the sender's rules
// for its data, and the origin whose device private data stays on.
type letter struct {
	Text   string               `json:"text"`
	Data   *workloads.DataRules `json:"data,omitempty"`
	Origin string               `json:"origin,omitempty"`
}

// waitMessage answers a call of WaitMessage when there is a message.
func (a *actor) waitMessage(id toolID) {
	var args struct {
		Seconds float64 `json:"timeout_seconds"`
	}
	if text := a.life.step(id.step).answer.Calls[id.tool].Arguments; text != "" {
		if err := json.Unmarshal([]byte(text), &args); err != nil || args.Seconds < 0 {
			a.toolEnds(id, toolEnd{status: workloads.StatusError, failure: `the arguments must be {"timeout_seconds": a number from 0}`})
			return
		}
	}
	a.waits = append(a.waits, id)
	if a.hand(); args.Seconds <= 0 {
		return
	}
	limit := min(time.Duration(args.Seconds*float64(time.Second)), maxWait)
	a.own = append(a.own, later{a.life.tool(id.step, id.tool).began + limit, func() {
		for i, w := range a.waits {
			if w == id {
				a.waits = append(a.waits[:i], a.waits[i+1:]...)
				a.toolEnds(id, toolEnd{status: workloads.StatusTimeout, failure: "no message has come"})
				return
			}
		}
	}})
}

// hand gives messages to the calls that wait for them.
func (a *actor) hand() {
	for len(a.waits) > 0 && len(a.life.inbox) > 0 && !a.gone {
		id, m := a.waits[0], a.life.inbox[0]
		if a.life.find(agent.RunTool, id.step, 0, id.tool) < 0 {
			a.waits = a.waits[1:]
			continue
		}
		a.waits = a.waits[1:]
		from := m.From
		if from == "" {
			from = "person"
		}
		content, _ := json.Marshal(map[string]string{"from": from, "text": m.Text})
		a.toolEnds(id, toolEnd{result: tools.Result{Content: content}, had: &had{m.From, m.ID}})
		a.countInbox()
	}
}

// say takes in what a person says.
func (a *actor) say(text string) {
	a.log(&said{Text: text})
	a.noticeSaid(text)
	a.hand()
}

// receive takes in another session's message, and says why not if it does not.
func (a *actor) receive(m *journal.Message) (refusal string) {
	l := &a.life
	if m.ID <= l.high[m.From] {
		return "" // it has been had
	}
	var body letter
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return "it cannot be read"
	}
	own := 0
	for i := range l.inbox {
		if l.inbox[i].From == m.From {
			own++
		}
	}
	limits := &a.rt.cfg.Inbox
	switch {
	case !keeps(&l.created, &body):
		return "rules hold for where your data may go, and those of this session are not as strict"
	case len(body.Text) > limits.Bytes:
		return fmt.Sprintf("it has %d bytes, more than %d", len(body.Text), limits.Bytes)
	case own >= limits.Sender:
		return fmt.Sprintf("%d messages of yours have not been read", own)
	case len(l.inbox) >= limits.Messages:
		return fmt.Sprintf("%d messages have not been read", len(l.inbox))
	}
	a.log(&received{From: m.From, ID: m.ID, Text: body.Text})
	a.batch.Puts = append(a.batch.Puts, journal.Put{Key: hadKey(m.From), Value: []byte(fmt.Sprint(m.ID))})
	a.countInbox()
	a.noticeSaid(body.Text)
	a.hand()
	return ""
}

// hadKey holds the last message that a session has had from a sender, for the
// sender's owner to see.
func hadKey(from string) string { return ownKeys + "had/" + from }

// inboxKey holds how many messages wait for the session.
const inboxKey = ownKeys + "inbox"

func (a *actor) countInbox() {
	a.batch.Puts = append(a.batch.Puts, journal.Put{Key: inboxKey, Value: []byte(fmt.Sprint(len(a.life.inbox)))})
}
