package lab

import (
	"errors"
	"slices"
	"time"

	"tierlab/engine/backend/cuda/internal/driver"
)

// mostSets bounds how many sets of operands take turns.
const mostSets = 512

// Clock times launches of one version: a captured graph has one for each set of
// operands.
type Clock struct {
	r        *Ready
	o        *operands
	launches int
	exec     driver.Exec
	from, to driver.Event
}

// Clock draws operands and captures the graph, and runs it once.
func (r *Ready) Clock(seed uint64) (*Clock, error) {
	c := &Clock{r: r, o: r.b.draw(seed)}
	if err := c.open(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Clock) open() error {
	dev := c.r.b.dev
	enough := 3 * int64(dev.Device().L2Bytes)
	var trials []*trial
	for len(trials) == 0 || c.o.bytes < enough && len(trials) < mostSets {
		trials = append(trials, c.r.c.draw(c.r, c.o))
		if c.o.err != nil {
			return c.o.err
		}
	}
	c.launches = len(trials) * ((3 + len(trials)) / len(trials)) // 4 at least, as often from each set
	var err error
	if c.exec, err = c.r.b.capture(func() error {
		for i := range c.launches {
			if err := c.r.run(trials[i%len(trials)]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if c.from, err = dev.NewEvent(true); err != nil {
		return err
	}
	if c.to, err = dev.NewEvent(true); err != nil {
		return err
	}
	_, err = c.Once()
	return err
}

// Once replays the graph and gives the time of one launch.
func (c *Clock) Once() (time.Duration, error) {
	dev, s := c.r.b.dev, c.r.b.stream
	if err := errors.Join(dev.Record(c.from, s), dev.LaunchGraph(c.exec, s), dev.Record(c.to, s), dev.WaitEvent(c.to)); err != nil {
		return 0, err
	}
	took, err := dev.Elapsed(c.from, c.to)
	return took / time.Duration(c.launches), err
}

// Close frees the graph and the operands. Closing twice is no error.
func (c *Clock) Close() error {
	dev := c.r.b.dev
	errs := []error{dev.Synchronize(c.r.b.stream)}
	if c.exec != 0 {
		errs = append(errs, dev.DropExec(c.exec))
	}
	for _, e := range []driver.Event{c.from, c.to} {
		if e != 0 {
			errs = append(errs, dev.DropEvent(e))
		}
	}
	c.exec, c.from, c.to = 0, 0, 0
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

// median is the middle of some durations, which it sorts.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
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
