package claims

import (
	"context"
	"errors"
	"fmt"

	"tierlab/bench/actors"
	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
)

// singleDigit is what state is claimed to take, in ms.
const singleDigit = 10.0

// commitRuns and stateReads size C8; stateWriters are sessions that commit at once.
const commitRuns, stateReads, stateWriters = 600, 2000, 64

// stateTimes is C8.
func stateTimes(ctx context.Context, l *Lab, f *Finding) error {
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	disk, err := l.measureBatches(func(int) (actors.Latencies, error) { return actors.Fsync(dir, l.repeats(commitRuns)/2) })
	if err != nil {
		return err
	}
	store, err := pebblestore.Open(dir+"/journal", pebblestore.Options{})
	if err != nil {
		return err
	}
	one, many, reads, err := l.stateBatches(ctx, store)
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	t := Table{Title: "State on this machine, ms, over batches", Head: []string{"what", "repetitions", "p50", "p99"}}
	for _, row := range []struct {
		what string
		list []actors.Latencies
	}{
		{"the disk alone: 1 KB appended and synced", disk}, {"commit of an event, one session", one},
		{fmt.Sprintf("commit of an event, %d sessions at once", stateWriters), many}, {"read of a session's state", reads},
	} {
		t.row(word(row.what), number(float64(row.list[0].N*len(row.list))), figure(spread(row.list, p50)), figure(spread(row.list, p99)))
	}
	f.Tables = append(f.Tables, t)
	f.below("commit where the session lives, one writer, p99", spread(one, p99), singleDigit, "at the session's own site")
	f.below(fmt.Sprintf("commit where the session lives, %d writers, p99", stateWriters), spread(many, p99), singleDigit,
		fmt.Sprintf("at the session's own site, %d writers on this disk", stateWriters))
	f.below("read where the session lives, p99", spread(reads, p99), singleDigit, "at the session's own site")
	if err := f.overRegion(l, spread(one, p50)); err != nil {
		return err
	}
	f.judge()
	f.Says = f.inWords()
	f.How = here() + fmt.Sprintf(": Pebble with fsync, %d batches; the network is the topologies' round trips between metro sites", l.batches())
	return nil
}

// stateBatches measures commits by one writer and by many, and reads.
func (l *Lab) stateBatches(ctx context.Context, store journal.Store) (one, many, reads []actors.Latencies, err error) {
	one, err = l.measureBatches(func(int) (actors.Latencies, error) { return actors.Commit(ctx, store, 1, l.repeats(commitRuns)) })
	if err != nil {
		return nil, nil, nil, err
	}
	many, err = l.measureBatches(func(int) (actors.Latencies, error) {
		return actors.Commit(ctx, store, stateWriters, max(5, l.repeats(commitRuns)/4))
	})
	if err != nil {
		return nil, nil, nil, err
	}
	h, err := store.Own(ctx, "state", "claims", true)
	if err != nil {
		return nil, nil, nil, err
	}
	_, err = store.Append(ctx, &journal.Batch{Session: "state", Epoch: h.Epoch, After: h.Seq, Puts: []journal.Put{{Key: "k", Value: make([]byte, 1024)}}})
	if err != nil {
		return nil, nil, nil, err
	}
	reads, err = l.measureBatches(func(int) (actors.Latencies, error) {
		return actors.Repeat(l.repeats(stateReads), func(int) error {
			_, err := store.Get(ctx, "state", "k")
			return err
		})
	})
	return one, many, reads, err
}

// overRegion adds the round trip between the metro sites of a region to a commit.
func (f *Finding) overRegion(l *Lab, commit Estimate) error {
	t := Table{Title: "Commit from another metro site of the session's region, ms: round trip and commit here (median)",
		Head: []string{"world", "p5", "p50", "p95", "% below 10 ms"}}
	for _, name := range []string{l.Edge, l.EdgeByDistance} {
		w, err := l.world(name)
		if err != nil {
			return err
		}
		s := regionPairs(w, true)
		if len(s.values) == 0 {
			continue
		}
		for i := range s.values {
			s.values[i] += commit.Mean
		}
		share := exactly(100 * s.share(func(ms float64) bool { return ms < singleDigit }))
		t.row(append(append([]Cell{word(w.Name)}, s.cells()...), number(share.Mean))...)
		f.check(Check{Statement: "pairs of metro sites in a region that keep it on " + w.Name, Criterion: fmt.Sprintf("at least %g %%", 100*bandShare),
			Found: share, Unit: "%", Truth: share.atLeast(100 * bandShare), Where: "anywhere in the region on " + w.Name})
	}
	f.Tables = append(f.Tables, t)
	return nil
}
