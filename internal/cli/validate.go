package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/bench/validate"
	"tierlab/reference/agent"
	"tierlab/workloads"
)

// validateOptions describe a validation as the command line has it.
type validateOptions struct {
	workload    string
	from        string
	scale       float64
	toolCap     time.Duration
	thinkCap    time.Duration
	engine      namedEngine
	loads       []float64
	rates       []float64
	sessions    int
	runs        int
	seed        uint64
	maxLag      time.Duration
	retain      time.Duration
	settings    bool
	setting     []string
	settingRuns int
	noFail      bool
	out         string
	force       bool
}

func newValidate(g *global, stdio Stdio) *cobra.Command {
	var o validateOptions
	cmd := &cobra.Command{
		Use:   "validate WORKLOAD --engine BACKEND:MODEL --profile FILE",
		Short: "Compare the simulator with a real engine under the same load",
		Long: `Play a workload on a real engine on this machine, over HTTP, and on a simulated
one with the same settings and the same arrivals, and compare them: latency of
model calls (E2E), time to first token (TTFT), time for each token (TPOT),
times between tokens (ITL), time in the queue, makespans of sessions.

WORKLOAD is a workload's file, "embedded", or a recording that "tierlab workload
import" reads. Its sessions are drawn with replacement and arrive at random; tool
calls take their recorded time, within the caps. --token-scale fits a recording
of a large model to the context of a small one.

A real run is not repeatable, so there are several of each load, in turns; an
error is within its bar, or within the spread of the real runs among themselves,
or outside. The exit code is 99 when one is outside, or when a run is invalid.
With --settings, twelve settings of the scheduler and of retention over tool calls
are ranked on both sides; with --setting, those that it names.`,
		Example: `  tierlab validate w.jsonl --engine null:tiny --profile profile.json --token-scale 0.02 --tool-cap 1ms --think-cap 1ms --sessions 2 --runs 1 --rate 20 --no-fail`,
		Args:    exactly("WORKLOAD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.workload = args[0]
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return validateSimulator(cmd.Context(), &o, commandLine(cmd, args), stdio, newProgress(stdio, g.quiet))
		},
	}
	o.bind(cmd.Flags())
	return cmd
}

func (o *validateOptions) bind(f *pflag.FlagSet) {
	o.engine.flags(f, 16)
	f.StringVar(&o.from, "from", "", "the recording's `format`, if WORKLOAD is one (default: the one that reads it)")
	f.Float64Var(&o.scale, "token-scale", 1, "multiply all numbers of tokens by this `factor`")
	f.DurationVar(&o.toolCap, "tool-cap", time.Second, "cap each tool call and unexplained gap (0: as recorded)")
	f.DurationVar(&o.thinkCap, "think-cap", time.Second, "cap each person's think time (0: as recorded)")
	f.Float64SliceVar(&o.loads, "load", []float64{0.5, 0.85}, "the loads, as `shares` of the simulated capacity")
	f.Float64SliceVar(&o.rates, "rate", nil, "the loads, in `sessions` per second, in place of --load")
	f.IntVarP(&o.sessions, "sessions", "n", 0, "sessions of a load (0: as many as 662 model calls need)")
	f.IntVar(&o.runs, "runs", 3, "real runs of each load")
	f.Uint64Var(&o.seed, "seed", 1, "the seed of all draws")
	f.DurationVar(&o.maxLag, "max-lag", 20*time.Millisecond, "a run is invalid when 1 % of its events are later than this")
	f.DurationVar(&o.retain, "retain", 0, "ask the engine to keep a session's context for this `time` over its tool calls")
	f.BoolVar(&o.settings, "settings", false, "rank twelve settings too, under the last load")
	f.StringArrayVar(&o.setting, "setting", nil, "rank this `setting` too, such as slots=8,budget=256,retain=30s (also block, kv-tokens, stall); may be repeated")
	f.IntVar(&o.settingRuns, "setting-runs", 2, "real runs of each setting")
	f.BoolVar(&o.noFail, "no-fail", false, "exit with 0 whatever is found")
	f.StringVarP(&o.out, "out", "o", "", "the `folder` to write: the table and its figures")
	f.BoolVar(&o.force, "force", false, "replace the folder when it holds an earlier run")
}

func (o *validateOptions) validate() error {
	for name, list := range map[string][]float64{"load": o.loads, "rate": o.rates} {
		for _, v := range list {
			if !(v > 0) || v > 1e6 {
				return fmt.Errorf("--%s: %g is not a number above 0", name, v)
			}
		}
	}
	switch {
	case o.engine.profile == "":
		return errors.New("--profile is missing: the engine's step-time model, which tierlab calibrate measures")
	case !(o.scale > 0) || o.scale > 1e6:
		return fmt.Errorf("--token-scale: %g is not a number above 0", o.scale)
	case o.toolCap < 0 || o.thinkCap < 0 || o.retain < 0:
		return errors.New("--tool-cap, --think-cap and --retain cannot be negative")
	case len(o.loads) == 0 && len(o.rates) == 0:
		return errors.New("--load is empty: give shares of the capacity, such as 0.5,0.85")
	case o.sessions < 0:
		return fmt.Errorf("--sessions: %d is negative", o.sessions)
	case o.runs < 1:
		return fmt.Errorf("--runs: %d is not above 0", o.runs)
	case o.settings && o.settingRuns < 2:
		return fmt.Errorf("--setting-runs: %d is below 2: the spread of the runs says which settings differ", o.settingRuns)
	case o.maxLag <= 0:
		return fmt.Errorf("--max-lag: %v is not above 0", o.maxLag)
	case o.force && o.out == "":
		return errors.New("--force needs --out")
	}
	if err := o.engine.validate(); err != nil {
		return err
	}
	_, err := o.ranked()
	return err
}

// agent is how sessions behave: nothing is checked or stored, so that a call
// follows the last one's tools at once.
func (o *validateOptions) agent() agent.Config {
	c := agent.DefaultConfig()
	c.ToolCap, c.ThinkCap = o.toolCap, o.thinkCap
	return c
}

// validateSimulator runs the command.
func validateSimulator(ctx context.Context, o *validateOptions, command []string, stdio Stdio, show *progress) error {
	var dir *outDir
	if o.out != "" {
		var err error
		if dir, err = newOutDir(o.out, o.force, command); err != nil {
			return err
		}
		defer dir.drop()
	}
	profile, err := o.engine.readProfile()
	if err != nil {
		return err
	}
	recorded, err := readRecording(ctx, o.workload, o.from, stdio, show)
	if err != nil {
		return err
	}
	s := &starter{options: o, profile: profile, recorded: recorded, show: show}
	cfg := &validate.Config{
		Profile: profile, Start: s.start, Agent: o.agent(), Shares: o.loads, Rates: o.rates, Sessions: o.sessions, Runs: o.runs,
		Seed: o.seed, MaxLag: o.maxLag, VariantRuns: o.settingRuns, Progress: show.Update,
	}
	if cfg.Library, err = scaled(recorded, o.scale); err != nil {
		return err
	}
	if s.variants, err = o.ranked(); err != nil {
		return badInput(err)
	}
	for _, v := range s.variants {
		cfg.Variants = append(cfg.Variants, v.name)
	}
	r, err := validate.Run(ctx, cfg)
	show.Done()
	if err != nil {
		return err
	}
	v := &validation{
		Schema: "tierlab.validation/v1", Workload: cfg.Library.Header.Name, Source: cfg.Library.Header.Provenance.Source,
		TokenScale: o.scale, ToolCapMs: millisOf(o.toolCap), ThinkCapMs: millisOf(o.thinkCap), MaxLagMs: millisOf(o.maxLag),
		Engine: s.about, Machine: o.engine.machine(), Profile: profile, Result: r,
	}
	if err := v.write(stdio.Out, textTable); err != nil {
		return err
	}
	if err := writeValidation(v, dir); err != nil || o.noFail {
		return err
	}
	return v.unmet()
}

// scaled is the workload as it is played.
func scaled(recorded *workloads.Library, factor float64) (*workloads.Library, error) {
	lib, err := validate.OneSite(recorded).Scale(factor)
	return lib, badInput(err)
}

func millisOf(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// writeValidation writes the folder, if there is one.
func writeValidation(v *validation, dir *outDir) error {
	if dir == nil {
		return nil
	}
	for name, write := range map[string]func(io.Writer) error{
		"validation.md": func(w io.Writer) error { return v.write(w, markdownTable) },
		"validation.json": func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(v)
		},
		"profile.json": v.Profile.Write,
	} {
		f, err := os.Create(dir.path(name))
		if err != nil {
			return err
		}
		if err := errors.Join(buffered(f, write), f.Close()); err != nil {
			return err
		}
	}
	return dir.commit(false)
}

// unmet is a threshold error when the simulator is outside a bar, or a run does
// not count.
func (v *validation) unmet() error {
	var missed []string
	for _, l := range v.Result.Loads {
		for _, r := range l.Rows {
			if r.Verdict == validate.Outside {
				missed = append(missed, fmt.Sprintf("%s %s at %.3g sessions/s is %+.1f %% off", r.Metric, r.Statistic, l.Rate, 100*r.Error))
			}
		}
		if i := slices.IndexFunc(l.Runs, func(r validate.Report) bool { return r.Invalid != "" }); i >= 0 {
			missed = append(missed, fmt.Sprintf("run %d at %.3g sessions/s is invalid", i+1, l.Rate))
		}
	}
	for _, t := range v.Result.Ranking {
		if t.Separated > 0 && t.Tau < validate.LeastTau {
			missed = append(missed, fmt.Sprintf("tau over %s %s is %.2f", t.Metric, t.Statistic, t.Tau))
		}
	}
	missed = append(missed, v.Result.Doubts...)
	if len(missed) == 0 {
		return nil
	}
	return thresholdError{strings.Join(missed, "; ")}
}
