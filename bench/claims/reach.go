package claims

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tierlab/reference/topology"
)

// reachLimit is the round trip that users are claimed to be within.
const reachLimit = 50 * time.Millisecond

// reach is C3.
func reach(_ context.Context, l *Lab, f *Finding) error {
	there, err := southEastAsia()
	if err != nil {
		return err
	}
	from := Table{Title: "From the origins in South-East Asia to the nearest site of a tier, weighted by users",
		Head: []string{"world", "tier", "hops p50", "RTT ms p5", "p50", "p95"}}
	all := Table{Title: "All users", Head: []string{"world", "metro sites", "% within 50 ms of one"}}
	for _, name := range []string{l.Edge, l.EdgeByDistance} {
		w, err := l.world(name)
		if err != nil {
			return err
		}
		f.distant(&from, w, topology.Metro, there, name == l.Edge)
		f.distant(&from, w, topology.Central, there, name == l.Edge)
		f.near(&all, w, name == l.Edge)
	}
	f.Tables = append(f.Tables, from, all)
	f.judge()
	var said []string
	for _, row := range from.Rows {
		said = append(said, fmt.Sprintf("%s on %s %.0f hops and %s ms", row[1].Text, row[0].Text, row[2].figure.Mean, row[4].Text))
	}
	for _, row := range all.Rows {
		said = append(said, fmt.Sprintf("%.0f %% of all users within 50 ms of the %.0f metro sites of %s", row[2].figure.Mean, row[1].figure.Mean, row[0].Text))
	}
	f.Says = "Medians from South-East Asia: " + strings.Join(said, "; ") + "."
	f.How = "read off the topologies: hops and the number of sites are scenarios; round trips are the claimed bands on " +
		l.Edge + " and follow from distance on " + l.EdgeByDistance
	return nil
}

// distant checks hops and round trips from the origins that are there. Hops
// are a scenario of every world.
func (f *Finding) distant(t *Table, w *topology.World, tier topology.Tier, there func(*topology.Origin) bool, assumed bool) {
	hops := &sample{}
	for _, link := range nearestLinks(w, tier, there) {
		hops.add(float64(link.Hops), link.weight)
	}
	if len(hops.values) == 0 {
		return
	}
	trips := roundTrips(w, tier, there)
	median, trip := exactly(quantile(0.5, hops.values, hops.weights)), exactly(quantile(0.5, trips.values, trips.weights))
	t.row(append([]Cell{word(w.Name), word(tier.String()), figure(median)}, trips.cells()...)...)

	few, least, most, limit, truth := "3", 3.0, 3.0, "at most 50 ms", trip.atMost(50)
	if tier == topology.Central {
		few, least, most, limit, truth = "15-20", 15, 20, "at least 200 ms", trip.atLeast(200)
	}
	f.check(Check{Statement: fmt.Sprintf("median hops to %s on %s", tier, w.Name), Criterion: few,
		Found: median, Truth: median.within(least, most), Where: fmt.Sprintf("hops to %s", tier), Assumed: true})
	f.check(Check{Statement: fmt.Sprintf("median round trip to %s on %s", tier, w.Name), Criterion: limit,
		Found: trip, Unit: "ms", Truth: truth, Where: fmt.Sprintf("round trip to %s %s on %s", tier, limit, w.Name), Assumed: assumed})
}

// near checks how many sites there are and how many users they are near.
func (f *Finding) near(t *Table, w *topology.World, assumed bool) {
	sites := exactly(float64(len(w.SitesIn(topology.Metro))))
	share := exactly(100 * w.ShareWithin(topology.Metro, reachLimit))
	t.row(word(w.Name), figure(sites), figure(share))
	f.check(Check{Statement: "metro sites on " + w.Name, Criterion: "at least 300", Found: sites,
		Truth: sites.atLeast(300), Where: "the number of sites", Assumed: true})
	f.check(Check{Statement: "users within 50 ms on " + w.Name, Criterion: fmt.Sprintf("at least %g %%", 100*bandShare), Found: share, Unit: "%",
		Truth: share.atLeast(100 * bandShare), Where: "users within 50 ms on " + w.Name, Assumed: assumed})
}
