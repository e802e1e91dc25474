package site

import (
	"math"
	"slices"
	"time"

	"tierlab/internal/rng"
	"tierlab/sim/des"
)

// network is an open network of servers with Poisson arrivals, run by the
// kernel: what the analytic tests measure.
type network struct {
	stations  []station
	customers int // to arrive; the network then drains
	luck      rng.Stream

	// ended is told of every job done at a station, lost of every one turned
	// away. The tag is the customer's number in order of arrival.
	ended func(at int, t *Transition)
	lost  func(customer uint64)

	kernel  *des.Kernel[event]
	arrived int
	out     []Transition
}

// station is a server, the arrivals from outside to it, and where customers
// go from it.
type station struct {
	Config
	arrivals float64                  // a second, from outside
	work     func(u rng.Stream) Job   // of a visit
	next     func(u float64) (to int) // nil, or -1: leaves

	server *Server
	wake   des.Wakeup
	visits uint64 // draws made, by purpose
	gaps   uint64
	moves  uint64
}

type event struct {
	kind    uint8
	station int32
	arg     uint64 // a customer, or a generation
}

const (
	fromOutside = iota
	visit
	wake
)

// run lets all customers through and returns the time at which the last left.
func (n *network) run() time.Duration {
	n.kernel = des.New[event](64)
	for i := range n.stations {
		s := &n.stations[i]
		s.server = New(s.Config)
		if s.arrivals > 0 {
			n.scheduleArrival(i)
		}
	}
	for {
		now, e, ok := n.kernel.Next()
		if !ok {
			return n.kernel.Now()
		}
		s := &n.stations[e.station]
		switch e.kind {
		case fromOutside:
			if n.arrived == n.customers {
				continue
			}
			n.offer(now, int(e.station), uint64(n.arrived))
			n.arrived++
			n.scheduleArrival(int(e.station))
		case visit:
			n.offer(now, int(e.station), e.arg)
		case wake:
			if s.wake.Fired(uint32(e.arg)) {
				n.out = s.server.Advance(now, n.out[:0])
				n.deliver(int(e.station))
			}
		}
	}
}

func (n *network) draw(i int, p rng.Purpose, count uint64) rng.Stream {
	return n.luck.Fold(uint64(i)).For(p).Fold(count)
}

func (n *network) scheduleArrival(i int) {
	s := &n.stations[i]
	s.gaps++
	gap := seconds(n.draw(i, rng.Arrival, s.gaps).Exp(1 / s.arrivals))
	n.kernel.Schedule(n.kernel.Now()+gap, event{fromOutside, int32(i), 0})
}

func (n *network) offer(now time.Duration, i int, customer uint64) {
	s := &n.stations[i]
	s.visits++
	job := s.work(n.draw(i, rng.Service, s.visits))
	job.Tag = customer
	var o Outcome
	if _, o, n.out = s.server.Arrive(now, job, n.out[:0]); o == Rejected {
		n.lost(customer)
	}
	n.deliver(i)
}

// deliver acts on the transitions of a station and keeps its event pending.
func (n *network) deliver(i int) {
	s := &n.stations[i]
	for j := range n.out {
		t := &n.out[j]
		if t.Kind != Done {
			continue
		}
		n.ended(i, t)
		if s.next == nil {
			continue
		}
		s.moves++
		if to := s.next(n.draw(i, rng.Policy, s.moves).Uniform()); to >= 0 {
			n.kernel.Schedule(t.At, event{visit, int32(to), t.Tag})
		}
	}
	if at, ok := s.server.NextAt(); ok {
		if gen, moved := s.wake.Need(at); moved {
			n.kernel.Schedule(at, event{wake, int32(i), uint64(gen)})
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

// exponential is decode work with the given mean in seconds.
func exponential(mean float64) func(rng.Stream) Job {
	return func(u rng.Stream) Job { return Job{Decode: seconds(u.Exp(mean))} }
}

// deterministic is decode work of the given length in seconds.
func deterministic(mean float64) func(rng.Stream) Job {
	return func(rng.Stream) Job { return Job{Decode: seconds(mean)} }
}

// lognormal is work with the given mean in seconds and squared coefficient of
// variation, a share of it prefill.
func lognormal(mean, scv, prefill float64) func(rng.Stream) Job {
	sigma2 := math.Log(1 + scv)
	mu, sigma := math.Log(mean)-sigma2/2, math.Sqrt(sigma2)
	return func(u rng.Stream) Job {
		w := math.Exp(mu + sigma*u.Normal())
		return Job{Prefill: seconds(prefill * w), Decode: seconds((1 - prefill) * w)}
	}
}

// batches is how many batch means an interval rests on.
const batches = 32

// estimate is the mean of a quantity per customer, by the method of batch
// means: customers are cut into batches in order of arrival, the first eighth
// of them dropped as warm-up.
type estimate struct {
	name  string
	want  float64
	sum   [batches]float64
	count [batches]float64
}

// batch is that of a customer, or -1 in the warm-up.
func (n *network) batch(customer uint64) int {
	warm := n.customers / 8
	if int(customer) < warm {
		return -1
	}
	return (int(customer) - warm) * batches / (n.customers - warm)
}

// interval is the estimate and the half-width of its confidence interval, by
// Student's t.
func (e *estimate) interval(t float64) (mean, half float64) {
	var m []float64
	for b := range batches {
		m = append(m, e.sum[b]/e.count[b])
		mean += m[b] / batches
	}
	slices.Sort(m)
	var ss float64
	for _, x := range m {
		ss += (x - mean) * (x - mean)
	}
	return mean, t * math.Sqrt(ss/(batches-1)/batches)
}
