package claims

import (
	"context"
	"fmt"
	"strings"

	"tierlab/reference/topology"
)

// band is the latency that a tier is claimed to have, in ms.
type band struct {
	tier      topology.Tier
	low, high float64
}

func claimedBands() []band {
	return []band{{topology.Device, 0, 1}, {topology.Metro, 10, 50}, {topology.Regional, 50, 150}, {topology.Central, 200, 500}}
}

// bandShare is the share of users, or of attempts, that must keep a limit.
const bandShare = 0.95

// What is held to the bands.
const (
	roundTrip  = "round trips"
	completion = "completions"
)

// bands is C2.
func bands(ctx context.Context, l *Lab, f *Finding) error {
	head := []string{"world", "tier", "claimed ms", "p5", "p50", "p95", "% below", "% in band", "% above"}
	trips := Table{Title: "Undisturbed round trips, ms: from every origin to the nearest site of the tier, weighted by users", Head: head}
	calls := Table{Title: "Completions, ms: from the request's leaving the home to its last token, under the policy random:near=1", Head: head}
	for _, name := range []string{l.Edge, l.EdgeByDistance} {
		w, err := l.world(name)
		if err != nil {
			return err
		}
		attempts, err := l.completions(ctx, w)
		if err != nil {
			return err
		}
		for _, b := range claimedBands() {
			f.inBand(&trips, w, b, roundTrips(w, b.tier, nil), roundTrip, name == l.Edge || b.tier == topology.Device)
			f.inBand(&calls, w, b, attempts[b.tier], completion, false)
		}
	}
	f.Tables = append(f.Tables, trips, calls)
	f.judge()
	f.Says = fmt.Sprintf("In the band on %s, built from the bands: %s. On %s: %s (the others are nearer or, rarely, farther). Completions on %s: %s.",
		l.Edge, inside(&trips, l.Edge), l.EdgeByDistance, inside(&trips, l.EdgeByDistance), l.Edge, inside(&calls, l.Edge))
	f.How = fmt.Sprintf("%g %% must keep an end of a band; round trips read off the topologies; completions %s",
		100*bandShare, l.how("embedded", l.Edge+" and "+l.EdgeByDistance))
	return nil
}

// inBand adds a row, and a check for each end of the band. A completion is not
// claimed to take at least so long, so its lower end is not checked. assumed
// says that the world was built with the band.
func (f *Finding) inBand(t *Table, w *topology.World, b band, s *sample, what string, assumed bool) {
	if len(s.values) == 0 {
		return
	}
	below := 100 * s.share(func(ms float64) bool { return ms < b.low })
	above := 100 * s.share(func(ms float64) bool { return ms > b.high })
	t.row(append(append([]Cell{word(w.Name), word(b.tier.String()), word(fmt.Sprintf("%g-%g", b.low, b.high))}, s.cells()...),
		number(below), number(100-below-above), number(above))...)
	end := func(side string, limit, outside float64) {
		name := fmt.Sprintf("%s %s %s %g ms on %s", b.tier, what, side, limit, w.Name)
		kept := exactly(100 - outside)
		f.check(Check{Statement: name, Criterion: fmt.Sprintf("at least %g %%", 100*bandShare), Found: kept, Unit: "%",
			Truth: kept.atLeast(100 * bandShare), Where: name, Assumed: assumed})
	}
	end("at most", b.high, above)
	if what == roundTrip && b.low > 0 {
		end("at least", b.low, below)
	}
}

// inside lists a world's shares in the band by tier.
func inside(t *Table, world string) string {
	var list []string
	for _, row := range t.Rows {
		if row[0].Text == world {
			list = append(list, fmt.Sprintf("%s %.0f %%", row[1].Text, row[7].figure.Mean))
		}
	}
	return strings.Join(list, ", ")
}

// completions are the latencies of attempts by tier, pooled over replications.
func (l *Lab) completions(ctx context.Context, w *topology.World) (byTier [topology.Tiers]*sample, err error) {
	lib, err := l.embedded()
	if err != nil {
		return byTier, err
	}
	results, err := l.play(ctx, setting{world: w, library: lib}, "random:near=1")
	if err != nil {
		return byTier, err
	}
	for t := range byTier {
		byTier[t] = &sample{}
		for _, m := range results[0].reps {
			for _, ms := range m.latency[t] {
				byTier[t].add(ms, 1)
			}
		}
	}
	return byTier, nil
}

// sample is a set of values with weights.
type sample struct{ values, weights []float64 }

func (s *sample) add(value, weight float64) {
	s.values, s.weights = append(s.values, value), append(s.weights, weight)
}

// share is the weight of the values of which something is true.
func (s *sample) share(of func(float64) bool) float64 {
	part, all := 0.0, 0.0
	for i, v := range s.values {
		all += s.weights[i]
		if of(v) {
			part += s.weights[i]
		}
	}
	return part / all
}

func (s *sample) cells() []Cell {
	var cells []Cell
	for _, p := range []float64{0.05, 0.5, 0.95} {
		cells = append(cells, number(quantile(p, s.values, s.weights)))
	}
	return cells
}

// roundTrips are those of all users to their nearest site of a tier, or of the
// origins that are kept, in ms.
func roundTrips(w *topology.World, tier topology.Tier, keep func(*topology.Origin) bool) *sample {
	s := &sample{}
	for _, link := range nearestLinks(w, tier, keep) {
		s.add(millis(link.RTT), link.weight)
	}
	return s
}

// userLink is the way of an origin's users to a site.
type userLink struct {
	*topology.Link
	weight float64
}

func nearestLinks(w *topology.World, tier topology.Tier, keep func(*topology.Origin) bool) []userLink {
	var links []userLink
	for i := range w.Origins {
		o := &w.Origins[i]
		from := w.OriginPlace(o.ID)
		if site := w.NearestIn(from, tier); site != topology.None && (keep == nil || keep(o)) {
			links = append(links, userLink{w.Link(from, w.PlaceOf(site, o.ID)), o.Weight})
		}
	}
	return links
}
