package session

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tierlab/reference/hub"
	"tierlab/reference/tools"
	"tierlab/workloads"
)

// TestBoundTools: a session with rules for its data cannot be given a tool that
// carries data elsewhere, and its calls say that they are bound.
func TestBoundTools(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: turns(call(`tells {}`), say("over"))}, nil)
	bounds := func(_ context.Context, c *tools.Call) (tools.Result, error) {
		return tools.Result{Content: json.RawMessage(fmt.Sprint(c.Bound))}, nil
	}
	st.tools.byID["tells"] = &tools.Tool{Name: "tells", Input: json.RawMessage(`{"type":"object"}`), Run: bounds}
	st.tools.byID["posts"] = &tools.Tool{Name: "posts", Input: json.RawMessage(`{"type":"object"}`), Outward: true, Run: bounds}
	for i, c := range []struct {
		data  *workloads.DataRules
		bound bool
	}{
		{nil, false}, {&workloads.DataRules{}, false}, {&workloads.DataRules{PII: true}, true}, {&workloads.DataRules{Residency: []string{tiny().Sites[0].Region}}, true},
	} {
		spec := Spec{ID: fmt.Sprintf("s%d", i), Task: "tell", Data: c.data, Tools: []string{"tells", "posts"}}
		if c.bound {
			if err := st.Create(soon(t), spec); err == nil || !strings.Contains(err.Error(), `tool "posts" carries`) {
				t.Errorf("%+v: created with a tool that carries data elsewhere: %v", c.data, err)
			}
			spec.Tools = spec.Tools[:1]
		}
		v := st.must(t, spec)
		if got := string(v.Steps[0].Tools[0].Result); got != fmt.Sprint(c.bound) {
			t.Errorf("%+v: its call says that it is bound: %s", c.data, got)
		}
	}
}

// TestBoundMessages: a private session's message is refused by one that is not.
func TestBoundMessages(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: func(session string, step int) hub.Message {
		switch {
		case session == "a" && step == 0:
			return call(`send_message {"to":"private","text":"a name"}`, `send_message {"to":"open","text":"a name"}`)
		case session == "a" && step == 1:
			return call(`wait_message {"timeout_seconds":0.1}`)
		case session == "a" && step == 2:
			return call(`echo 1`)
		case session != "a" && step == 0:
			return call(`wait_message {"timeout_seconds":3}`)
		}
		return say("over")
	}}, nil)
	rules := &workloads.DataRules{PII: true}
	list := []string{SendMessage, WaitMessage, "echo"}
	for _, spec := range []Spec{{ID: "private", Task: "listen", Tools: list, Data: rules}, {ID: "open", Task: "listen", Tools: list}} {
		if err := st.Create(soon(t), spec); err != nil {
			t.Fatal(err)
		}
	}
	a := st.must(t, Spec{ID: "a", Task: "speak", Tools: list, Data: rules})
	refused := false
	for _, m := range a.Messages {
		refused = refused || strings.Contains(m.Content, "those of this session are not as strict")
	}
	if !refused {
		t.Errorf("the refusal was not told: %v", a.Messages)
	}
	private, err := st.Wait(soon(t), "private")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(private.Steps[0].Tools[0].Result); got != `{"from":"a","text":"a name"}` {
		t.Errorf("the private session heard %s", got)
	}
	if err := st.Say(soon(t), "open", "go on"); err != nil {
		t.Fatal(err)
	}
	open, err := st.Wait(soon(t), "open")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(open.Steps[0].Tools[0].Result); strings.Contains(got, "a name") {
		t.Errorf("the open session heard %s", got)
	}
}

func TestKeeps(t *testing.T) {
	pii := &workloads.DataRules{PII: true}
	in := func(regions ...string) *workloads.DataRules { return &workloads.DataRules{Residency: regions} }
	for _, c := range []struct {
		from, to *workloads.DataRules
		origin   string // the receiver's; the sender's is "x"
		keeps    bool
	}{
		{nil, nil, "y", true}, {nil, pii, "y", true}, {pii, nil, "x", false}, {pii, in("eu"), "x", false},
		{pii, pii, "x", true}, {pii, pii, "y", false}, {in("eu"), pii, "x", true}, {in("eu"), pii, "y", false},
		{in("eu"), nil, "x", false}, {in("eu", "us"), in("us"), "y", true}, {in("eu"), in("eu", "us"), "x", false},
	} {
		to := created{Spec: Spec{Data: c.to}, Origin: c.origin}
		if got := keeps(&to, &letter{Data: c.from, Origin: "x"}); got != c.keeps {
			t.Errorf("from %+v to %+v of %s: %v", c.from, c.to, c.origin, got)
		}
	}
}
