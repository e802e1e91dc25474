package claims

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"tierlab/bench/actors"
	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/router"
	"tierlab/reference/session"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// everyPolicyUnderFaults runs every policy once in the edge world with faults, and remembers
// the results.
func (l *Lab) everyPolicyUnderFaults(ctx context.Context) ([]*result, error) {
	if l.faulty != nil {
		return l.faulty, nil
	}
	w, err := l.world(l.Edge)
	if err != nil {
		return nil, err
	}
	lib, err := l.embedded()
	if err != nil {
		return nil, err
	}
	var policies []string
	for _, e := range router.Catalogue() {
		policies = append(policies, e.Name)
	}
	broken := changed(w, func(w *topology.World) { w.Faults = failing(w) })
	l.faulty, err = l.play(ctx, setting{world: broken, library: lib, once: true}, policies...)
	return l.faulty, err
}

// failing takes every third site but the devices down for a minute of every
// ten, with probability a half.
func failing(w *topology.World) []topology.Fault {
	var list []topology.Fault
	for s := range w.Sites {
		if w.Sites[s].Tier == topology.Device || s%3 != 0 {
			continue
		}
		list = append(list, topology.Fault{
			Site: topology.SiteID(s), Start: time.Duration(s%10) * time.Minute, Length: time.Minute, Every: 10 * time.Minute,
			Probability: 0.5, Down: true, Slow: 1,
		})
	}
	return list
}

// underFaults words how the points of P7 and P15 were made.
func (l *Lab) underFaults(f *Finding, results []*result) {
	f.How = fmt.Sprintf("simulated: embedded on %s, all %d policies, every third site down for a minute of ten half of the times, %d sessions each",
		l.Edge, len(results), l.Sessions)
}

// failShare and wrongShare are the shares of live calls that fail, and of live answers
// that the validator refuses.
const failShare, wrongShare = 0.1, 0.1

// unreliable fails a share of calls before the engine sees them.
type unreliable struct {
	hub.Caller
	draws  rng.Stream
	failed atomic.Int64
}

// Call implements hub.Caller.
func (u *unreliable) Call(ctx context.Context, c *hub.Call) (*hub.Answer, error) {
	if u.bad("fail", c, failShare) {
		u.failed.Add(1)
		return nil, &hub.Error{Status: workloads.StatusError, Err: errors.New("this call was to fail")}
	}
	return u.Caller.Call(ctx, c)
}

func (u *unreliable) bad(what string, c *hub.Call, share float64) bool {
	return u.draws.Fold(rng.Name(what)).Fold(rng.Name(c.Key)).Bool(share)
}

// insisting looks at what came of steps whose attempts fail.
type insisting struct {
	steps, answered, kept int
}

// Step implements workloads.Sink.
func (s *insisting) Step(o *workloads.Outcome) error {
	s.steps++
	right := 0
	for i := range o.Attempts {
		if o.Attempts[i].Status == workloads.StatusOK {
			right++
		}
	}
	switch {
	case o.Status == workloads.StatusOK && right > 0:
		s.answered++
	case o.Status == workloads.StatusOK:
		s.kept++ // an answer of an attempt that was none
	}
	return nil
}

// Session implements workloads.Sink.
func (s *insisting) Session(*workloads.Outcome) error { return nil }

// reliable is P7.
func reliable(ctx context.Context, l *Lab, f *Finding) error {
	results, err := l.everyPolicyUnderFaults(ctx)
	if err != nil {
		return err
	}
	l.underFaults(f, results)
	attempts, repeated, failed, sessions, ok := 0, 0, 0, 0, 0
	for _, r := range results {
		for _, m := range r.reps {
			attempts, repeated, failed = attempts+m.attempts, repeated+m.repeated, failed+m.failed+m.refused
			sessions, ok = sessions+len(m.sessions), ok+m.ended[workloads.StatusOK]
		}
	}
	if err := f.liveUnderFaults(ctx, l); err != nil {
		return err
	}
	f.judge()
	f.Says = fmt.Sprintf("%s In simulation under faults %d of %d attempts failed or were refused, %d were repeats, and %.1f %% of %d sessions came to their end. make test-faults kills the process under live sessions and counts what their tools did by idempotency key.",
		f.inWords(), failed, attempts, repeated, 100*float64(ok)/float64(max(1, sessions)), sessions)
	return nil
}

// liveUnderFaults has sessions live while calls fail and answers are refused.
func (f *Finding) liveUnderFaults(ctx context.Context, l *Lab) error {
	w, err := l.world(l.Edge)
	if err != nil {
		return err
	}
	lib, err := l.profile(liveProfile, -1)
	if err != nil {
		return err
	}
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	cfg := agent.DefaultConfig()
	cfg.CommitEach, cfg.Validate, cfg.ThinkCap, cfg.ToolCap = true, true, liveCap, liveCap
	cfg.MaxAttempts, cfg.BackoffBase, cfg.BackoffMax = 8, time.Millisecond, 10*time.Millisecond
	u := &unreliable{draws: rng.New(l.Seed, 0)}
	var refused atomic.Int64
	run := actors.Live{Folder: dir, World: w, Policy: billPolicy, Agent: cfg,
		Between: func(c hub.Caller) hub.Caller {
			u.Caller = c
			return u
		},
		Validate: func(_ context.Context, c *hub.Call, _ *hub.Message) session.Checked {
			if u.bad("wrong", c, wrongShare) {
				refused.Add(1)
				return session.Checked{Why: "this answer was to be refused"}
			}
			return session.Checked{Pass: true}
		}}
	var seen insisting
	lived, err := run.Run(ctx, actors.Load{Library: lib, Sessions: liveSessions, Name: "unreliable", Sink: &seen},
		func(*session.Runtime, journal.Store) error { return nil })
	if err != nil {
		return err
	}
	f.all("live sessions that came to their end though calls failed and answers were refused", lived.ByStatus[workloads.StatusOK], lived.Sessions)
	f.all("live steps with an answer that the validator took", seen.answered, seen.steps)
	f.none("live steps that went on from an attempt that failed or was refused", seen.kept)
	f.How += fmt.Sprintf("; %s: %d sessions of %s through the actors, of whose %d calls %d failed and %d answers were refused, by draws",
		here(), lived.Sessions, liveProfile, lived.Attempts, u.failed.Load(), refused.Load())
	return nil
}
