package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tierlab/bench/fidelity"
	"tierlab/reports"
	"tierlab/sim"
)

// fidelityOptions describe a comparison of the simulator's fidelities: a replay
// at several loads.
type fidelityOptions struct {
	replay   replayOptions
	loads    []string
	measures []string
}

func newFidelity(g *global, stdio Stdio) *cobra.Command {
	var o fidelityOptions
	cmd := &cobra.Command{
		Use:   "fidelity WORKLOAD",
		Short: "Compare how the simulator's fidelities rank policies",
		Long: `Replay a workload under the same policies at the queue and at the engine
fidelity, and say how far the two agree on which policy is better: for each load
and measure Kendall's tau-b of the policies' means, and the same over the pairs
of policies that both fidelities separate (95 %, paired over replications).
Every pair that they order differently is listed.`,
		Example: `  tierlab fidelity embedded --topology tiny --policy static-metro,p2c --load closed:2 -n 4 -r 2 --warm-up 0s`,
		Args:    exactly("WORKLOAD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.replay.workload = args[0]
			plans, err := o.validate()
			if err != nil {
				return badInput(err)
			}
			return compareFidelities(cmd.Context(), o, plans, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	r := &o.replay
	f.StringVar(&r.topology, "topology", "agent-cloud", "the world: a built-in `topology` or a YAML file")
	f.StringSliceVar(&r.policies, "policy", []string{"static-metro", "static-central", "p2c", "session-affinity"}, "the `policies` to rank (tierlab policy list)")
	f.StringArrayVar(&o.loads, "load", nil, "how sessions arrive, such as poisson:0.5; give several to compare at several `loads`")
	f.StringSliceVar(&o.measures, "measure", []string{"active_makespan_p50", "active_makespan_p90", "ttft_due_p90", "usd_per_resolved"}, "the `measures` to rank by, as a run's summary.json names them")
	f.IntVarP(&r.sessions, "sessions", "n", 0, "how many arrivals are measured (0: as many as the workload has)")
	f.StringVar(&r.warmUp, "warm-up", "auto", "run for this `duration` before measuring; auto: as long as nine in ten sessions take by themselves")
	f.Uint64Var(&r.seed, "seed", 1, "the seed of all draws")
	f.IntVarP(&r.replications, "replications", "r", 5, "how many times to repeat, each with its own draws")
	f.IntVar(&r.workers, "workers", 0, "how many replications run at once (0: one for each CPU)")
	f.DurationVar(&r.thinkCap, "think-cap", time.Minute, "cap each person's think time (0: as recorded)")
	f.DurationVar(&r.toolCap, "tool-cap", 10*time.Minute, "cap each tool call and unexplained gap (0: as recorded)")
	r.target, r.records = "sim", recordsNone
	r.engine.bind(f)
	r.quality.bind(f)
	return cmd
}

// fidelityPlan is one load's plans, by fidelity.
type fidelityPlan struct {
	load  string
	plans [2]*plan
}

func (o *fidelityOptions) validate() ([]fidelityPlan, error) {
	switch {
	case len(o.loads) == 0:
		return nil, errors.New("--load: give at least one, such as --load poisson:0.5")
	case o.replay.replications < 2:
		return nil, fmt.Errorf("--replications: %d: an interval over replications needs at least 2", o.replay.replications)
	}
	var all []fidelityPlan
	for _, load := range o.loads {
		one := fidelityPlan{load: load}
		for f := range one.plans {
			r := o.replay
			r.arrivals, r.fidelity = load, sim.Fidelity(f).String()
			p, err := r.validate()
			if err != nil {
				return nil, err
			}
			if len(p.policies) < 2 {
				return nil, errors.New("--policy: a ranking needs at least two policies")
			}
			one.plans[f] = p
		}
		all = append(all, one)
	}
	return all, nil
}

// compareFidelities plays every load at both fidelities and prints how far they
// agree.
func compareFidelities(ctx context.Context, o fidelityOptions, all []fidelityPlan, stdio Stdio, show *progress) error {
	for i, one := range all {
		var summaries [2]*reports.Summary
		for f, p := range one.plans {
			s, err := newSweep(ctx, p, stdio, nil, show)
			if err != nil {
				return err
			}
			report, err := s.run(ctx)
			show.Done()
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			summaries[f] = report.Summary
		}
		if i > 0 {
			fmt.Fprintln(stdio.Out)
		}
		if err := writeAgreement(stdio.Out, o.measures, summaries); err != nil {
			return err
		}
	}
	return nil
}

// writeAgreement prints one load's comparison.
func writeAgreement(w io.Writer, measures []string, s [2]*reports.Summary) error {
	taus := newTable("measure", "tau-b", "tau of separated pairs", "same", "opposite", "open")
	var tables []*table
	var apart []string
	for _, name := range measures {
		a, m, err := agreement(name, s)
		if err != nil {
			return err
		}
		open := len(a.Pairs) - a.Same - a.Opposite
		taus.row(name, tau(a.Tau), tau(a.TauSeparated()), fmt.Sprint(a.Same), fmt.Sprint(a.Opposite), fmt.Sprint(open))
		tables = append(tables, means(m, a, s))
		apart = append(apart, differing(m, a, s)...)
	}
	p := s[0].Provenance
	fmt.Fprintf(w, "%s on %s, %s, %d replications\n", p.Workload, p.Topology, p.Load, s[0].Replications)
	for f := range s {
		for _, why := range s[f].Invalid {
			fmt.Fprintf(w, "not valid at the %s fidelity: %s\n", sim.Fidelity(f), why)
		}
	}
	for _, t := range append(tables, taus) {
		fmt.Fprintln(w)
		if err := t.write(w); err != nil {
			return err
		}
	}
	if len(apart) == 0 {
		apart = []string{"The fidelities order every pair of policies alike."}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(apart, "\n"))
	return err
}

// agreement compares the fidelities on one measure.
func agreement(name string, s [2]*reports.Summary) (*fidelity.Agreement, *reports.Measure, error) {
	at := slices.IndexFunc(s[0].Measures, func(m reports.Measure) bool { return m.Name == name })
	if at < 0 {
		return nil, nil, badInputf("--measure: no measure %q; a run's summary.json lists them", name)
	}
	var values [2]fidelity.Values
	for f := range s {
		for i := range s[f].Policies {
			var v []float64
			for _, x := range s[f].Policies[i].Measures[name].Values {
				if !x.Defined() {
					return nil, nil, fmt.Errorf("%s of policy %s is not defined in every replication: measure more sessions", name, s[f].Policies[i].Name)
				}
				v = append(v, float64(x))
			}
			values[f] = append(values[f], v)
		}
	}
	a, err := fidelity.Compare(values[0], values[1])
	return a, &s[0].Measures[at], err
}

// means are the policies' means at both fidelities.
func means(m *reports.Measure, a *fidelity.Agreement, s [2]*reports.Summary) *table {
	t := newTable(fmt.Sprintf("%s (%s)", m.Name, m.Unit), "queue", "engine", "engine/queue")
	for i := range s[0].Policies {
		q, e := a.Means[0][i], a.Means[1][i]
		t.row(s[0].Policies[i].Name, digits(q), digits(e), fmt.Sprintf("%.2f", e/q))
	}
	return t
}

// differing says which pairs the fidelities order differently.
func differing(m *reports.Measure, a *fidelity.Agreement, s [2]*reports.Summary) []string {
	var lines []string
	for _, p := range a.Pairs {
		if !p.Opposite() {
			continue
		}
		better := func(o fidelity.Order) string {
			i := p.A
			if (o.Mean > 0) == (m.Better != reports.Higher) {
				i = p.B
			}
			text := fmt.Sprintf("%s by %s", s[0].Policies[i].Name, digits(math.Abs(o.Mean)))
			if !o.Separated() {
				text += fmt.Sprintf(" (not separated: ± %s)", digits(o.Half))
			}
			return text
		}
		lines = append(lines, fmt.Sprintf("%s: queue prefers %s, engine %s", m.Name, better(p.First), better(p.Second)))
	}
	return lines
}

func digits(v float64) string { return fmt.Sprintf("%.4g", v) }

// tau is a rank correlation, or a dash where no pair says anything.
func tau(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}
