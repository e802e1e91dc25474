package claims

import (
	"context"
	"errors"
	"fmt"

	"tierlab/bench/actors"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/topology"
)

// levels are the consistency of reads in the order of actors' measurement.
func levels() []string { return []string{"strong", "bounded, 100 ms", "eventual"} }

// readScale is the share of the measurement's full size that a batch of C16 is.
const readScale = 0.05

// staleness is what reads of sessions that live took and how old they were, by level,
// then batch: p50 and p99 of the age in ms.
type staleness struct{ took, age [3][]float64 }

// reads measures reads once, and remembers the result.
func (l *Lab) reads(ctx context.Context) (*staleness, error) {
	if l.stale != nil {
		return l.stale, nil
	}
	dir, remove, err := scratch()
	if err != nil {
		return nil, err
	}
	defer remove()
	s := &staleness{}
	for range l.batches() {
		rows, err := actors.Measure(ctx, actors.Options{Folder: dir, Scale: readScale}, []string{"reads"})
		if err != nil {
			return nil, err
		}
		if len(rows) != len(s.took) {
			return nil, fmt.Errorf("%d levels of consistency were measured, not %d", len(rows), len(s.took))
		}
		for i, r := range rows {
			s.took[i] = append(s.took[i], r.Figures["p50_ms"])
			s.age[i] = append(s.age[i], r.Figures["age_p99_ms"])
		}
	}
	l.stale = s
	return s, nil
}

// tunable is P12.
func tunable(ctx context.Context, l *Lab, f *Finding) error {
	s, err := l.reads(ctx)
	if err != nil {
		return err
	}
	f.readTable(s)
	check := func(statement, criterion string, found Estimate, truth Truth) {
		f.check(Check{Statement: statement, Criterion: criterion, Found: found, Unit: "ms", Truth: truth, Where: statement})
	}
	strong, bounded, eventual := estimate(s.age[0]), estimate(s.age[1]), estimate(s.age[2])
	check("age of strong reads, p99", "0", strong, strong.atMost(0))
	check("age of reads bounded to 100 ms, p99", "at most 100 ms", bounded, bounded.atMost(100))
	check("age of eventual reads, p99", "above 0", eventual, eventual.above(0))
	less := paired(s.took[0], s.took[2])
	check("what an eventual read saves over a strong one, median", "above 0", less, less.above(0))
	f.judge()
	f.Says = f.inWords()
	f.How = here() + fmt.Sprintf(": reads of sessions that live, each choosing its consistency, %d batches", l.batches())
	return nil
}

// consistency is C16.
func consistency(ctx context.Context, l *Lab, f *Finding) error {
	s, err := l.reads(ctx)
	if err != nil {
		return err
	}
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	store, err := pebblestore.Open(dir+"/commits", pebblestore.Options{})
	if err != nil {
		return err
	}
	commits, err := l.measureBatches(func(int) (actors.Latencies, error) { return actors.Commit(ctx, store, 1, l.repeats(commitRuns)) })
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	f.readTable(s)
	more, stale := paired(s.took[0], s.took[2]), estimate(s.age[2])
	f.check(Check{Statement: "a strong read costs more than an eventual one where the session lives", Criterion: "slower",
		Found: more, Unit: "ms", Truth: more.above(0), Where: "in one place"})
	f.check(Check{Statement: "an eventual read is stale, p99 of its age", Criterion: "above 0",
		Found: stale, Unit: "ms", Truth: stale.above(0), Where: "in one place"})
	if err := f.overDistance(l, estimate(s.took[0]), estimate(s.took[2]), spread(commits, p50)); err != nil {
		return err
	}
	f.judge()
	f.Says = f.inWords()
	f.How = here() + fmt.Sprintf(": reads of sessions that live, and commits with fsync, %d batches; the network is the topologies' round trips between metro sites", l.batches())
	return nil
}

func (f *Finding) readTable(s *staleness) {
	t := Table{Title: "Reads of sessions that live, on this machine, ms", Head: []string{"consistency", "p50", "age p99"},
		Note: "a strong read goes through the session's mailbox, behind what it is doing; the others take the copy that is at hand"}
	for i, name := range levels() {
		t.row(word(name), figure(estimate(s.took[i])), figure(estimate(s.age[i])))
	}
	f.Tables = append(f.Tables, t)
}

// overDistance sets beside each other, by how far the reader and the session are
// apart, what strong and eventual reads and commits take: the round trip where one is
// due, and what was measured here.
func (f *Finding) overDistance(l *Lab, strong, eventual, commit Estimate) error {
	t := Table{Title: "By distance, median ms: a read from another metro site, and a commit that a second site has to confirm",
		Head: []string{"world", "apart", "round trip", "strong read", "eventual read", "commit, alone", "commit, two sites"}}
	for _, name := range []string{l.Edge, l.EdgeByDistance} {
		w, err := l.world(name)
		if err != nil {
			return err
		}
		for _, apart := range []struct {
			name  string
			trips *sample
		}{{"the nearest metro site", nearestMetro(w)}, {"in one region", regionPairs(w, true)}, {"in different regions", regionPairs(w, false)}} {
			if len(apart.trips.values) == 0 {
				continue
			}
			rtt := quantile(0.5, apart.trips.values, apart.trips.weights)
			far := exactly(rtt + strong.Mean) // the round trip was given to the model
			t.row(word(w.Name), word(apart.name), number(rtt), number(far.Mean), number(eventual.Mean), number(commit.Mean), number(rtt+commit.Mean))
			more := exactly(far.Mean - eventual.Mean)
			where := apart.name + " on " + w.Name
			f.check(Check{Statement: "a strong read costs more than an eventual one, " + where, Criterion: "slower",
				Found: more, Unit: "ms", Truth: more.above(0), Where: where, Assumed: true})
		}
	}
	f.Tables = append(f.Tables, t)
	return nil
}

// nearestMetro are the round trips from every metro site to the nearest other one.
func nearestMetro(w *topology.World) *sample {
	s := &sample{}
	for _, a := range w.SitesIn(topology.Metro) {
		for _, b := range w.Nearest(w.SitePlace(a)) {
			if b != a && w.Sites[b].Tier == topology.Metro {
				s.add(millis(w.Link(w.SitePlace(a), w.SitePlace(b)).RTT), 1)
				break
			}
		}
	}
	return s
}
