package actors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tierlab/reference/journal"
)

// eventBytes is a record's body in the measurements of the journal: what an
// answer of some 200 tokens with one tool call takes.
const eventBytes = 1024

// Fsync measures what the disk under a folder takes to make one event durable:
// n appends of eventBytes to one file, each followed by fsync.
func Fsync(folder string, n int) (Latencies, error) {
	f, err := os.CreateTemp(folder, "fsync-*")
	if err != nil {
		return Latencies{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	body := make([]byte, eventBytes)
	return Repeat(n, func(int) error {
		if _, err := f.Write(body); err != nil {
			return err
		}
		return f.Sync()
	})
}

// Commit measures Append of one event, n times in each of a number of sessions
// that write at the same time.
func Commit(ctx context.Context, store journal.Store, sessions, n int) (Latencies, error) {
	heads := make([]journal.Head, sessions)
	for i := range heads {
		var err error
		if heads[i], err = store.Own(ctx, fmt.Sprintf("commit-%d-%d", sessions, i), "bench", true); err != nil {
			return Latencies{}, err
		}
	}
	times := make([]time.Duration, sessions*n)
	errs := make([]error, sessions)
	var group sync.WaitGroup
	start := time.Now()
	for i := range heads {
		group.Go(func() { errs[i] = commits(ctx, store, heads[i], times[i*n:][:n]) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return Latencies{}, err
	}
	return latencies(times, time.Since(start)), nil
}

// commits appends one event after the other to one session.
func commits(ctx context.Context, store journal.Store, h journal.Head, times []time.Duration) error {
	body := make([]byte, eventBytes)
	for k := range times {
		begun := time.Now()
		var err error
		h, err = store.Append(ctx, &journal.Batch{
			Session: h.Session, Epoch: h.Epoch, After: h.Seq,
			Records: []journal.Entry{{At: begun, Kind: "event", Body: body}},
		})
		if err != nil {
			return err
		}
		times[k] = time.Since(begun)
	}
	return nil
}

// scratch is a folder of its own under a folder, and what removes it.
func scratch(folder, name string) (string, func(), error) {
	dir, err := os.MkdirTemp(folder, name+"-*")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "journal"), func() { os.RemoveAll(dir) }, nil
}
