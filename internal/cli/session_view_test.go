package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
	"tierlab/reference/session"
	"tierlab/workloads"
)

// atNoon is when the sessions of these tests begin.
func atNoon() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

func inMillis(ms int) workloads.Millis {
	return workloads.Millis(time.Duration(ms) * time.Millisecond)
}

// eventful is a session in which all happens that can be shown: a retry, a
// hedge, a failure whose cause lies before it, approvals, and hostile texts.
func eventful() *session.View {
	ok := func(site, tier, model string, sent, done int) workloads.Attempt {
		return workloads.Attempt{Site: site, Tier: tier, Model: model, Reason: "in turn", Status: workloads.StatusOK,
			Sent: inMillis(sent), Done: inMillis(done), Input: 900, Output: 60, USD: 0.000125}
	}
	rejected := ok("metro-berlin", "metro", "llama-3.1-8b", 0, 3)
	rejected.Status, rejected.USD = workloads.StatusRejected, 0
	hedge := ok("central-us-east", "central", "frontier", 1200, 2710)
	hedge.Hedge, hedge.Reason = true, "late"
	step := func(n int, answer string, attempts ...workloads.Attempt) session.StepView {
		return session.StepView{Number: n, Answer: &hub.Message{Role: "assistant", Content: answer},
			Outcome: workloads.Outcome{Status: workloads.StatusOK, Attempts: attempts}}
	}
	first := step(1, "I keep the rate.\x1b[31m", rejected, ok("regional-frankfurt", "regional", "llama-3.1-70b", 503, 611))
	first.Errors = []string{"HTTP 429: the queue is full", ""}
	first.Tools = []session.ToolView{{Name: "run_code", Arguments: json.RawMessage(`{"language":"javascript","source":"const rate = \"1,17\";\nhost.kv_set({key: \"rates/GBP\", value: rate});\n"}`),
		Result: json.RawMessage(`{"output":"","value":null}`), Status: workloads.StatusOK, Took: 2100 * time.Microsecond, Writes: []string{"kv/rates/GBP", "quota/state"},
		Verdict: &session.Verdict{OK: true, By: "ann", Why: "it only keeps"}}}
	second := step(2, "", hedge)
	second.Answer.Calls = []hub.ToolCall{{Name: "run_code"}, {Name: "pay"}}
	second.Tools = []session.ToolView{
		{Name: "run_code", Arguments: json.RawMessage(`{"source":"host.kv_get({key: 'rates/GBP'})"}`), Result: json.RawMessage(`{"error":"the sum is NaN","fault":"thrown"}`),
			Status: workloads.StatusError, Took: 91 * time.Second},
		{Name: "pay", Arguments: json.RawMessage(`{"usd": 5}`), USD: 0.01, Took: 40 * time.Microsecond, Status: workloads.StatusOK, Result: json.RawMessage(`{"paid":true,"text":"` + "a long text that goes on and on, far beyond what a line has room for" + `"}`)},
	}
	return &session.View{
		Spec: session.Spec{ID: "s1", Tenant: "acme", Task: "Add up\nthe invoices.", Budget: &workloads.Budget{USD: 1.5, Steps: 20, Deadline: inMillis(90000)},
			Branch: &session.Origin{Session: "s0", Step: 2, Record: 14},
			Labels: map[string]string{labelModel: "script:failure", labelTopology: "tiny", labelPolicy: "round-robin:near=1"}},
		Record: 23, Epoch: 2, Begun: atNoon(), Waiting: "step 3: a person, to approve mail", Digest: 0x1234abcd, USD: 0.01025, Tokens: 2880,
		Steps: []session.StepView{first, second},
		State: map[string][]byte{"kv/rates/GBP": []byte(`"1,17"`), "quota/state": []byte("19")},
		Messages: []hub.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Add up\nthe invoices."},
			{Role: "assistant", Content: "I keep the rate.", Calls: []hub.ToolCall{{ID: "c", Name: "run_code", Arguments: `{"source":"1"}`}}},
			{Role: "tool", CallID: "c", Content: `{"value":null}`}, {Role: "user", Name: "s7", Content: "hurry\x1b]0;"}},
		Pending: []session.Approval{{Step: 3, Tool: 1, Name: "mail", Arguments: json.RawMessage(`{"to":"orion"}`)}},
	}
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	file = "testdata/" + file
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: printed\n%s\nwant\n%s", file, got, want)
	}
}

func TestShownSession(t *testing.T) {
	var b bytes.Buffer
	for _, p := range []viewWriter{{most: 2 * shortText}, {most: 1 << 30, step: 1}} {
		p.w = &b
		p.write(eventful())
		b.WriteString("=====\n")
	}
	writeMoment(&b, eventful(), 2, 4*shortText)
	golden(t, "session_show.txt", b.Bytes())
}

// TestLiveLines: the lines of a session at work are those of its timeline.
func TestLiveLines(t *testing.T) {
	var b bytes.Buffer
	l := newAgentLines(&b, false)
	v := eventful()
	for i := range v.Steps {
		s := &v.Steps[i]
		for k := range s.Outcome.Attempts {
			a := &s.Outcome.Attempts[k]
			n := session.Notice{Kind: session.Called, Step: s.Number, Attempt: a}
			if a.Status == workloads.StatusOK {
				n.Answer = s.Answer
			}
			l.notice(n)
		}
		for k := range s.Tools {
			l.notice(session.Notice{Kind: session.ToolRan, Step: s.Number, Tool: &s.Tools[k]})
		}
	}
	l.notice(session.Notice{Kind: session.Asked, Step: 3, Ask: &v.Pending[0]})
	l.notice(session.Notice{Kind: session.Said, Text: "hurry\x1b[2J"})
	l.notice(session.Notice{Kind: session.StepEnded, Step: 3, Outcome: &workloads.Outcome{Status: workloads.StatusBudget}})
	golden(t, "agent_lines.txt", b.Bytes())
	if ask := <-l.asked; ask.Name != "mail" {
		t.Errorf("asked for %+v", ask)
	}
	newAgentLines(&b, true).notice(session.Notice{Kind: session.Said, Text: "x"}) // quiet: nothing, not even a panic
}

func TestListedSessions(t *testing.T) {
	store, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, now := context.Background(), atNoon()
	for name, s := range map[string]session.Summary{
		"s1":                 {Begun: now.Add(-3 * time.Second), Task: "first", Steps: 2, Status: workloads.StatusOK},
		"s2":                 {Begun: now.Add(-100 * time.Hour), Task: "second\x1b[31m", Steps: 20, USD: 0.019649, Status: workloads.StatusKilled},
		"s2-b1":              {Begun: now.Add(-90 * time.Minute), Task: "second", Steps: 3, USD: 0.0000001, Parent: "s2", Waiting: "step 4: a person, to approve run_code"},
		ledger.SwitchSession: {Begun: now},
	} {
		head, err := store.Own(ctx, name, "test", true)
		if err != nil {
			t.Fatal(err)
		}
		summary, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Append(ctx, &journal.Batch{Session: name, Epoch: head.Epoch, Summary: summary,
			Records: []journal.Entry{{At: s.Begun, Kind: "created", Body: []byte("{}")}}}); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := listSessions(ctx, store, Stdio{Out: &b, Err: &b}, now); err != nil {
		t.Fatal(err)
	}
	golden(t, "session_list.txt", b.Bytes())
}

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{dollars(0), "$0"}, {dollars(1e-9), "<$0.000001"}, {dollars(0.1), "$0.1"}, {dollars(12), "$12"}, {dollars(0.000125), "$0.000125"},
		{lasted(0), "0 ms"}, {lasted(time.Microsecond), "<0.1 ms"}, {lasted(2100 * time.Microsecond), "2.1 ms"}, {lasted(300 * time.Millisecond), "300 ms"},
		{lasted(1234 * time.Millisecond), "1.23 s"}, {lasted(12340 * time.Millisecond), "12.3 s"}, {lasted(91 * time.Second), "91.0 s"}, {lasted(166 * time.Second), "2m46s"},
		{lasted(-time.Second), "-1.00 s"},
		{ago(0), "now"}, {ago(59 * time.Second), "59s"}, {ago(119 * time.Minute), "1h"}, {ago(49 * time.Hour), "2d"},
		{oneLine("a\n b\x00", 10), "a b\u2400"}, {oneLine("0123456789", 4), "0123..."},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestStepNowhere: the rule for which a step had no site is told.
func TestStepNowhere(t *testing.T) {
	if got := stepEnd(3, workloads.StatusNoSite, "rule: context\x1b[2J length"); !strings.Contains(got, "the step ended: no_site, no site for it (rule: context␛[2J length)") {
		t.Errorf("%q", got)
	}
	if got := stepEnd(3, workloads.StatusBudget, ""); !strings.HasSuffix(got, "the step ended: budget") {
		t.Errorf("%q", got)
	}
}

// TestSpentLimit: of a budget's limits the one that ended the session is named.
func TestSpentLimit(t *testing.T) {
	one := []workloads.Attempt{{Status: workloads.StatusOK}}
	for _, c := range []struct {
		budget workloads.Budget
		end    time.Duration
		want   string
	}{
		{workloads.Budget{Deadline: workloads.Millis(time.Second)}, time.Second, "ended: budget, its deadline of 1.00 s has passed"},
		{workloads.Budget{Deadline: workloads.Millis(time.Minute), Steps: 1}, time.Second, "ended: budget, it has used its 1 step"},
		{workloads.Budget{Tokens: 10}, time.Second, "ended: budget, it has used its 10 tokens"},
		{workloads.Budget{USD: 1}, time.Second, "ended: budget"},
	} {
		v := &session.View{Status: workloads.StatusBudget, Tokens: 12, Spec: session.Spec{Budget: &c.budget}, Steps: []session.StepView{
			{Outcome: workloads.Outcome{Attempts: one}},
			{Outcome: workloads.Outcome{End: workloads.Millis(c.end)}},
		}}
		if got := stands(v); got != c.want {
			t.Errorf("%+v: %q, want %q", c.budget, got, c.want)
		}
	}
}
