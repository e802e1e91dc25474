package claims

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tierlab/reference/topology"
)

// provider is a provider with its claimed range of prices.
type provider struct {
	name      string
	low, high float64
}

func claimedEgress() []provider {
	return []provider{{"edge", 0, 0}, {"aws", 0.02, 0.12}, {"azure", 0.005, 0.12}, {"gcp", 0.01, 0.12}}
}

// egressPolicy sends some calls to sites of the session's own provider and
// some far away.
const egressPolicy = "threshold"

// egress is C10.
func egress(ctx context.Context, l *Lab, f *Finding) error {
	lib, err := l.embedded()
	if err != nil {
		return err
	}
	t := Table{Title: "A session's bill by topology, policy " + egressPolicy,
		Head: []string{"topology", "USD/GB", "GB/session", "egress USD/session", "bill USD/session", "egress %"}}
	seen := map[string]bool{}
	for _, name := range append([]string{l.Edge}, l.Clouds...) {
		w, err := l.world(name)
		if err != nil {
			return err
		}
		p, price := dearest(w)
		results, err := l.play(ctx, setting{world: w, library: lib}, egressPolicy)
		if err != nil {
			return err
		}
		r := results[0]
		paid := r.estimate(func(m *meter) float64 { return m.mean(egressUSD) })
		gb := word("not priced")
		if price > 0 {
			gb = figure(paid.times(1 / price))
		}
		t.row(word(name), number(price), gb, figure(paid), figure(r.estimate(dollarMean)), figure(r.estimate(egressShare).times(100)))
		if !seen[p] {
			seen[p] = true
			f.priced(p, price)
		}
	}
	f.Tables = append(f.Tables, t)
	f.judge()
	f.Says = f.inWords() + " Share of a session's bill: " + shareOf(&t) + "."
	f.How = "prices as the providers list them (configs/prices.yaml); share of the bill " + l.how("embedded", "each topology")
	return nil
}

// dearest is the provider, other than the user, whose bytes cost most to send
// in a world, and their price.
func dearest(w *topology.World) (name string, usdPerGB float64) {
	for i := range w.Sites {
		s := &w.Sites[i]
		if s.Tier != topology.Device && (name == "" || s.EgressUSDPerGB > usdPerGB) {
			name, usdPerGB = s.Provider, s.EgressUSDPerGB
		}
	}
	return name, usdPerGB
}

// priced checks a provider's price against the claimed range.
func (f *Finding) priced(name string, price float64) {
	i := slices.IndexFunc(claimedEgress(), func(p provider) bool { return p.name == name })
	if i < 0 {
		return
	}
	p, found := claimedEgress()[i], exactly(price)
	f.check(Check{Statement: name + " egress", Criterion: fmt.Sprintf("%g-%g USD/GB", p.low, p.high), Found: found, Unit: "USD/GB",
		Truth: found.within(p.low, p.high), Where: "the price of " + name})
}

func egressUSD(s *sessionBill) float64 { return s.usd.Egress }

func egressShare(m *meter) float64 { return m.mean(egressUSD) / m.mean(dollars) }

// shareOf lists egress as part of the bill.
func shareOf(t *Table) string {
	var list []string
	for _, row := range t.Rows {
		list = append(list, fmt.Sprintf("%s %.2g %%", row[0].Text, row[5].figure.Mean))
	}
	return strings.Join(list, ", ")
}
