// Package retrace plays the trace of a real engine's run again in the simulator:
// its arrivals and the times of its iterations go into a simulated site, and
// every plan that the site's scheduler makes is compared with the run's. What is
// then left of a difference between the engine and the simulator is the model of
// how long iterations take, and nothing else.
package retrace

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tierlab/engine/sched"
	"tierlab/engine/trace"
	"tierlab/sim/batching"
	"tierlab/sim/site"
)

// Summary is what a replay has compared.
type Summary struct {
	Engine                     trace.Engine
	Requests, Refused, Cancels int
	Plans, Rows                int
	Done                       int           // requests that ended by themselves
	Busy                       time.Duration // from each plan to its commit, without overlap
	End                        time.Duration
}

// Replay plays a trace on a simulated site. Cost is the step-time model that
// bounded the run's stalls; it may be nil when the run had no bound. The first
// plan that differs, is missing or is one too many is an error.
func Replay(r *trace.Reader, cost sched.Coster) (Summary, error) {
	run, err := read(r)
	if err != nil {
		return Summary{}, err
	}
	p := &player{run: run, ids: map[site.Handle]uint64{}, handles: map[uint64]site.Handle{}}
	p.sum.Engine = run.engine
	p.server, err = batching.New(batching.Config{
		Sched: run.engine.Sched(), KV: run.engine.Cache(), Cost: cmp.Or(cost, sched.Coster(instant{})), Device: run, OnPlan: p.compare,
	})
	if err != nil {
		return p.sum, err
	}
	for i := range run.calls {
		if p.call(&run.calls[i]); p.failed != nil {
			return p.sum, p.failed
		}
	}
	for at, ok := p.server.NextAt(); ok; at, ok = p.server.NextAt() {
		p.hear(p.server.Advance(at, p.moved[:0]))
	}
	p.close()
	return p.sum, errors.Join(p.failed, p.server.Check())
}

// instant is the model of a run that needed none.
type instant struct{}

func (instant) StepTime(sched.Shape) time.Duration { return 0 }

// run is a trace in memory: a batching.Device.
type run struct {
	engine trace.Engine
	calls  []trace.Record // adds and cancels, in order
	plans  []trace.Record // by number, from 1
	ends   map[uint64]*trace.Record
	end    time.Duration
	over   bool // the site has left the run's way: nothing of the run fits it any more
}

func read(r *trace.Reader) (*run, error) {
	run := &run{ends: map[uint64]*trace.Record{}}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		run.end = rec.At
		switch own := copied(rec); rec.Kind {
		case trace.KindEngine:
			run.engine = rec.Engine
		case trace.KindAdd, trace.KindCancel:
			run.calls = append(run.calls, own)
		case trace.KindPlan:
			run.plans = append(run.plans, own)
			if rec.Plan.ID != uint64(len(run.plans)) {
				return nil, fmt.Errorf("line %d: plan %d, want plan %d: plans are numbered from 1", rec.Line, rec.Plan.ID, len(run.plans))
			}
		case trace.KindCommit:
			run.ends[rec.Outcome.Plan] = &own
		}
	}
	if run.engine.Slots == 0 {
		return nil, errors.New("the trace is empty")
	}
	return run, nil
}

// copied is a record whose slices are its own.
func copied(rec *trace.Record) trace.Record {
	own := *rec
	own.Plan.Rows, own.Plan.Copies = slices.Clone(rec.Plan.Rows), slices.Clone(rec.Plan.Copies)
	own.Outcome.Sampled = slices.Clone(rec.Outcome.Sampled)
	return own
}

// never is a time that no run reaches.
const never = time.Duration(1<<63 - 1)

func (r *run) Asked(plan uint64, now time.Duration) time.Duration {
	if r.over || plan > uint64(len(r.plans)) {
		return never
	}
	return r.plans[plan-1].At
}

func (r *run) Ended(plan uint64) time.Duration {
	if end := r.ends[plan]; end != nil && !r.over {
		return end.At
	}
	return never // the run was stopped under it
}

func (r *run) Sampled(plan uint64) []sched.Sampled { return r.ends[plan].Outcome.Sampled }

// player hands a run's calls to a simulated site.
type player struct {
	run     *run
	server  *batching.Server
	ids     map[site.Handle]uint64 // of requests, as the run numbered them
	handles map[uint64]site.Handle
	moved   []site.Transition
	sum     Summary
	failed  error // the first difference
}

func (p *player) fail(format string, args ...any) {
	p.run.over = true
	if p.failed == nil {
		p.failed = fmt.Errorf(format, args...)
	}
}

// call hands one call of the run to the site.
func (p *player) call(rec *trace.Record) {
	if rec.Kind == trace.KindCancel {
		ok, moved := p.server.Cancel(rec.At, p.handles[rec.ID], p.moved[:0])
		p.hear(moved)
		if p.sum.Cancels++; !ok {
			p.fail("line %d: request %d is cancelled, and the site has none", rec.Line, rec.ID)
		}
		return
	}
	job := batching.Job{Tag: rec.Request.ID, Request: rec.Request}
	job.Fork = uint64(p.handles[rec.Request.Fork])
	h, outcome, moved := p.server.Arrive(rec.At, job, p.moved[:0])
	p.hear(moved)
	refused := outcome != site.Admitted && outcome != site.Queued
	if refused != (rec.Refused != "") {
		p.fail("line %d: request %d: the site answers %q, the engine's refusal was %q", rec.Line, rec.Request.ID, outcome, rec.Refused)
	}
	if refused {
		p.sum.Refused++
		return
	}
	p.sum.Requests++
	p.ids[h], p.handles[rec.Request.ID] = rec.Request.ID, h
}

func (p *player) hear(moved []site.Transition) {
	for i := range moved {
		if moved[i].Kind == site.Done {
			p.sum.Done++
		}
	}
	p.moved = moved
}

// compare holds a plan of the site to the run's.
func (p *player) compare(at time.Duration, plan *sched.Plan) {
	if plan.ID > uint64(len(p.run.plans)) {
		p.fail("plan %d at %v: the run had %d", plan.ID, at, len(p.run.plans))
		return
	}
	want := &p.run.plans[plan.ID-1]
	same := func(a, b sched.Row) bool {
		return p.ids[site.Handle(a.Seq)] == b.Seq && a.Slot == b.Slot && a.Start == b.Start && a.N == b.N && a.Sample == b.Sample && a.FromDevice == b.FromDevice
	}
	switch {
	case at != want.At:
		p.fail("line %d: plan %d was asked for at %v, the site does at %v", want.Line, plan.ID, want.At, at)
	case !slices.EqualFunc(plan.Rows, want.Plan.Rows, same) || !slices.Equal(plan.Copies, want.Plan.Copies):
		p.fail("line %d: plan %d: the engine had rows %+v and copies %v, the site has %+v and %v", want.Line, plan.ID,
			want.Plan.Rows, want.Plan.Copies, plan.Rows, plan.Copies)
	case trace.Tables(plan) != want.Tables:
		p.fail("line %d: plan %d: the site's block tables differ from the engine's", want.Line, plan.ID)
	}
	p.sum.Plans++
	p.sum.Rows += len(plan.Rows)
}

// close checks that nothing of the run is left.
func (p *player) close() {
	p.sum.Busy, p.sum.End = p.server.Stats().Busy, p.run.end
	if p.sum.Plans < len(p.run.plans) {
		p.fail("line %d: plan %d is not made again", p.run.plans[p.sum.Plans].Line, p.sum.Plans+1)
	}
}
