package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/reference/router"
	"tierlab/reports"
	"tierlab/sim"
)

// replayOptions describe a replay as the command line has it.
type replayOptions struct {
	workload     string
	target       string
	fidelity     string
	topology     string
	policies     []string
	arrivals     string
	sessions     int
	warmUp       string
	inOrder      bool
	seed         uint64
	replications int
	records      string
	objectives   []string
	thresholds   []string
	thinkCap     time.Duration
	toolCap      time.Duration
	noValidator  bool
	engine       engineFidelityOptions
	quality      qualityOptions
	out          string
	force        bool
	workers      int
}

// The values of --records.
const (
	recordsNone  = "none"
	recordsFirst = "first" // of replication 0
	recordsAll   = "all"
)

func newReplay(g *global, stdio Stdio) *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay WORKLOAD",
		Short: "Replay a workload under routing policies and compare them",
		Long: `Replay a workload against a modelled world under one or more policies. All
policies meet the same sessions, arrivals and luck; intervals are over
replications. A summary goes to standard output; with --out, records,
histograms, figures and a report go to a folder.

WORKLOAD is a file, - for standard input, or "embedded". Sessions arrive
"recorded", "poisson:RATE" or "gamma:RATE,CV" (sessions per second), or
"closed:N" (N at a time); the steps within a session always wait for each
other. Lengths of answers are the recorded ones, so the work is the same
everywhere.`,
		Example: `  tierlab replay embedded --topology tiny --policy static-central,p2c --arrivals poisson:0.2 --sessions 20 --replications 2
  tierlab replay embedded --fidelity engine --topology tiny --policy static-central,p2c --arrivals closed:2 --sessions 4 --warm-up 0s --replications 2
  tierlab replay w.jsonl --topology tiny --policy least-loaded:near=1 --arrivals closed:2 --sessions 4 --out out/w --force`,
		Args: exactly("WORKLOAD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.workload = args[0]
			plan, err := o.validate()
			if err != nil {
				return badInput(err)
			}
			plan.command = commandLine(cmd, args)
			return replay(cmd.Context(), plan, stdio, newProgress(stdio, g.quiet))
		},
	}
	o.bind(cmd.Flags())
	return cmd
}

func (o *replayOptions) bind(f *pflag.FlagSet) {
	f.StringVar(&o.target, "target", "sim", "what to replay against")
	f.StringVar(&o.fidelity, "fidelity", "queue", "how closely sites are modelled: queue (processor sharing, for screening) or engine (the engine's own scheduler and cache, over modelled iterations)")
	f.StringVar(&o.topology, "topology", "agent-cloud", "the world: a built-in `topology` or a YAML file")
	f.StringSliceVar(&o.policies, "policy", []string{"static-central"}, "the `policies` to compare (tierlab policy list)")
	f.StringVar(&o.arrivals, "arrivals", "", "how sessions arrive (default: recorded, where the workload has arrivals)")
	f.IntVarP(&o.sessions, "sessions", "n", 0, "how many arrivals are measured (0: as many as the workload has)")
	f.StringVar(&o.warmUp, "warm-up", "auto", "run for this `duration` before measuring; auto: as long as nine in ten sessions take by themselves")
	f.BoolVar(&o.inOrder, "in-order", false, "replay sessions in turn instead of resampling them")
	f.Uint64Var(&o.seed, "seed", 1, "the seed of all draws")
	f.IntVarP(&o.replications, "replications", "r", 10, "how many times to repeat, each with its own draws")
	f.StringVar(&o.records, "records", recordsFirst, "whose records of measured sessions to write: none, first (of replication 0) or all")
	f.StringArrayVar(&o.objectives, "objective", nil, "a `limit` that sessions or steps should keep, such as active_makespan_p90<=60s: counted as goodput")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "a `limit` on the results, such as cascade/resolve_rate>=90%; exit code 99 when it is not met")
	f.DurationVar(&o.thinkCap, "think-cap", time.Minute, "cap each person's think time (0: as recorded)")
	f.DurationVar(&o.toolCap, "tool-cap", 10*time.Minute, "cap each tool call and unexplained gap (0: as recorded)")
	f.BoolVar(&o.noValidator, "no-validator", false, "accept every answer unchecked")
	o.engine.bind(f)
	o.quality.bind(f)
	f.StringVarP(&o.out, "out", "o", "", "the `folder` to write")
	f.BoolVar(&o.force, "force", false, "replace the folder when it holds an earlier run")
	f.IntVar(&o.workers, "workers", 0, "how many replications run at once (0: one for each CPU)")
}

// plan is a replay whose options have been read.
type plan struct {
	options    replayOptions
	fidelity   sim.Fidelity
	retain     time.Duration
	arrivals   sim.Arrivals // zero: as recorded, if the workload has arrivals
	warmUp     time.Duration
	policies   []router.Spec
	objectives []reports.Objective
	thresholds []reports.Threshold
	command    []string // for run.json
}

// validate reads the options that need no file.
func (o *replayOptions) validate() (*plan, error) {
	p := &plan{options: *o}
	switch {
	case o.target != "sim":
		return nil, fmt.Errorf("--target: no target %q; known is sim", o.target)
	case o.sessions < 0:
		return nil, fmt.Errorf("--sessions: %d is negative", o.sessions)
	case o.replications < 1:
		return nil, fmt.Errorf("--replications: %d is not above 0", o.replications)
	case o.workers < 0:
		return nil, fmt.Errorf("--workers: %d is negative", o.workers)
	case o.thinkCap < 0 || o.toolCap < 0:
		return nil, errors.New("--think-cap and --tool-cap cannot be negative")
	case o.records != recordsNone && o.records != recordsFirst && o.records != recordsAll:
		return nil, fmt.Errorf("--records: %q is none of none, first, all", o.records)
	case o.force && o.out == "":
		return nil, errors.New("--force needs --out")
	}
	return p, errors.Join(p.readFidelity(), p.readArrivals(), p.readWarmUp(), p.readPolicies(), p.readObjectives())
}

func (p *plan) readFidelity() (err error) {
	if p.fidelity, err = sim.ParseFidelity(p.options.fidelity); err != nil {
		return fmt.Errorf("--fidelity: %w", err)
	}
	p.retain, err = p.options.engine.readRetain()
	return err
}

func (p *plan) readArrivals() (err error) {
	if p.options.arrivals != "" {
		if p.arrivals, err = sim.ParseArrivals(p.options.arrivals); err != nil {
			return fmt.Errorf("--arrivals: %w", err)
		}
	}
	return nil
}

func (p *plan) readWarmUp() (err error) {
	if p.options.warmUp == "auto" {
		p.warmUp = sim.AutoWarmUp
		return nil
	}
	if p.warmUp, err = time.ParseDuration(p.options.warmUp); err != nil || p.warmUp < 0 {
		return fmt.Errorf("--warm-up: %q is neither auto nor a duration such as 90s", p.options.warmUp)
	}
	return nil
}

func (p *plan) readPolicies() (err error) {
	if p.policies, err = router.ParseList(strings.Join(p.options.policies, ",")); err != nil {
		return fmt.Errorf("--policy: %w", err)
	}
	return nil
}

func (p *plan) readObjectives() (err error) {
	for _, text := range p.options.objectives {
		objective, err := reports.ParseObjective(text)
		if err != nil {
			return fmt.Errorf("--objective: %w", err)
		}
		p.objectives = append(p.objectives, objective)
	}
	p.thresholds, err = readThresholds(p.options.thresholds)
	for _, t := range p.thresholds {
		played := func(spec router.Spec) bool { return spec.String() == t.Policy }
		if t.Policy != "" && !slices.ContainsFunc(p.policies, played) {
			return fmt.Errorf("--threshold: %s: policy %q is not replayed", t, t.Policy)
		}
	}
	return err
}

// workers is how many points run at once.
func (p *plan) workers() int { return cmp.Or(p.options.workers, runtime.GOMAXPROCS(0)) }

// replay plays the plan, prints the summary and writes the folder.
func replay(ctx context.Context, p *plan, stdio Stdio, show *progress) error {
	var dir *outDir
	var err error
	if p.options.out != "" {
		if dir, err = newOutDir(p.options.out, p.options.force, p.command); err != nil {
			return err
		}
		defer dir.drop()
	}
	s, err := newSweep(ctx, p, stdio, dir, show)
	if err != nil {
		return err
	}
	defer s.drop()
	report, err := s.run(ctx)
	show.Done()
	if err != nil {
		return err
	}
	if err := report.Summary.WriteText(stdio.Out); err != nil {
		return err
	}
	if dir != nil {
		if err := s.write(report); err != nil {
			return err
		}
		fmt.Fprintf(stdio.Out, "\nReport: %s/report.html\n", dir.final)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the results are partial: %w", ctx.Err())
	}
	return checkThresholds(p.thresholds, report.Summary, stdio)
}
