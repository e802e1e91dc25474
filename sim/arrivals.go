package sim

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"tierlab/internal/rng"
)

// Process names how sessions arrive.
type Process uint8

// The arrival processes.
const (
	Recorded Process = 1 + iota // as the workload says
	Poisson                     // independent exponential gaps
	Gamma                       // gamma gaps with a given coefficient of variation
	Closed                      // a fixed number of sessions, each followed by the next
)

// Arrivals is a load: a process and its parameters.
type Arrivals struct {
	Process Process
	// Rate is in sessions per second (Poisson, Gamma).
	Rate float64
	// CV is the coefficient of variation of the gaps (Gamma).
	CV float64
	// N is how many sessions are active at once (Closed).
	N int
}

// maxCV bounds the burstiness of gamma arrivals: at 100 all but 2 in 1,000 gaps
// are under a millionth of their mean.
const maxCV = 100

// ParseArrivals reads "recorded", "poisson:RATE", "gamma:RATE,CV" or
// "closed:N".
func ParseArrivals(s string) (Arrivals, error) {
	const forms = "recorded, poisson:RATE, gamma:RATE,CV or closed:N"
	name, rest, _ := strings.Cut(s, ":")
	number := func(what, text string) (float64, error) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
			return 0, fmt.Errorf("arrivals %q: the %s %q is not a number above 0 (want %s)", s, what, text, forms)
		}
		return v, nil
	}
	var err error
	switch name {
	case "recorded":
		if s != "recorded" {
			return Arrivals{}, fmt.Errorf("arrivals %q: recorded takes no parameter (want %s)", s, forms)
		}
		return Arrivals{Process: Recorded}, nil
	case "poisson":
		a := Arrivals{Process: Poisson, CV: 1}
		a.Rate, err = number("rate in sessions/s", rest)
		return a, err
	case "gamma":
		rate, cv, ok := strings.Cut(rest, ",")
		if !ok {
			return Arrivals{}, fmt.Errorf("arrivals %q: gamma takes a rate and a coefficient of variation (want %s)", s, forms)
		}
		a := Arrivals{Process: Gamma}
		if a.Rate, err = number("rate in sessions/s", rate); err != nil {
			return a, err
		}
		if a.CV, err = number("coefficient of variation", cv); err == nil && a.CV > maxCV {
			err = fmt.Errorf("arrivals %q: the coefficient of variation %q is above %d: nearly all gaps would be zero", s, cv, maxCV)
		}
		return a, err
	case "closed":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 1 {
			return Arrivals{}, fmt.Errorf("arrivals %q: %q is not a whole number of sessions above 0 (want %s)", s, rest, forms)
		}
		return Arrivals{Process: Closed, N: n}, nil
	}
	return Arrivals{}, fmt.Errorf("arrivals %q: unknown process (want %s)", s, forms)
}

// String is the form that ParseArrivals reads.
func (a Arrivals) String() string {
	num := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	switch a.Process {
	case Poisson:
		return "poisson:" + num(a.Rate)
	case Gamma:
		return "gamma:" + num(a.Rate) + "," + num(a.CV)
	case Closed:
		return "closed:" + strconv.Itoa(a.N)
	}
	return "recorded"
}

// gap is the time between arrivals i and i+1 of an open process. Gamma gaps
// have shape 1/CV^2, so their mean is 1/Rate and their deviation CV/Rate.
func (a Arrivals) gap(draws rng.Stream, i uint64) time.Duration {
	d := draws.For(rng.Arrival).Fold(i)
	seconds := 0.0
	if a.Process == Gamma {
		shape := 1 / (a.CV * a.CV)
		seconds = d.From(distuv.Gamma{Alpha: shape, Beta: shape * a.Rate})
	} else {
		seconds = d.Exp(1 / a.Rate)
	}
	return time.Duration(seconds * float64(time.Second))
}
