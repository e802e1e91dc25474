package fidelity

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// confidence is that of the intervals which separate pairs.
const confidence = 0.95

// Values are one measure of every policy: by policy, then by replication.
type Values [][]float64

// Order is how a pair of policies stands in one model: the mean paired
// difference of the first from the second, and half the width of its interval.
type Order struct{ Mean, Half float64 }

// Separated says that the interval leaves out zero.
func (o Order) Separated() bool { return math.Abs(o.Mean) > o.Half }

// Pair is two policies, by their numbers, in both models.
type Pair struct {
	A, B          int
	First, Second Order
}

// Opposite says that the models order the pair differently, as far as the means
// go.
func (p *Pair) Opposite() bool { return p.First.Mean*p.Second.Mean < 0 }

// Separated says that both models are sure of the pair's order.
func (p *Pair) Separated() bool { return p.First.Separated() && p.Second.Separated() }

// Agreement is how far two models agree on one measure.
type Agreement struct {
	Means [2][]float64 // by model and policy
	// Tau is Kendall's tau-b over the means, NaN where one model ties all.
	Tau   float64
	Pairs []Pair
	// Same and Opposite count the pairs that both models separate.
	Same, Opposite int
}

// TauSeparated is the agreement on the pairs that both models separate, NaN
// where there is none.
func (a *Agreement) TauSeparated() float64 {
	return float64(a.Same-a.Opposite) / float64(a.Same+a.Opposite)
}

// Compare sets two models' values of one measure side by side. Both have the
// same policies and replications, at least two of each.
func Compare(first, second Values) (*Agreement, error) {
	if len(first) != len(second) || len(first) < 2 {
		return nil, fmt.Errorf("fidelity: %d and %d policies, want the same number, at least 2", len(first), len(second))
	}
	n := len(first[0])
	for i := range first {
		if len(first[i]) != n || len(second[i]) != n || n < 2 {
			return nil, fmt.Errorf("fidelity: policy %d has %d and %d replications, want %d and at least 2", i, len(first[i]), len(second[i]), n)
		}
	}
	a := &Agreement{}
	for m, values := range [2]Values{first, second} {
		for _, v := range values {
			a.Means[m] = append(a.Means[m], stat.Mean(v, nil))
		}
	}
	a.Tau = TauB(a.Means[0], a.Means[1])
	for i := range first {
		for j := range i {
			p := Pair{A: j, B: i, First: order(first[j], first[i]), Second: order(second[j], second[i])}
			a.Pairs = append(a.Pairs, p)
			switch {
			case !p.Separated():
			case p.Opposite():
				a.Opposite++
			default:
				a.Same++
			}
		}
	}
	return a, nil
}

// order is the paired difference of two policies' values.
func order(a, b []float64) Order {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	mean, sd := stat.MeanStdDev(d, nil)
	n := float64(len(d))
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile((1 + confidence) / 2)
	return Order{Mean: mean, Half: t * sd / math.Sqrt(n)}
}

// TauB is Kendall's tau-b of two rankings of the same things.
func TauB(x, y []float64) float64 {
	var same, opposite, tiedX, tiedY float64
	for i := range x {
		for j := range i {
			switch dx, dy := x[i]-x[j], y[i]-y[j]; {
			case dx == 0 && dy == 0:
			case dx == 0:
				tiedX++
			case dy == 0:
				tiedY++
			case (dx > 0) == (dy > 0):
				same++
			default:
				opposite++
			}
		}
	}
	return (same - opposite) / math.Sqrt((same+opposite+tiedX)*(same+opposite+tiedY))
}
