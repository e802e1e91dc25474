package session

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/workloads"
)

// Export writes sessions as a workload: their steps with what they added to the
// context, their tool calls, and what happened to them. Without ids it writes all
// sessions. Times are since the first of them began. Of a session that goes on,
// the steps that have an answer are written.
func Export(ctx context.Context, store journal.Store, ids []string, w io.Writer) error {
	if len(ids) == 0 {
		err := eachSession(ctx, store, func(h journal.Head) error {
			ids = append(ids, h.Session)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		return fmt.Errorf("session: the journal has no session to export")
	}
	zero, err := firstBegin(ctx, store, ids)
	if err != nil {
		return err
	}
	x := exporter{zero: zero, out: workloads.NewWriter(w, workloads.Header{
		Name: "sessions",
		Provenance: workloads.Provenance{
			Source: "tierlab session journals",
			Method: "tierlab session export: a step for each model call that was answered, its prompt as a delta to the step before, its tool calls as they ran",
		},
	})}
	for _, id := range ids {
		if err := x.session(ctx, store, id); err != nil {
			return err
		}
	}
	return x.out.Close()
}

// firstBegin is when the first of the sessions began.
func firstBegin(ctx context.Context, store journal.Store, ids []string) (time.Time, error) {
	var zero time.Time
	for _, id := range ids {
		var l life
		if err := l.replay(ctx, store, id, To{Record: 1}); err != nil {
			return zero, err
		}
		if zero.IsZero() || l.begun.Before(zero) {
			zero = l.begun
		}
	}
	return zero, nil
}

type exporter struct {
	out  *workloads.Writer
	zero time.Time
}

func (x *exporter) session(ctx context.Context, store journal.Store, id string) error {
	var l life
	if err := l.replay(ctx, store, id, To{}); err != nil {
		return err
	}
	since := workloads.Millis(l.begun.Sub(x.zero))
	session := l.graph.Session
	session.ID, session.Arrival = id, &since
	session.Labels = l.created.Spec.Labels
	steps := l.exported()
	if len(steps) == 0 {
		return fmt.Errorf("session %q: it has no step with an answer yet: nothing to export", id)
	}
	if rec := l.created.Spec.Recorded; rec != nil {
		for _, p := range rec.Prefixes {
			if _, had := x.out.Prefixes().Tokens(p.Name); !had {
				if err := x.out.Prefix(p); err != nil {
					return err
				}
			}
		}
	}
	if err := x.out.Session(&session); err != nil {
		return err
	}
	for i := range steps {
		if err := x.out.Step(&steps[i]); err != nil {
			return err
		}
	}
	return x.outcomes(&l, id, steps, since)
}

// outcomes writes what happened to the steps that have ended, and to the session.
func (x *exporter) outcomes(l *life, id string, steps []workloads.Step, since workloads.Millis) error {
	for i := range steps {
		if i >= len(l.steps) || !l.steps[i].over {
			continue
		}
		var o workloads.Outcome
		l.machine.StepOutcome(int32(i), &o)
		o.Session, o.Template, o.Measured = id, "", true
		shift(&o, since)
		if err := x.out.Outcome(&o); err != nil {
			return err
		}
	}
	if !l.over {
		return nil
	}
	o := l.outcome()
	o.Session, o.Template = id, ""
	shift(&o, since)
	return x.out.Outcome(&o)
}

// shift moves an outcome from the session's time to the run's.
func shift(o *workloads.Outcome, by workloads.Millis) {
	for _, t := range []*workloads.Millis{&o.Start, &o.End} {
		*t += by
	}
	if o.LLMDone > 0 {
		o.LLMDone += by
	}
	for i := range o.Attempts {
		a := &o.Attempts[i]
		a.Due += by
		a.Sent += by
		a.Done += by
		if a.First > 0 {
			a.First += by
		}
	}
}

// exported are the session's steps as a workload has them.
func (l *life) exported() []workloads.Step {
	var steps []workloads.Step
	for i := range l.graph.Steps {
		step := *l.graph.Steps[i].Step
		if !l.open() {
			steps = append(steps, step)
			continue
		}
		if l.step(int32(i)).answer == nil {
			break
		}
		l.exportStep(int32(i), &step)
		steps = append(steps, step)
	}
	return steps
}

func (l *life) exportStep(s int32, step *workloads.Step) {
	st := l.step(s)
	var o workloads.Outcome
	l.machine.StepOutcome(s, &o)
	for i := range o.Attempts {
		if a := &o.Attempts[i]; a.Status == workloads.StatusOK || a.Status == workloads.StatusInvalid {
			took, first := a.Done-a.Sent, a.First-a.Sent
			step.LLM.Model, step.LLM.Recorded = a.Model, &took
			if a.First > 0 {
				step.LLM.RecordedTTFT = &first
			}
		}
	}
	step.Tools = append([]workloads.Tool(nil), step.Tools...)
	for t := range step.Tools {
		end := l.tool(s, int32(t)).end
		if end == nil {
			continue
		}
		tool := &step.Tools[t]
		tool.Duration, tool.BytesOut, tool.Status = workloads.Millis(end.Took), int64(len(end.Result)), toolStatus(end.Status)
		tool.Code = codeOf(st.answer.Calls[t].Arguments)
	}
	from := 0
	if s > 0 {
		from = l.step(s-1).prompt + 1 // behind the answer of the step before
	}
	text, err := json.Marshal(append(append([]hub.Message(nil), l.messages[from:st.prompt]...), *st.answer))
	if err == nil {
		step.Messages = text
	}
}

// codeOf is the program among a call's arguments, if they are those of a call
// that runs one.
func codeOf(arguments string) *workloads.Code {
	var c workloads.Code
	if json.Unmarshal([]byte(arguments), &c) != nil || c.Source == "" || c.Language != "javascript" && c.Language != "wasm" {
		return nil
	}
	return &c
}
