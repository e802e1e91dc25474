package trace

import (
	"fmt"
	"io"
	"slices"
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
)

// Summary is what a replay has compared.
type Summary struct {
	Engine                           Engine
	Requests, Refused, Cancels       int
	Plans, Rows                      int
	Prompt, Cached, Output, Computed uint64        // tokens
	End                              time.Duration // of the last record
}

// Replay hands a trace's calls to a new scheduler over a new cache and compares
// every plan: its rows, slots, starts, lengths, copies and block tables. Cost
// is the step-time model that the run's scheduler had. The first difference is
// an error, which shows both plans.
func Replay(r *Reader, cost sched.Coster) (Summary, error) {
	rec, err := r.Next()
	if err == io.EOF {
		return Summary{}, fmt.Errorf("%s: the trace is empty", r.name)
	}
	if err != nil {
		return Summary{}, err
	}
	p := replay{r: r, sum: Summary{Engine: rec.Engine}}
	if err := p.open(cost); err != nil {
		return p.sum, r.fault("%v", err)
	}
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return p.sum, nil
		}
		if err == nil {
			err = p.follow(rec)
		}
		if err != nil {
			return p.sum, err
		}
	}
}

type replay struct {
	r     *Reader
	sched *sched.Scheduler
	plan  sched.Plan
	sum   Summary
}

func (p *replay) open(cost sched.Coster) error {
	cache, err := kv.New(p.sum.Engine.Cache())
	if err != nil {
		return err
	}
	p.sched, err = sched.New(p.sum.Engine.Sched(), cache, cost)
	return err
}

func (p *replay) follow(rec *Record) error {
	p.sum.End = rec.At
	switch rec.Kind {
	case KindAdd:
		return p.add(rec)
	case KindCancel:
		p.sum.Cancels++
		if !p.sched.Cancel(rec.At, rec.ID) {
			return p.r.fault("request %d is cancelled, and there is none", rec.ID)
		}
	case KindIdle:
		if p.sched.Next(rec.At, &p.plan) {
			return p.r.fault("the engine was idle, the replay plans %s", describe(&p.plan))
		}
	case KindPlan:
		return p.compare(rec)
	case KindCommit:
		p.sched.Commit(rec.At, rec.Outcome, nil)
	}
	st := p.sched.Stats()
	p.sum.Cached, p.sum.Computed, p.sum.Output = st.Cached, st.Computed, st.Produced
	return nil
}

func (p *replay) add(rec *Record) error {
	err := p.sched.Add(rec.At, rec.Request)
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != rec.Refused {
		return p.r.fault("request %d: the engine's answer was %q, the replay's is %q", rec.Request.ID, rec.Refused, got)
	}
	if err != nil {
		p.sum.Refused++
		return nil
	}
	p.sum.Requests++
	p.sum.Prompt += uint64(len(rec.Prompt))
	return nil
}

func (p *replay) compare(rec *Record) error {
	if !p.sched.Next(rec.At, &p.plan) {
		return p.r.fault("the engine planned %s, the replay has nothing to plan", describe(&rec.Plan))
	}
	same := p.plan.ID == rec.Plan.ID && slices.Equal(p.plan.Copies, rec.Plan.Copies) &&
		slices.EqualFunc(p.plan.Rows, rec.Plan.Rows, sameRow)
	if !same {
		return p.r.fault("the engine planned %s, the replay %s", describe(&rec.Plan), describe(&p.plan))
	}
	if got := Tables(&p.plan); got != rec.Tables {
		return p.r.fault("%s: other blocks than the engine's", describe(&p.plan))
	}
	p.sum.Plans++
	p.sum.Rows += len(p.plan.Rows)
	return nil
}

func sameRow(a, b sched.Row) bool {
	return a.Seq == b.Seq && a.Slot == b.Slot && a.Start == b.Start && a.N == b.N && a.Sample == b.Sample && a.FromDevice == b.FromDevice
}

// describe is a plan on one line.
func describe(p *sched.Plan) string {
	text := fmt.Sprintf("plan %d:", p.ID)
	for _, r := range p.Rows {
		text += fmt.Sprintf(" request %d in slot %d, tokens %d to %d", r.Seq, r.Slot, r.Start, r.Start+r.N-1)
		if r.Sample {
			text += " and the next"
		}
		text += ";"
	}
	for _, c := range p.Copies {
		text += fmt.Sprintf(" block %d copied to %d;", c.From, c.To)
	}
	return text[:len(text)-1]
}
