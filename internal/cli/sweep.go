package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/reports"
	"tierlab/sim"
	"tierlab/workloads"
)

// sweep is a plan under way: every policy at every replication.
type sweep struct {
	plan *plan
	base sim.Config
	dir  *outDir // nil: nothing is written
	show *progress

	finished atomic.Int64 // measured sessions, of all points
	started  time.Time

	mu     sync.Mutex // guards sinks
	sinks  map[sim.Point]*pointSink
	points map[sim.Point]*reports.Point
	whole  map[int]int // replication -> policies that finished it
	failed error       // the first error of a record or a collector
}

// newSweep reads the workload and the world and checks that they fit.
func newSweep(ctx context.Context, p *plan, stdio Stdio, dir *outDir, show *progress) (*sweep, error) {
	o := &p.options
	world, err := readWorld(o.topology)
	if err != nil {
		return nil, err
	}
	world = o.quality.apply(world)
	lib, err := readLibrary(ctx, o.workload, stdio)
	if err != nil {
		return nil, err
	}
	if p.arrivals.Process == 0 {
		if !lib.Recorded {
			return nil, badInputf("workload %q has sessions without arrival_ms: say how they arrive, such as --arrivals poisson:0.5", lib.Header.Name)
		}
		p.arrivals.Process = sim.Recorded
	} else if p.arrivals.Process == sim.Recorded && !lib.Recorded {
		return nil, badInputf("--arrivals recorded: workload %q has sessions without arrival_ms", lib.Header.Name)
	}
	if p.arrivals.Process == sim.Recorded && o.warmUp != "auto" && p.warmUp > 0 {
		return nil, badInputf("--warm-up: recorded arrivals have no warm-up; give --arrivals such as poisson:0.5")
	}
	scenario, err := sim.NewScenario(world, lib)
	if err != nil {
		return nil, badInput(err)
	}
	s := &sweep{
		plan: p, dir: dir, show: show,
		sinks: map[sim.Point]*pointSink{}, points: map[sim.Point]*reports.Point{}, whole: map[int]int{},
	}
	s.base = sim.Config{
		Scenario: scenario, Fidelity: p.fidelity, Agent: p.agent(), Router: router.DefaultConfig(), Arrivals: p.arrivals,
		Sessions: o.sessions, WarmUp: p.warmUp, InOrder: o.inOrder, Seed: o.seed,
	}
	if s.base.Retain = p.retain; p.fidelity == sim.Engine {
		if s.base.StepTime, err = o.engine.readStepTimes(world); err != nil {
			return nil, err
		}
	}
	if err := s.base.CheckLoad(); err != nil {
		return nil, badInputf("--arrivals: %w", err)
	}
	return s, nil
}

// agent is how sessions behave in a replay: state is durable before its
// effects show, answers are validated, and caps are as given.
func (p *plan) agent() agent.Config {
	c := agent.DefaultConfig()
	c.CommitEach = true
	c.Validate = !p.options.noValidator
	c.ThinkCap, c.ToolCap = p.options.thinkCap, p.options.toolCap
	return c
}

// run plays all points and sums them up. An interrupt leaves the replications
// that every policy has finished, or else what there is, marked as partial.
func (s *sweep) run(ctx context.Context) (*reports.Report, error) {
	s.started = time.Now()
	_, err := sim.Sweep(ctx, s.base, s.plan.policies, s.plan.options.replications, s.plan.workers(), s.sink, s.done)
	if err == nil {
		err = s.failed
	}
	if err != nil {
		return nil, err
	}
	points := s.kept(ctx.Err() != nil)
	if len(points) == 0 {
		return nil, fmt.Errorf("nothing was finished: %w", context.Canceled)
	}
	var order []string
	for _, spec := range s.plan.policies {
		order = append(order, spec.String())
	}
	return reports.New(points, reports.Options{Policies: order})
}

// kept lists the points that the report is made of.
func (s *sweep) kept(partial bool) []*reports.Point {
	whole := 0
	for _, policies := range s.whole {
		if policies == len(s.plan.policies) {
			whole++
		}
	}
	var points []*reports.Point
	for r := range s.plan.options.replications {
		if whole > 0 && s.whole[r] < len(s.plan.policies) {
			continue
		}
		for i := range s.plan.policies {
			p, ok := s.points[sim.Point{Policy: i, Replication: r}]
			if !ok || p.Totals.Sessions == 0 {
				continue
			}
			if partial && !p.Run.Partial {
				p.Run.Partial, p.Run.Valid = true, false
				p.Run.Invalid = append(p.Run.Invalid, fmt.Sprintf("partial: stopped after %d of %d replications", whole, s.plan.options.replications))
			}
			points = append(points, p)
		}
	}
	return points
}

// sink makes a point's sink. It is called by the sweep's workers.
func (s *sweep) sink(pt sim.Point) workloads.Sink {
	p := &pointSink{collector: reports.NewCollector(s.plan.objectives...), finished: &s.finished}
	records := s.plan.options.records
	if s.dir != nil && (records == recordsAll || records == recordsFirst && pt.Replication == 0) {
		p.recorder = newRecorder(s.recordPath(pt), s.base.Scenario.Library)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sinks[pt] = p
	return p
}

// recordPath is where a point's record is written for now.
func (s *sweep) recordPath(pt sim.Point) string {
	return filepath.Join(s.dir.temp, "records", fmt.Sprintf("%s.r%d.jsonl", fileName(s.plan.policies[pt.Policy].String()), pt.Replication))
}

// done takes a finished point. The sweep calls it from one goroutine at a time.
func (s *sweep) done(pt sim.Point, totals sim.Totals) {
	s.mu.Lock()
	sink := s.sinks[pt]
	delete(s.sinks, pt)
	s.mu.Unlock()
	run := s.describe(pt, &totals)
	point, err := sink.collector.Finish(reports.Conditions{Run: run, Window: workloads.Millis(totals.Window), Usage: usage(&totals)})
	if err == nil && sink.recorder != nil {
		err = sink.recorder.close(run)
	}
	if err != nil && s.failed == nil {
		s.failed = err
	}
	s.points[pt] = point
	if !totals.Partial {
		s.whole[pt.Replication]++
	}
	all := len(s.plan.policies) * s.plan.options.replications
	s.show.Update("%d of %d points, %s, %v", len(s.points), all, count(int(s.finished.Load()), "session"), time.Since(s.started).Round(100*time.Millisecond))
}

// describe is what a record's header says of a point. It holds no time of day
// and no machine: equal runs give equal bytes.
func (s *sweep) describe(pt sim.Point, totals *sim.Totals) workloads.Run {
	o := &s.plan.options
	spec := s.plan.policies[pt.Policy].String()
	digest := sha256.Sum256([]byte(version() + "\n" + spec))
	invalid := totals.Invalid()
	sc := s.base.Scenario
	return workloads.Run{
		Target: o.target, Fidelity: o.fidelity,
		Workload: sc.Library.Header.Name, WorkloadDigest: sc.Library.Digest,
		Topology: sc.World.Name, TopologyDigest: sc.World.Digest,
		Policy: spec, PolicyDigest: hex.EncodeToString(digest[:]),
		Load: s.load(), Seed: o.seed, Replication: pt.Replication, Version: version(),
		Partial: totals.Partial, Valid: len(invalid) == 0, Invalid: invalid,
	}
}

// load states all that changes the work: arrivals, caps, what is measured.
func (s *sweep) load() string {
	p := s.plan
	o := &p.options
	text := p.arrivals.String()
	add := func(given bool, format string, args ...any) {
		if given {
			text += ", " + fmt.Sprintf(format, args...)
		}
	}
	add(o.sessions > 0, "%s measured", count(o.sessions, "session"))
	add(p.arrivals.Process != sim.Recorded && o.warmUp != "0", "warm-up %s", o.warmUp)
	add(o.inOrder, "in order")
	add(o.thinkCap > 0, "think time capped at %v", o.thinkCap)
	add(o.toolCap > 0, "tool time capped at %v", o.toolCap)
	add(o.noValidator, "no validator")
	if p.fidelity == sim.Engine {
		text += ", " + o.engine.describe(s.base.Scenario.World, s.base.StepTime)
	}
	return text
}

// usage is how busy the tiers were, as reports has it.
func usage(t *sim.Totals) []reports.Usage {
	var list []reports.Usage
	for tier := range t.Busy {
		if n := t.Slots[tier]; n > 0 && t.Window > 0 {
			list = append(list, reports.Usage{
				Tier: topology.Tier(tier).String(), Busy: workloads.Millis(t.Busy[tier] / time.Duration(n)), Capacity: workloads.Millis(t.Window),
			})
		}
	}
	return list
}

// write fills the run's folder and puts it in its place.
func (s *sweep) write(report *reports.Report) error {
	if err := report.Write(s.dir.temp); err != nil {
		return err
	}
	return s.dir.commit(report.Summary.Partial)
}

// drop closes the records of points that never ended.
func (s *sweep) drop() {
	for _, sink := range s.sinks {
		if sink.recorder != nil {
			sink.recorder.drop()
		}
	}
}

// pointSink takes a point's outcomes: into the collector, into the record
// where one is kept.
type pointSink struct {
	collector *reports.Collector
	recorder  *recorder
	finished  *atomic.Int64
}

func (p *pointSink) Step(o *workloads.Outcome) error {
	if p.recorder != nil {
		if err := p.recorder.Step(o); err != nil {
			return err
		}
	}
	return p.collector.Step(o)
}

func (p *pointSink) Session(o *workloads.Outcome) error {
	if o.Result != nil && o.Result.Measured && p.finished != nil {
		p.finished.Add(1)
	}
	if p.recorder != nil {
		if err := p.recorder.Session(o); err != nil {
			return err
		}
	}
	return p.collector.Session(o)
}

// fileName is a policy's text as a file's name.
func fileName(policy string) string {
	b := []byte(policy)
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '=') {
			b[i] = '_'
		}
	}
	return string(b)
}
