package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tierlab/reference/session"
	"tierlab/workloads"
)

// viewWriter writes a session as its journal has it.
type viewWriter struct {
	w    io.Writer
	most int // characters of a text
	step int // only this step, from 1; 0: all
}

func (p *viewWriter) line(format string, args ...any) {
	fmt.Fprintf(p.w, format+"\n", args...)
}

// write is the whole of it.
func (p *viewWriter) write(v *session.View) {
	if p.step == 0 {
		p.head(v)
		p.line("")
	}
	p.line("%s", stepHead())
	for i := range v.Steps {
		if p.step == 0 || v.Steps[i].Number == p.step {
			p.writeStep(v, &v.Steps[i])
		}
	}
	if p.step != 0 {
		return
	}
	for i := range v.Pending {
		p.pending(v, &v.Pending[i])
	}
	if v.Answer != "" {
		p.line("\nanswer    %s", oneLine(v.Answer, p.most))
	}
}

// head says what the session is, how it stands and what it cost.
func (p *viewWriter) head(v *session.View) {
	t := &table{}
	t.row("session", v.Spec.ID+": "+stands(v))
	t.row("task", oneLine(taskOf(&v.Spec), p.most))
	if b := v.Spec.Branch; b != nil {
		t.row("branch", fmt.Sprintf("of %s: its own from step %d (record %d) on", b.Session, b.Step, b.Record))
	}
	t.row("begun", v.Begun.UTC().Format(time.DateTime)+" UTC")
	t.row("model", runsOn(&v.Spec))
	if v.Spec.Tenant != "" {
		t.row("tenant", v.Spec.Tenant)
	}
	if b := v.Spec.Budget; b != nil {
		t.row("budget", budgetText(b))
	}
	t.row("cost", fmt.Sprintf("%s, %s in %s with %s", dollars(v.USD), count(v.Tokens, "token"), count(len(v.Steps), "step"), count(toolCalls(v), "tool call")))
	t.row("journal", fmt.Sprintf("%s, owner epoch %d, machine %016x", count(int(v.Record), "record"), v.Epoch, v.Digest))
	if keys := toolKeys(slices.Sorted(maps.Keys(v.State))); len(keys) > 0 {
		t.row("state", oneLine(strings.Join(keys, ", "), p.most))
	}
	p.line("%s", t.String())
}

// stands is a session's status in words.
func stands(v *session.View) string {
	switch {
	case v.Status == workloads.StatusOK:
		return "ended well"
	case v.Status == workloads.StatusBudget && spentLimit(v) != "":
		return "ended: budget, " + spentLimit(v)
	case v.Status != "":
		return "ended: " + string(v.Status)
	case v.Waiting != "":
		return "waits for " + v.Waiting
	}
	return "has not ended"
}

// spentLimit is the limit of its own that a session has come to, "" where none
// is used up.
func spentLimit(v *session.View) string {
	b := v.Spec.Budget
	if b == nil || len(v.Steps) == 0 {
		return ""
	}
	last := &v.Steps[len(v.Steps)-1].Outcome
	done := len(v.Steps)
	if len(last.Attempts) == 0 {
		done--
	}
	switch {
	case b.Deadline > 0 && last.End >= b.Deadline:
		return "its deadline of " + lasted(b.Deadline.D()) + " has passed"
	case b.Steps > 0 && done >= b.Steps:
		return "it has used its " + count(b.Steps, "step")
	case b.Tokens > 0 && v.Tokens >= b.Tokens:
		return "it has used its " + count(b.Tokens, "token")
	}
	return ""
}

func taskOf(s *session.Spec) string {
	if s.Recorded != nil {
		return fmt.Sprintf("a recording of %s", count(len(s.Recorded.Steps), "step"))
	}
	return s.Task
}

// runsOn are the labels that agent run has set at the session's begin.
func runsOn(s *session.Spec) string {
	var parts []string
	for _, label := range []string{labelModel, labelTopology, labelPolicy} {
		if text := s.Labels[label]; text != "" {
			if label != labelModel {
				text = label + " " + text
			}
			parts = append(parts, oneLine(text, shortText))
		}
	}
	if len(parts) == 0 {
		return "its journal does not say"
	}
	return strings.Join(parts, ", ")
}

func budgetText(b *workloads.Budget) string {
	var parts []string
	if b.USD > 0 {
		parts = append(parts, dollars(b.USD))
	}
	if b.Steps > 0 {
		parts = append(parts, count(b.Steps, "step"))
	}
	if b.Tokens > 0 {
		parts = append(parts, count(b.Tokens, "token"))
	}
	if b.Deadline > 0 {
		parts = append(parts, lasted(b.Deadline.D()))
	}
	return strings.Join(parts, ", ")
}

func toolCalls(v *session.View) int {
	n := 0
	for i := range v.Steps {
		n += len(v.Steps[i].Tools)
	}
	return n
}

// writeStep writes a step's attempts and tool calls, each with what belongs to
// it.
func (p *viewWriter) writeStep(v *session.View, s *session.StepView) {
	for i := range s.Outcome.Attempts {
		a, problem := &s.Outcome.Attempts[i], ""
		if i < len(s.Errors) {
			problem = s.Errors[i]
		}
		answer := s.Answer
		if a.Status != workloads.StatusOK {
			answer = nil
		}
		p.line("%s", attemptRow(s.Number, a, answer, problem))
		if a.Reason != "" {
			p.detail("routed", a.Reason)
		}
	}
	for i := range s.Tools {
		t := &s.Tools[i]
		p.line("%s", toolRow(s.Number, t))
		p.asked(t)
		if len(t.Result) > shortText && t.Error == "" {
			p.detail("gave", oneJSON(t.Result, p.most))
		}
		p.detail("wrote", oneLine(strings.Join(toolKeys(t.Writes), ", "), p.most))
		if t.Verdict != nil {
			p.detail("person", verdictText(t.Verdict))
		}
		if toolFailed(t) {
			for _, source := range sources(v, s.Number, t) {
				p.detail("uses", source)
			}
		}
	}
	if s.Outcome.Status != "" && s.Outcome.Status != workloads.StatusOK {
		p.line("%s", stepEnd(s.Number, s.Outcome.Status, s.Nowhere))
	}
}

func (p *viewWriter) detail(what, text string) {
	if text != "" {
		p.line("       %-7s %s", what, text)
	}
}

func (p *viewWriter) pending(v *session.View, a *session.Approval) {
	p.line("%s", stepRow(true, strconv.Itoa(a.Step), "  "+a.Name, "", "", "", "waits for a person"))
	p.detail("asked", oneJSON(a.Arguments, p.most))
	p.detail("answer", fmt.Sprintf("tierlab session approve %s --step %d --tool %d", v.Spec.ID, a.Step, a.Tool))
}

// asked shows a call's arguments: in a line, or, where whole texts are shown,
// each by itself, with the lines that it has.
func (p *viewWriter) asked(t *session.ToolView) {
	var fields map[string]json.RawMessage
	if p.most <= longText || json.Unmarshal(t.Arguments, &fields) != nil {
		p.detail("asked", oneJSON(t.Arguments, p.most))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var text string
		if json.Unmarshal(fields[name], &text) != nil || !strings.Contains(text, "\n") {
			p.detail("asked", oneLine(name, shortText)+": "+oneJSON(fields[name], p.most))
			continue
		}
		p.detail("asked", oneLine(name, shortText)+":")
		for line := range strings.Lines(text) {
			p.line("         | %s", strings.Map(sign, strings.TrimRight(line, "\r\n")))
		}
	}
}

// toolKeys leaves out of a list of keys those by which the registry counts what a
// session uses.
func toolKeys(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return strings.HasPrefix(key, "quota/") })
}

// toolRow is a tool call.
func toolRow(step int, t *session.ToolView) string {
	failed := toolFailed(t)
	came := oneJSON(t.Result, shortText)
	switch {
	case failed && t.Error != "":
		came = "FAILED: " + oneLine(t.Error, 2*shortText)
	case failed:
		came = "FAILED: " + failure(t.Result)
	}
	return stepRow(failed, strconv.Itoa(step), "  "+t.Name, "", lasted(t.Took), dollars(t.USD), came)
}

// failure is what a result says went wrong.
func failure(result json.RawMessage) string {
	var told struct{ Error string }
	if json.Unmarshal(result, &told) == nil && told.Error != "" {
		return oneLine(told.Error, 2*shortText)
	}
	return oneJSON(result, 2*shortText)
}

func toolFailed(t *session.ToolView) bool {
	return t.Error != "" || t.Status != "" && t.Status != workloads.StatusOK
}

func verdictText(v *session.Verdict) string {
	text := "refused by " + v.By
	if v.OK {
		text = "approved by " + v.By
	}
	if v.Why != "" {
		text += ": " + v.Why
	}
	return oneLine(text, longText)
}

// sources are the keys of the state that a call names in its arguments, each
// with the call before it that wrote it last: where a failure may come from.
func sources(v *session.View, step int, failed *session.ToolView) []string {
	last := map[string]string{}
	for i := range v.Steps {
		s := &v.Steps[i]
		if s.Number >= step {
			break
		}
		for k := range s.Tools {
			for _, key := range s.Tools[k].Writes {
				last[key] = fmt.Sprintf("%s, last written by %s in step %d", key, s.Tools[k].Name, s.Number)
			}
		}
	}
	var found []string
	for _, key := range slices.Sorted(maps.Keys(last)) {
		if strings.Contains(string(failed.Arguments), bare(key)) {
			found = append(found, last[key])
		}
	}
	return found
}

// bare is a key without the name of its tool's part of the state, as a call's
// arguments have it.
func bare(key string) string {
	if _, rest, ok := strings.Cut(key, "/"); ok {
		return rest
	}
	return key
}
