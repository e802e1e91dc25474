package lab

import (
	"errors"
	"slices"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
)

// watch measures what is queued in the bench's stream, by a pair of events.
type watch struct {
	b        *Bench
	from, to driver.Event
}

func (b *Bench) newWatch() (*watch, error) {
	w := &watch{b: b}
	var err error
	if w.from, err = b.dev.NewEvent(true); err != nil {
		return nil, err
	}
	if w.to, err = b.dev.NewEvent(true); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *watch) close() error {
	var errs []error
	for _, e := range []driver.Event{w.from, w.to} {
		if e != 0 {
			errs = append(errs, w.b.dev.DropEvent(e))
		}
	}
	w.from, w.to = 0, 0
	return errors.Join(errs...)
}

// once is how long what f queues takes.
func (w *watch) once(f func() error) (time.Duration, error) {
	if err := w.b.dev.Record(w.from, w.b.stream); err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	if err := w.b.dev.Record(w.to, w.b.stream); err != nil {
		return 0, err
	}
	if err := w.b.dev.WaitEvent(w.to); err != nil {
		return 0, err
	}
	return w.b.dev.Elapsed(w.from, w.to)
}

// median is the middle of n times, after one that does not count.
func (w *watch) median(n int, f func() error) (time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range n + 1 {
		took, err := w.once(f)
		if err != nil {
			return 0, err
		}
		times[max(0, i-1)] = took
	}
	slices.Sort(times)
	return times[n/2], nil
}

// Clock times launches of one version: a captured graph has some for each set of
// operands.
type Clock struct {
	r        *Ready
	o        *operands
	watch    *watch
	launches int
	exec     driver.Exec
}

// Clock draws operands and captures the graph.
func (r *Ready) Clock(seed uint64) (*Clock, error) {
	c := &Clock{r: r, o: r.b.draw(seed)}
	if err := c.open(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Clock) open() error {
	b := c.r.b
	sets := min(max(1, ceilDiv(3*b.dev.Device().L2Bytes, int(c.r.c.Bytes))), b.mostSets)
	trials := make([]*trial, sets)
	for i := range trials {
		if trials[i] = c.r.c.draw(c.r, c.o); c.o.err != nil {
			return c.o.err
		}
	}
	c.launches = sets * ceilDiv(4, sets) // 4 at least, as often on each set
	var err error
	if c.exec, err = b.capture(func() error {
		for i := range c.launches {
			if err := c.r.run(trials[i%sets]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	c.watch, err = b.newWatch()
	return err
}

// Median is the time of a launch, the middle of n replays after one that does not
// count.
func (c *Clock) Median(n int) (time.Duration, error) {
	took, err := c.watch.median(n, func() error { return c.r.b.dev.LaunchGraph(c.exec, c.r.b.stream) })
	return took / time.Duration(c.launches), err
}

// Close frees the graph and the operands. Closing twice is no error.
func (c *Clock) Close() error {
	errs := []error{c.r.b.dev.Synchronize(c.r.b.stream)}
	if c.exec != 0 {
		errs = append(errs, c.r.b.dev.DropExec(c.exec))
	}
	if c.watch != nil {
		errs = append(errs, c.watch.close())
	}
	c.exec, c.watch = 0, nil
	return errors.Join(append(errs, c.o.free())...)
}

// capture makes a graph of what f queues in the bench's stream.
func (b *Bench) capture(f func() error) (driver.Exec, error) {
	if err := b.dev.BeginCapture(b.stream); err != nil {
		return 0, err
	}
	failed := f()
	graph, err := b.dev.EndCapture(b.stream)
	if err := errors.Join(failed, err); err != nil {
		return 0, err
	}
	exec, err := b.dev.Instantiate(graph)
	return exec, errors.Join(err, b.dev.DropGraph(graph))
}

// Rate is what a case's time means.
type Rate struct {
	GBs, TFLOPs float64
	Floor       time.Duration
	OfFloor     float64 // floor / time
}

// Rate compares a time of a case with what the device can do.
func (c Case) Rate(took time.Duration, ceilings Ceilings) Rate {
	seconds := took.Seconds()
	floor := max(float64(c.Bytes)/ceilings.CopyBytesPerSecond, float64(c.FLOPs)/ceilings.MatrixFLOPs)
	return Rate{
		GBs: float64(c.Bytes) / seconds / 1e9, TFLOPs: float64(c.FLOPs) / seconds / 1e12,
		Floor: time.Duration(floor * float64(time.Second)), OfFloor: floor / seconds,
	}
}

func ceilDiv(n, unit int) int { return (n + unit - 1) / unit }
