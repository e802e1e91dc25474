package sim

import (
	"math"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// TestGapMoments holds the gaps of open loads to their rate and coefficient of
// variation.
func TestGapMoments(t *testing.T) {
	const n = 10_000
	for _, text := range []string{"poisson:2", "gamma:2,0.5", "gamma:2,1", "gamma:0.5,2", "gamma:2,4"} {
		a, err := ParseArrivals(text)
		if err != nil {
			t.Fatal(err)
		}
		gaps := make([]float64, n)
		for i := range gaps {
			gaps[i] = a.gap(rng.New(7, 1), uint64(i)).Seconds()
		}
		mean, sd := stat.MeanStdDev(gaps, nil)
		if limit := 4 * sd / math.Sqrt(n); math.Abs(mean-1/a.Rate) > limit {
			t.Errorf("%s: mean gap %.4f s, want %.4f within %.4f", text, mean, 1/a.Rate, limit)
		}
		// The standard error of a sample deviation is sd sqrt((kurtosis-1)/4n),
		// and a gamma's kurtosis is 3 + 6 CV^2.
		cv := sd * a.Rate
		if limit := 4 * a.CV * math.Sqrt((2+6*a.CV*a.CV)/(4*n)); math.Abs(cv-a.CV) > limit {
			t.Errorf("%s: coefficient of variation %.3f, want %.3f within %.3f", text, cv, a.CV, limit)
		}
	}
}

// TestClosedKeepsN: from the first instant to the last, exactly N sessions are
// active, also when there are fewer sessions in the workload, or to measure.
func TestClosedKeepsN(t *testing.T) {
	for _, c := range []struct{ n, library, sessions int }{{1, 3, 10}, {7, 3, 50}, {50, 40, 20}} {
		cfg := smallPoint(t, "p2c", withFault)
		cfg.Scenario = scenario(t, cfg.Scenario.World, smallLibrary(t, c.library))
		cfg.Arrivals, cfg.Sessions, cfg.InOrder = Arrivals{Process: Closed, N: c.n}, c.sessions, c.n == 7
		b, totals := play(t, cfg)
		if totals.Measured != c.sessions || totals.Active > c.n || totals.Active < c.n-1 { // the next arrives at this very time
			t.Errorf("closed:%d: %d measured of %d, %d active at the end", c.n, totals.Measured, c.sessions, totals.Active)
		}
		// Each session that ends is followed by one at the same time, and
		// nothing else arrives.
		starts := map[workloads.Millis]int{0: c.n}
		for _, o := range b.sessions {
			starts[o.End]++
		}
		for _, o := range b.sessions {
			if starts[o.Start]--; starts[o.Start] < 0 {
				t.Errorf("closed:%d: session %s starts at %v, when none has ended", c.n, o.Session, o.Start.D())
			}
		}
		if c.n == 7 {
			for _, o := range b.sessions {
				if number := 0; o.Template != "" {
					for _, r := range o.Session[len(o.Template)+1:] {
						number = 10*number + int(r-'0')
					}
					if want := cfg.Scenario.Library.Sessions[number%c.library].Session.ID; o.Template != want {
						t.Errorf("in order: session %d is %s, want %s", number, o.Template, want)
					}
				}
			}
		}
	}
}

// TestRecordedTies: sessions that arrive at one time all do, in the order in
// which the workload lists them.
func TestRecordedTies(t *testing.T) {
	lib := smallLibrary(t, 9)
	for i, g := range lib.Sessions {
		at := workloads.Millis(time.Duration(i/4) * time.Second)
		g.Session.Arrival = &at
	}
	cfg := smallPoint(t, "p2c")
	cfg.Scenario, cfg.Arrivals = scenario(t, cfg.Scenario.World, lib), Arrivals{Process: Recorded}
	b, totals := play(t, cfg)
	if totals.Finished != 9 {
		t.Fatalf("%d of 9 sessions finished", totals.Finished)
	}
	for _, o := range b.sessions {
		for i, g := range lib.Sessions {
			if g.Session.ID == o.Session && o.Start != workloads.Millis(time.Duration(i/4)*time.Second) {
				t.Errorf("session %s starts at %v", o.Session, o.Start.D())
			}
		}
	}
}

// TestLittle compares the mean number of active sessions in the measured
// window with the rate that was asked for times the measured sessions' mean
// time in the system: L = lambda W for the whole world, users and all.
func TestLittle(t *testing.T) { eachFidelity(t, little) }

func little(t *testing.T, f Fidelity) {
	cfg := smallPoint(t, "p2c")
	cfg.Fidelity = f
	cfg.Agent.Validate = false
	cfg.Arrivals, cfg.Sessions, cfg.WarmUp = Arrivals{Process: Poisson, Rate: 3}, 3000, 2*time.Minute
	b, totals := play(t, cfg)
	var inside, lengths float64
	var measured []float64
	from, to := cfg.WarmUp, cfg.WarmUp+totals.Window
	for _, o := range b.sessions {
		start, end := max(o.Start.D(), from), min(o.End.D(), to)
		inside += max(0, (end - start).Seconds())
		if o.Result.Measured {
			lengths += (o.End - o.Start).D().Seconds()
			measured = append(measured, (o.End - o.Start).D().Seconds())
		}
	}
	seen := inside / totals.Window.Seconds()
	w := lengths / float64(len(measured))
	want := cfg.Arrivals.Rate * w
	// For Poisson arrivals and no queueing to speak of the number active is
	// M/G/infinity: over a window T its mean has variance at most
	// rate E[S^2] / T.
	second := 0.0
	for _, x := range measured {
		second += x * x
	}
	se := math.Sqrt(cfg.Arrivals.Rate * second / float64(len(measured)) / totals.Window.Seconds())
	if math.Abs(seen-want) > 4*se {
		t.Errorf("%.2f sessions active on average, rate x time is %.2f (standard error %.2f)", seen, want, se)
	}
	if math.Abs(seen/want-1) > 0.05 {
		t.Errorf("%.2f sessions active on average, rate x time is %.2f", seen, want)
	}
}

// TestOneStepByHand adds up a single step: half a round trip there and back,
// the bytes of the prompt, its prefill, an iteration for each further token.
func TestOneStepByHand(t *testing.T) {
	cfg := smallPoint(t, "static-central", still)
	w := *cfg.Scenario.World
	n := topology.Place(len(w.Sites) + len(w.Origins))
	for a := range n {
		for b := range n {
			l := w.Link(a, b)
			l.JitterMedian, l.Loss = 0, 0
		}
	}
	cfg.Scenario = scenario(t, &w, chain(t, 1, 5000, 101))
	cfg.Agent.Validate, cfg.Agent.CommitEach = false, false
	cfg.Arrivals, cfg.Sessions = Arrivals{Process: Closed, N: 1}, 1
	b, _ := play(t, cfg)
	a := b.steps[0].Attempts[0]
	ms := func(x float64) time.Duration { return time.Duration(x * float64(time.Millisecond)) }
	for _, c := range []struct {
		what      string
		got, want time.Duration
	}{
		{"queue", a.Queue.D(), 0},
		{"prefill", a.Prefill.D(), ms(5000 / 20_000. * 1000)},
		{"decode", a.Decode.D(), ms(820)},
		{"network", a.Network.D(), ms(250) + ms(5000*4/0.05/1e6)},
		{"first token", (a.First - a.Sent).D(), ms(250 + 0.4 + 250)},
		{"in all", (a.Done - a.Sent).D(), ms(250 + 0.4 + 250 + 820)},
		{"with the user's turn", b.sessions[0].Result.Makespan.D(), ms(12 + 250 + 0.4 + 250 + 820)},
	} {
		// One nanosecond is lost where a float32 of bandwidth rounds, and one
		// where a phase ends at the next whole one.
		if d := c.got - c.want; d < -2 || d > 2 {
			t.Errorf("%s: %v, by hand %v", c.what, c.got, c.want)
		}
	}
}
