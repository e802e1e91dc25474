package sim

import (
	"fmt"
	"math"
	"testing"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// z is how many standard errors an observed share may be off: a false alarm in
// 30,000 draws of the seed, and the seed is fixed.
const z = 4

func near(t *testing.T, what string, hits, n int, p float64) {
	t.Helper()
	if n < 200 {
		t.Fatalf("%s: only %d cases", what, n)
	}
	got := float64(hits) / float64(n)
	if limit := z * math.Sqrt(max(p*(1-p), 1e-9)/float64(n)); math.Abs(got-p) > limit {
		t.Errorf("%s: %.4f of %d, want %.4f within %.4f", what, got, n, p, limit)
	}
}

// TestRhoEndPoints: with rho 1 a failure is the step's own, so the same model
// fails again and one that is less able never makes up for it; with rho 0 each
// attempt has fresh luck. In between, the chance of one attempt stays the same.
func TestRhoEndPoints(t *testing.T) {
	const steps, easy = 4000, 0.4
	w := smallWorld(t)
	p := 0.5 * math.Erfc(-(w.Models[1].Ability-easy)/math.Sqrt2) // of model 1 on such a step
	for _, rho := range []float64{0, 0.5, 1} {
		t.Run(fmt.Sprintf("rho %g", rho), func(t *testing.T) {
			w.Quality.Rho = rho
			q := newQuality(w)
			right, failed, recovered, upset := 0, 0, 0, 0
			for k := range uint64(steps) {
				key := rng.New(3, 0).Fold(k)
				first := q.correct(&workloads.LLM{}, easy, 1, key, 1)
				if first {
					right++
				} else {
					failed++
					if q.correct(&workloads.LLM{}, easy, 1, key, 2) {
						recovered++
					}
				}
				if q.correct(&workloads.LLM{}, easy, 0, key, 1) && !q.correct(&workloads.LLM{}, easy, 2, key, 1) {
					upset++
				}
			}
			near(t, "first attempts that are right", right, steps, p)
			switch rho {
			case 1:
				if recovered != 0 || upset != 0 {
					t.Errorf("%d of %d failures were mended by a retry, %d times the lesser model did what the abler did not", recovered, failed, upset)
				}
			case 0:
				near(t, "retries that are right", recovered, failed, p)
			default:
				if share := float64(recovered) / float64(failed); share < 0.1 || share > p-0.1 {
					t.Errorf("%.3f of retries are right, want well between 0 and %.3f", share, p)
				}
			}
		})
	}
}

// TestRetriesInTheRun is the same law seen from outside, through validator,
// machine and router: with rho 1 no retry on the same model is ever right.
func TestRetriesInTheRun(t *testing.T) {
	for _, rho := range []float64{0, 1} {
		cfg := smallPoint(t, "static-metro", func(w *topology.World) {
			w.Quality.Rho = rho
			w.Validator = topology.Validator{}
		})
		cfg.Arrivals, cfg.Sessions, cfg.ReportAll = Arrivals{Process: Closed, N: 10}, 300, false
		b, _ := play(t, cfg)
		retries, right := 0, 0
		for _, o := range b.steps {
			for i, a := range o.Attempts {
				if i > 0 && a.Model == o.Attempts[0].Model && a.Correct != nil {
					retries++
					if *a.Correct {
						right++
					}
				}
			}
		}
		if retries < 100 {
			t.Fatalf("rho %g: only %d retries on the same model", rho, retries)
		}
		if (right > 0) != (rho == 0) {
			t.Errorf("rho %g: %d of %d retries on the same model are right", rho, right, retries)
		}
	}
}

// TestValidatorRates holds misses, false alarms and fatalities of whole runs
// to the world's figures.
func TestValidatorRates(t *testing.T) {
	want := topology.Validator{Miss: 0.3, FalseAlarm: 0.1, Fatal: 0.4}
	cfg := smallPoint(t, "p2c", func(w *topology.World) { w.Validator = want })
	cfg.Arrivals, cfg.Sessions, cfg.ReportAll = Arrivals{Process: Closed, N: 20}, 1500, false
	cfg.Agent.StopRefused = true // so that each accepted answer has passed
	b, _ := play(t, cfg)
	var wrong, missed, right, alarms int
	errors := map[string]int{} // accepted, by session
	for _, o := range b.steps {
		for _, a := range o.Attempts {
			switch {
			case a.Correct == nil:
			case *a.Correct && a.Status == workloads.StatusInvalid:
				right++
				alarms++
			case *a.Correct && a.Status == workloads.StatusOK:
				right++
			case a.Status == workloads.StatusInvalid:
				wrong++
			case a.Status == workloads.StatusOK:
				wrong++
				missed++
				errors[o.Session]++
			}
		}
	}
	near(t, "wrong answers that pass", missed, wrong, want.Miss)
	near(t, "right answers that are refused", alarms, right, want.FalseAlarm)
	fatal, one := 0, 0
	for _, o := range b.sessions {
		switch n := errors[o.Session]; {
		case o.Status != workloads.StatusOK:
		case n == 0 && !o.Result.Resolved:
			t.Errorf("session %s has no error and is not resolved", o.Session)
		case n == 1:
			one++
			if !o.Result.Resolved {
				fatal++
			}
		}
	}
	near(t, "sessions that their one accepted error fails", fatal, one, want.Fatal)
}
