package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tierlab/bench/calibrate"
	"tierlab/engine"
	"tierlab/sim/steptime"
)

// calibrateOptions say which engine is measured.
type calibrateOptions struct {
	engine namedEngine
	rounds int
	out    string
}

func newCalibrate(g *global, stdio Stdio) *cobra.Command {
	var o calibrateOptions
	cmd := &cobra.Command{
		Use:   "calibrate --engine BACKEND:MODEL --out FILE",
		Short: "Fit the step-time model to a real engine",
		Long: `Fit the step-time model to a real engine on this machine: whole iterations,
sampling and HTTP included, over batch size, context and prompt tokens, and what
a request takes on its way in and out. The profile is what a simulated site at
engine fidelity (replay --fidelity engine --steptime FILE) and the engine's own
stall bound (--profile FILE --stall 50ms) go by.

The last round of loads is not fitted: the profile says how far the model is
from it. The scheduler's settings are part of what is measured: give the same
ones as to the engine that is to be predicted.`,
		Example: `  tierlab calibrate --engine null:tiny --rounds 2 --slots 4 --budget 128 --context 512 --out profile.json`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return calibrateEngine(cmd.Context(), o, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	o.engine.flags(f, 16)
	f.IntVar(&o.rounds, "rounds", 3, "how often each load is run; the last time is kept out of the fit")
	f.StringVar(&o.out, "out", "", "the `file` for the profile; - is standard output")
	return cmd
}

func (o *calibrateOptions) validate() error {
	switch {
	case o.out == "":
		return fmt.Errorf("--out is missing: name the profile's file, or - for standard output")
	case o.rounds < 2:
		return fmt.Errorf("--rounds is %d: it is at least 2, one to fit and one to test", o.rounds)
	}
	return o.engine.validate()
}

func calibrateEngine(ctx context.Context, o calibrateOptions, stdio Stdio, show *progress) error {
	show.Update("loading %s", o.engine.model.model)
	var seen calibrate.Recorder
	b, err := o.engine.listen(func(next engine.Observer) engine.Observer {
		seen.Next = next
		return &seen
	})
	if err != nil {
		return err
	}
	defer b.Close()
	caps := b.Caps()
	r, err := calibrate.Run(ctx, &calibrate.Config{
		Target: b.Target, Recorder: &seen, Now: b.Now, Rounds: o.rounds,
		Limits: calibrate.Limits{
			Slots: caps.Slots, Budget: caps.Budget, Context: b.Context(), CacheTokens: caps.Blocks * caps.BlockTokens, Vocab: caps.Vocab,
		},
		Progress: func(round, done, all int, what string) {
			show.Update("round %d of %d, load %d of %d: %s", round+1, o.rounds, done+1, all, what)
		},
	})
	if err != nil {
		return err
	}
	show.Done()
	p := &steptime.Profile{
		Date: time.Now().UTC().Format(time.DateOnly), Engine: "tierlab " + version(),
		Backend: deviceOf(caps), Model: b.model.Name, Kernels: caps.Kernels,
		Machine:  o.engine.machine(),
		Overhead: r.Overhead, Measured: r.Measured, Residual: r.Residual,
	}
	p.SetLinear(r.Step)
	if err := writeOutput(o.out, stdio, p.Write); err != nil {
		return err
	}
	return showCalibration(r, stdio.Err)
}

// showCalibration says how well the model fits, load by load.
func showCalibration(r *calibrate.Result, w io.Writer) error {
	t := newTable("LOAD", "ITERATIONS", "MEAN MS", "MODEL")
	for _, l := range r.Loads {
		t.row(l.Name, thousands(l.Iterations), figure(l.MeanMs), fmt.Sprintf("%+.1f %%", 100*l.Error))
	}
	if err := t.write(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for f, ns := range r.Step {
		if ns > 0 {
			fmt.Fprintf(w, "  %-10s %12s ns\n", steptime.Feature(f), thousands(int(ns+0.5)))
		}
	}
	e := r.Residual
	_, err := fmt.Fprintf(w, `
%s iterations: error %+.1f %% on average, %.1f %% in the median, %.1f %% at p90; %.1f %% (median) on the round kept out
way in %.0f us + %.0f ns a token, way out %.0f us + %.0f ns a token; %d iterations left out, since the machine stood still
`, thousands(e.Iterations), 100*e.Mean, 100*e.P50, 100*e.P90, 100*e.HeldOut,
		r.Overhead.In/1e3, r.Overhead.InPerToken, r.Overhead.Out/1e3, r.Overhead.OutPerToken, r.Stalled)
	return err
}
