package claims

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"tierlab/configs"
	"tierlab/reference/ledger"
	"tierlab/sim"
)

// The books that C11 compares, by their names in configs/books.yaml, and seconds.
const (
	bySteps   = "steps"
	byActions = "actions"
	byTokens  = "tokens"
	byNeurons = "neurons"
	bySeconds = "seconds"
)

func meters() []string { return []string{bySteps, byActions, byTokens, byNeurons, bySeconds} }

// books are the ones that C11 compares. Neurons and seconds stand for inference
// alone: what the platform costs is the same beside both. A second of the session's
// time, waiting for tools included, costs what is given, in US dollars.
func books(c *ledger.Catalogue, second float64) ([]ledger.Book, error) {
	var list []ledger.Book
	for _, name := range meters()[:4] {
		b, err := c.Find(name)
		if err != nil {
			return nil, err
		}
		list = append(list, *b)
	}
	list[3].AtCost = nil
	return append(list, ledger.Book{Name: bySeconds, ActiveHour: ledger.Pico(3600 * second)}), nil
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
	catalogue, err := ledger.LoadBooks(configs.FS)
	if err != nil {
		return err
	}
	s := setting{world: w, catalogue: catalogue}
	if s.books, err = books(catalogue, 1); err != nil {
		return err
	}
	chat, err := l.billed(ctx, s, billLoad{profile: chatProfile})
	if err != nil {
		return err
	}
	second := chat.estimate(billMean(byNeurons)).Mean / chat.estimate(activeMean).Mean
	if s.books, err = books(catalogue, second); err != nil {
		return err
	}
	spread := Table{Title: "Coefficient of variation of a session's bill, by book; bursty: gamma gaps of cv 4, batch: 20 sessions at a time",
		Head: append([]string{"workload"}, meters()...),
		Note: "actions: a step counts once for each 10,000 tokens begun"}
	size := Table{Title: fmt.Sprintf("Mean bill, USD, at the books' prices; seconds at $%.3g, so that %s costs the same by them as by neurons", second, chatProfile),
		Head: append(append([]string{"workload", "tool time %"}, meters()...), "equal at $/s")}
	for _, load := range billLoads() {
		r, err := l.billed(ctx, s, load)
		if err != nil {
			return err
		}
		f.predictable(&spread, load.name, r)
		f.cheaperForWaiting(&size, load.name, r, second)
	}
	f.Tables = append(f.Tables, spread, size)
	f.judge()
	f.Says = f.billWords()
	f.How = l.how("each profile", l.Edge) + ", policy " + billPolicy + "; metered and billed by reference/ledger, as live sessions are, at the prices of configs/books.yaml"
	return nil
}

// billed runs one population.
func (l *Lab) billed(ctx context.Context, s setting, load billLoad) (*result, error) {
	var err error
	if load.profile != "" {
		s.library, err = l.profile(load.profile, -1)
	} else {
		s.library, err = l.embedded()
	}
	if err != nil {
		return nil, err
	}
	s.arrivals = load.arrivals
	results, err := l.play(ctx, s, billPolicy)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// billMean is the mean bill of a session, in US dollars.
func billMean(book string) func(*meter) float64 {
	return func(m *meter) float64 {
		return m.mean(func(s *sessionBill) float64 { return s.billed[book] })
	}
}

// variation is the coefficient of variation of a session's bill.
func variation(book string) func(*meter) float64 {
	return func(m *meter) float64 {
		var xs []float64
		for i := range m.sessions {
			xs = append(xs, m.sessions[i].billed[book])
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
	less := paired(r.of(variation(byTokens)), r.of(variation(bySteps)))
	f.check(Check{Statement: "bills by steps vary less than by tokens for " + name, Criterion: "a smaller coefficient", Found: less,
		Truth: less.above(0), Where: "steps against tokens: " + name})
}

// cheaperForWaiting checks, for agents that mostly wait for tools, that
// neurons cost less than seconds.
func (f *Finding) cheaperForWaiting(t *Table, name string, r *result, second float64) {
	waits := r.estimate(toolShare)
	row := []Cell{word(name), figure(waits.times(100))}
	for _, book := range meters() {
		row = append(row, figure(r.estimate(billMean(book))))
	}
	neurons, seconds := billMean(byNeurons), billMean(bySeconds)
	t.row(append(row, figure(r.estimate(func(m *meter) float64 { return second * neurons(m) / seconds(m) })))...)
	if waits.atLeast(ioBound) != Yes {
		return
	}
	less := saved(r.of(neurons), r.of(seconds)).times(100)
	f.check(Check{Statement: "neurons cost less than seconds for " + name, Criterion: "cheaper",
		Found: less, Unit: "% less", Truth: less.above(0), Where: "neurons against seconds: " + name})
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
	actions := 0
	for i, row := range f.Tables[0].Rows {
		size := f.Tables[1].Rows[i]
		ratio, equal := row[3].figure.Mean/row[1].figure.Mean, size[len(size)-1].figure.Mean
		low, high = min(low, ratio), max(high, ratio)
		least, most = min(least, equal), max(most, equal)
		if row[2].figure.Mean < row[3].figure.Mean {
			actions++
		}
	}
	n := len(f.Tables[0].Rows)
	return fmt.Sprintf("A bill by steps varies less than one by tokens in %d of %d workloads (tokens vary %.1f to %.1f times as much); "+
		"one by actions, which count long steps several times, in %d. "+
		"Priced alike on %s, neurons cost less than compute seconds in %d of %d workloads that mostly wait for tools: "+
		"agents' prompts are long, so both bills are equal only at %s to %s dollars a second.",
		steps, n, low, high, actions, chatProfile, waiting, len(f.Checks)-n, short(least), short(most))
}
