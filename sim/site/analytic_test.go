package site

import (
	"math"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"tierlab/internal/rng"
)

// seed is the one seed of the suite; each case folds its name into it.
const seed = 1

// confidence is that of each estimate's interval: with the twenty estimates of
// the suite, all intervals hold together for 95 % of seeds.
const confidence = 0.998

// scenario is a case of the suite: a network and what theory says of it. Times
// are in seconds, in means over customers; what is zero is not compared.
type scenario struct {
	name      string
	customers int
	stations  []station
	time      float64 // in the network, of those let in
	wait      float64 // in the queue
	ttft      float64 // to the first token
	loss      float64 // share of customers turned away
}

// one is a network of one server with arrivals at the given rate.
func one(c Config, lambda float64, work func(rng.Stream) Job) []station {
	return []station{{Config: c, arrivals: lambda, work: work}}
}

func scenarios() []scenario {
	const million = 1_000_000
	loss, lossTime := mm1k(5, 0.8)
	batch := Batched(9*time.Second, time.Second)
	batched := func(n int) float64 { return float64(n) * 10 / (9 + float64(n)) }
	limited := func(n int) float64 { return batched(min(n, 8)) }
	return []scenario{
		{name: "M/M/1 at 0.5", customers: 2 * million,
			stations: one(Config{Slots: 1}, 0.5, exponential(1)), time: 2, wait: 1},
		{name: "M/M/1 at 0.8", customers: 8 * million,
			stations: one(Config{Slots: 1}, 0.8, exponential(1)), time: 5, wait: 4},
		{name: "M/M/4 at 0.8", customers: 8 * million,
			stations: one(Config{Slots: 4}, 3.2, exponential(1)), time: mmc(4, 3.2), wait: mmc(4, 3.2) - 1},
		{name: "M/M/16 at 0.8", customers: 8 * million,
			stations: one(Config{Slots: 16}, 12.8, exponential(1)), time: mmc(16, 12.8)},
		{name: "M/M/16 at 0.5", customers: million,
			stations: one(Config{Slots: 16}, 8, exponential(1)), time: mmc(16, 8)},
		{name: "M/D/1 at 0.8", customers: 4 * million,
			stations: one(Config{Slots: 1}, 0.8, deterministic(1)), wait: pollaczekKhinchine(0.8, 0)},
		{name: "M/G/1 at 0.6, lognormal", customers: 6 * million,
			stations: one(Config{Slots: 1}, 0.6, lognormal(1, 1.5, 0.2)), wait: pollaczekKhinchine(0.6, 1.5)},
		// Any amount of work x takes x/(1-rho) under processor sharing, so a
		// prefill does too (Kleinrock, vol. 2, 1976, section 4.4).
		{name: "M/G/1 processor sharing at 0.7, lognormal", customers: 3 * million,
			stations: one(Config{Speed: Shared(1)}, 0.7, lognormal(1, 2, 0.3)), time: 1 / 0.3, ttft: 1},
		{name: "M/D/1 processor sharing at 0.7", customers: 2 * million,
			stations: one(Config{Speed: Shared(1)}, 0.7, deterministic(1)), time: 1 / 0.3},
		{name: "M/M/1/5", customers: 3 * million,
			stations: one(Config{Slots: 1, QueueLimit: 4}, 0.8, exponential(1)), loss: loss, time: lossTime},
		{name: "M/G/4/4, lognormal", customers: 3 * million,
			stations: one(Config{Slots: 4, QueueLimit: NoQueue}, 3, lognormal(1, 2, 0.5)), loss: erlangB(4, 3), time: 1},
		{name: "batching, 8 slots, exponential work", customers: 4 * million,
			stations: one(Config{Slots: 8, Speed: batch}, 3.5, exponential(1)), time: birthDeath(3.5, limited)},
		{name: "batching, no slot limit, lognormal work", customers: 3 * million,
			stations: one(Config{Speed: batch}, 5, lognormal(1, 2, 0.5)), time: birthDeath(5, batched)},
		{name: "Jackson network with feedback", customers: 3 * million, stations: feedback(),
			time: jackson([]float64{0.3, 0.1, 0}, []float64{1, 0.5, 1}, []int{1, 2, 1},
				[][]float64{{0, 0.5, 0.3}, {0.2, 0, 0.3}, {0.25, 0.25, 0}})},
	}
}

// feedback is the network of three stations that the Jackson case describes.
func feedback() []station {
	split := func(a int, pa float64, b int, pb float64) func(float64) int {
		return func(u float64) int {
			switch {
			case u < pa:
				return a
			case u < pa+pb:
				return b
			}
			return -1
		}
	}
	return []station{
		{Config: Config{Slots: 1}, arrivals: 0.3, work: exponential(1), next: split(1, 0.5, 2, 0.3)},
		{Config: Config{Slots: 2}, arrivals: 0.1, work: exponential(2), next: split(0, 0.2, 2, 0.3)},
		{Config: Config{Slots: 1}, work: exponential(1), next: split(0, 0.25, 1, 0.25)},
	}
}

// simulate runs a scenario and returns an estimate for each known value.
func (s scenario) simulate(tb testing.TB) []*estimate {
	n := &network{stations: s.stations, customers: s.customers, luck: rng.New(seed, 0).FoldString(s.name)}
	inside := &estimate{name: "time", want: s.time}
	wait := &estimate{name: "wait", want: s.wait}
	ttft := &estimate{name: "TTFT", want: s.ttft}
	loss := &estimate{name: "loss", want: s.loss}
	var stay time.Duration // of all visits, exactly
	n.ended = func(i int, t *Transition) {
		stay += t.At - t.Arrived
		b := n.batch(t.Tag)
		if b < 0 {
			return
		}
		inside.sum[b] += (t.At - t.Arrived).Seconds()
		wait.sum[b] += (t.Started - t.Arrived).Seconds()
		ttft.sum[b] += (t.First - t.Arrived).Seconds()
	}
	n.lost = func(customer uint64) {
		if b := n.batch(customer); b >= 0 {
			loss.sum[b]++
		}
	}
	n.run()
	n.checkLittle(tb, stay)
	for c := range n.customers {
		if b := n.batch(uint64(c)); b >= 0 {
			loss.count[b]++
		}
	}
	var known []*estimate
	for _, e := range []*estimate{inside, wait, ttft, loss} {
		e.count = loss.count
		if e != loss {
			for b := range e.count {
				e.count[b] -= loss.sum[b]
			}
		}
		if e.want > 0 {
			known = append(known, e)
		}
	}
	return known
}

// checkLittle holds the run to Little's law in its exact form: over a time
// that begins and ends empty, the integral of the number inside is the sum of
// the times inside (Little, "A proof for the queuing formula L = lambda W",
// Operations Research 9, 1961), here to the nanosecond.
func (n *network) checkLittle(tb testing.TB, stay time.Duration) {
	tb.Helper()
	var number time.Duration
	for i := range n.stations {
		st := n.stations[i].server.Stats()
		number += st.QueueTime + st.PrefillTime + st.DecodeTime
		if st.Arrived != st.Rejected+st.Done {
			tb.Errorf("station %d did not drain: %+v", i, st)
		}
	}
	if number != stay {
		tb.Errorf("Little's law: the servers held %d job-ns, the jobs stayed %d ns", number, stay)
	}
}

// TestAnalytic compares the server with closed forms: each estimate within
// 1 % of theory, and theory inside the estimate's confidence interval.
// All cases together take 20 s of one core.
func TestAnalytic(t *testing.T) {
	if testing.Short() {
		t.Skip("20 s of simulation")
	}
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, e := range s.simulate(t) {
				mean, half := e.interval(student())
				off := 100 * (mean/e.want - 1)
				t.Logf("%s %.5f ± %.5f, theory %.5f: %+.2f %%", e.name, mean, half, e.want, off)
				if math.Abs(off) > 1 {
					t.Errorf("%s is %+.2f %% off", e.name, off)
				}
				if math.Abs(mean-e.want) > half {
					t.Errorf("theory is outside the interval of %s", e.name)
				}
			}
		})
	}
}

// BenchmarkMM1At95 is the case that takes long: at a utilisation of 0.95 the
// times of successive customers are so correlated that the mean needs 65
// million of them for an interval of 1 % (the asymptotic variance is Daley's,
// "The serial correlation coefficients of waiting times in a stationary single
// server queue", J. Austral. Math. Soc. 8, 1968).
func BenchmarkMM1At95(b *testing.B) {
	s := scenario{name: "M/M/1 at 0.95", customers: 75_000_000,
		stations: one(Config{Slots: 1}, 0.95, exponential(1)), time: 20}
	for range b.N {
		e := s.simulate(b)[0]
		mean, half := e.interval(student())
		off := 100 * (mean/e.want - 1)
		b.ReportMetric(off, "%off")
		b.ReportMetric(100*half/e.want, "%interval")
		b.ReportMetric(float64(s.customers)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mcustomers/s")
		if math.Abs(off) > 1 || math.Abs(mean-e.want) > half {
			b.Errorf("time %.4f ± %.4f, theory %.4f: %+.2f %%", mean, half, e.want, off)
		}
	}
}

// student is the t quantile of the intervals.
func student() float64 {
	return distuv.StudentsT{Sigma: 1, Nu: batches - 1}.Quantile((1 + confidence) / 2)
}
