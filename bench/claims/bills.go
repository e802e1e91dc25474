package claims

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"tierlab/reference/topology"
	"tierlab/sim"
	"tierlab/workloads"
)

// usdPerNeuron is what an inference unit costs: $0.011 per thousand
// (https://developers.cloudflare.com/workers-ai/platform/pricing/, 2025-06).
const usdPerNeuron = 0.011 / 1000

// meters are ways to bill a session.
func meters() []string { return []string{"steps", "tokens", "neurons", "compute s"} }

// quantity is what a meter counts of a session.
func (s *sessionBill) quantity(by string) float64 {
	switch by {
	case "steps":
		return float64(s.steps)
	case "tokens":
		return s.usd.Tokens
	case "neurons":
		return s.neurons
	}
	return s.active
}

// neuronsOf counts an attempt's neurons. The provider that sells them states
// token prices that are neurons times their price, so an edge deployment's
// price gives them; a model without one is taken to need those of the 70B
// model, scaled by active weights.
func neuronsOf(w *topology.World) (func(*workloads.Attempt) float64, error) {
	per := map[string]topology.Price{}
	for t := topology.Metro; t < topology.Tiers; t++ {
		for _, s := range w.SitesIn(t) {
			for _, d := range w.Sites[s].Deployments {
				if m := &w.Models[d.Model]; !m.Frontier {
					per[m.Name] = d.Price
				}
			}
		}
	}
	large, frontier := w.ModelByName("llama-3.1-70b"), w.ModelByName(frontierModel)
	if large == topology.None || frontier == topology.None {
		return nil, fmt.Errorf("topology %q has no 70B or no frontier model to count neurons of", w.Name)
	}
	scale := w.Models[frontier].ActiveB / w.Models[large].ActiveB
	p := per["llama-3.1-70b"]
	per[frontierModel] = topology.Price{In: p.In * scale, Cached: p.Cached * scale, Out: p.Out * scale}
	return func(a *workloads.Attempt) float64 {
		p := per[a.Model]
		if a.Tier == topology.Device.String() {
			return 0
		}
		return (float64(a.Input-a.Cached)*p.In + float64(a.Cached)*p.Cached + float64(a.Output)*p.Out) / 1e6 / usdPerNeuron
	}, nil
}

// billLoad is a population under a load.
type billLoad struct {
	name, profile string
	arrivals      sim.Arrivals
}

func billLoads() []billLoad {
	var list []billLoad
	for _, name := range agents() {
		list = append(list, billLoad{name: name, profile: name})
	}
	return append(list,
		billLoad{name: "embedded, bursty", arrivals: sim.Arrivals{Process: sim.Gamma, Rate: arrivalsPerSecond, CV: 4}},
		billLoad{name: "embedded, batch", arrivals: sim.Arrivals{Process: sim.Closed, N: 20}})
}

// chatProfile has no tools, so its time is inference: compute seconds are
// priced so that it costs the same by them as by neurons.
const chatProfile = "chat-sharegpt"

const billPolicy = "threshold"

// ioBound is the share of the active makespan in tools above which an agent
// counts as bound by input and output.
const ioBound = 0.5

// bills is C11.
func bills(ctx context.Context, l *Lab, f *Finding) error {
	w, err := l.world(l.Edge)
	if err != nil {
		return err
	}
	neurons, err := neuronsOf(w)
	if err != nil {
		return err
	}
	chat, err := l.billed(ctx, w, billLoad{profile: chatProfile}, neurons)
	if err != nil {
		return err
	}
	second := usdPerNeuron * meanQuantity(chat, "neurons") / meanQuantity(chat, "compute s")
	spread := Table{Title: "Coefficient of variation of a session's bill, by meter; bursty: gamma gaps of cv 4, batch: 20 sessions at a time", Head: append([]string{"workload"}, meters()...)}
	size := Table{Title: fmt.Sprintf("Mean bill, USD: neurons at $%g per 1,000; compute seconds at $%.3g, so that %s costs the same", 1000*usdPerNeuron, second, chatProfile),
		Head: []string{"workload", "tool time %", "tokens", "neurons", "compute s", "equal at $/s"}}
	for _, load := range billLoads() {
		r, err := l.billed(ctx, w, load, neurons)
		if err != nil {
			return err
		}
		f.predictable(&spread, load.name, r)
		f.cheaperForWaiting(&size, load.name, r, second)
	}
	f.Tables = append(f.Tables, spread, size)
	f.judge()
	f.Says = f.billWords()
	f.How = l.how("each profile", l.Edge) + ", policy " + billPolicy + "; modelled bills: no provider sells all four"
	return nil
}

// billed runs one population.
func (l *Lab) billed(ctx context.Context, w *topology.World, load billLoad, neurons func(*workloads.Attempt) float64) (*result, error) {
	lib, err := l.embedded()
	if load.profile != "" {
		lib, err = l.profile(load.profile, -1)
	}
	if err != nil {
		return nil, err
	}
	results, err := l.play(ctx, setting{world: w, library: lib, arrivals: load.arrivals, neurons: neurons}, billPolicy)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

func meanQuantity(r *result, by string) float64 {
	return r.estimate(func(m *meter) float64 {
		return m.mean(func(s *sessionBill) float64 { return s.quantity(by) })
	}).Mean
}

// variation is the coefficient of variation of a session's bill.
func variation(by string) func(*meter) float64 {
	return func(m *meter) float64 {
		var xs []float64
		for i := range m.sessions {
			xs = append(xs, m.sessions[i].quantity(by))
		}
		mean, sd := stat.MeanStdDev(xs, nil)
		return sd / mean
	}
}

// predictable checks that bills by steps vary less than bills by tokens.
func (f *Finding) predictable(t *Table, name string, r *result) {
	row := []Cell{word(name)}
	for _, m := range meters() {
		row = append(row, figure(r.estimate(variation(m))))
	}
	t.row(row...)
	less := paired(r.of(variation("tokens")), r.of(variation("steps")))
	f.check(Check{Statement: "steps vary less than tokens for " + name, Criterion: "a smaller coefficient", Found: less,
		Truth: less.above(0), Where: "steps against tokens: " + name})
}

// cheaperForWaiting checks, for agents that mostly wait for tools, that
// neurons cost less than compute seconds.
func (f *Finding) cheaperForWaiting(t *Table, name string, r *result, second float64) {
	waits := r.estimate(toolShare)
	per := func(by string, price float64) func(*meter) float64 {
		return func(m *meter) float64 {
			return price * m.mean(func(s *sessionBill) float64 { return s.quantity(by) })
		}
	}
	neurons, compute := per("neurons", usdPerNeuron), per("compute s", second)
	t.row(word(name), figure(waits.times(100)), figure(r.estimate(per("tokens", 1))), figure(r.estimate(neurons)), figure(r.estimate(compute)),
		figure(r.estimate(func(m *meter) float64 { return second * neurons(m) / compute(m) })))
	if waits.atLeast(ioBound) != Yes {
		return
	}
	less := saved(r.of(neurons), r.of(compute)).times(100)
	f.check(Check{Statement: "neurons cost less than seconds for " + name, Criterion: "cheaper",
		Found: less, Unit: "% less", Truth: less.above(0), Where: "neurons against compute seconds: " + name})
}

// billWords sums up both halves of the claim.
func (f *Finding) billWords() string {
	steps, waiting := 0, 0
	for _, c := range f.Checks {
		if c.Truth == Yes && c.Unit == "" {
			steps++
		} else if c.Truth == Yes {
			waiting++
		}
	}
	low, high := math.Inf(1), math.Inf(-1)
	least, most := math.Inf(1), math.Inf(-1)
	for i, row := range f.Tables[0].Rows {
		ratio, equal := row[2].figure.Mean/row[1].figure.Mean, f.Tables[1].Rows[i][5].figure.Mean
		low, high = min(low, ratio), max(high, ratio)
		least, most = min(least, equal), max(most, equal)
	}
	return fmt.Sprintf("A bill by steps varies less than one by tokens in %d of %d workloads (tokens vary %.1f to %.1f times as much). "+
		"Priced alike on %s, neurons cost less than compute seconds in %d of %d workloads that mostly wait for tools: "+
		"agents' prompts are long, so both bills are equal only at %s to %s dollars a second.",
		steps, len(f.Tables[0].Rows), low, high, chatProfile, waiting, len(f.Checks)-len(f.Tables[0].Rows), short(least), short(most))
}
