package shapes

import (
	"sync"
	"time"
)

// Use is what a measurement took of the host and of the devices; 0 is not known.
type Use struct {
	// Cores is processor time over time: 1 is one processor in full. In this
	// process the clients are in it, of a server they are not.
	Cores          float64 `json:"cpu_cores,omitempty"`
	Watts          float64 `json:"watts,omitempty"` // of the devices, on average
	JoulesPerToken float64 `json:"joules_per_token,omitempty"`
}

// Counters are readings that only grow. What cannot be read stays 0.
type Counters struct {
	CPU    time.Duration // processor time of the process that computes
	Joules float64       // energy of the devices
}

// Watch reads counters at short intervals, so that the use of any past interval
// can be told: what a shape measures begins and ends within its run.
type Watch struct {
	read func() Counters
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	samples []sample
}

type sample struct {
	at time.Time
	Counters
}

// NewWatch reads now and from then on every so often.
func NewWatch(read func() Counters, every time.Duration) *Watch {
	w := &Watch{read: read, stop: make(chan struct{})}
	w.take()
	w.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.take()
			case <-w.stop:
				return
			}
		}
	})
	return w
}

// Close ends the readings.
func (w *Watch) Close() {
	close(w.stop)
	w.done.Wait()
}

func (w *Watch) take() {
	s := sample{time.Now(), w.read()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = append(w.samples, s)
}

// Between is what was used from one moment to another, for so many tokens.
// Readings are interpolated: they are taken to grow evenly in between.
func (w *Watch) Between(from, to time.Time, tokens int) Use {
	w.take()
	w.mu.Lock()
	defer w.mu.Unlock()
	a, b := w.at(from), w.at(to)
	return a.Until(b, to.Sub(from), tokens)
}

// Until is what was used from one reading to the next.
func (c Counters) Until(d Counters, took time.Duration, tokens int) Use {
	var u Use
	if took <= 0 || tokens <= 0 {
		return u
	}
	u.Cores = max(0, (d.CPU-c.CPU).Seconds()/took.Seconds())
	joules := max(0, d.Joules-c.Joules)
	u.Watts, u.JoulesPerToken = joules/took.Seconds(), joules/float64(tokens)
	return u
}

// at are the counters at a moment: the first or the last ones outside of what
// was read.
func (w *Watch) at(t time.Time) Counters {
	last := len(w.samples) - 1
	for i := last; i >= 0; i-- {
		s := w.samples[i]
		if s.at.After(t) {
			continue
		}
		if i == last {
			return s.Counters
		}
		next := w.samples[i+1]
		share := t.Sub(s.at).Seconds() / next.at.Sub(s.at).Seconds()
		return Counters{
			CPU:    s.CPU + time.Duration(share*float64(next.CPU-s.CPU)),
			Joules: s.Joules + share*(next.Joules-s.Joules),
		}
	}
	return w.samples[0].Counters
}
