package inspect

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Summary describes the distribution of one quantity.
type Summary struct {
	N    int64   `json:"n"`
	Mean float64 `json:"mean"`
	// CV is the coefficient of variation, standard deviation / mean.
	CV  float64 `json:"cv"`
	Min float64 `json:"min"`
	P10 float64 `json:"p10"`
	P25 float64 `json:"p25"`
	P50 float64 `json:"p50"`
	P75 float64 `json:"p75"`
	P90 float64 `json:"p90"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	// Bars count the values above 0 in bins of equal width on a logarithmic
	// axis from the least of them to Max.
	Bars []int64 `json:"bars,omitempty"`
}

// bars is the number of bins of a summary.
const bars = 21

// sample collects a quantity. unit is the quantity's value of one step of the
// histogram, its resolution.
type sample struct {
	unit           float64
	hist           *hdrhistogram.Histogram
	n              int64
	sum, squares   float64
	least, largest float64
	leastPositive  float64
}

// largestCount is the largest value of a histogram, in units.
const largestCount = 1 << 44

func newSample(unit float64, digits int) *sample {
	return &sample{unit: unit, hist: hdrhistogram.New(1, largestCount, digits)}
}

// counts samples whole numbers, spans seconds by the microsecond, ratios
// numbers around 1 by the thousandth.
func counts() *sample { return newSample(1, 3) }
func spans() *sample  { return newSample(1e-6, 3) }
func ratios() *sample { return newSample(1e-3, 3) }

func (s *sample) add(x float64) {
	if s.n == 0 || x < s.least {
		s.least = x
	}
	if x > 0 && (s.leastPositive == 0 || x < s.leastPositive) {
		s.leastPositive = x
	}
	s.largest = max(s.largest, x)
	s.n++
	s.sum += x
	s.squares += x * x
	// The value is inside the histogram's range, so there is no error.
	_ = s.hist.RecordValue(int64(min(math.Round(max(x, 0)/s.unit), largestCount)))
}

func (s *sample) summary() Summary {
	if s.n == 0 {
		return Summary{}
	}
	n := float64(s.n)
	mean := s.sum / n
	v := Summary{N: s.n, Mean: mean, Min: s.least, Max: s.largest, Bars: s.bars(),
		P10: s.quantile(0.10), P25: s.quantile(0.25), P50: s.quantile(0.50), P75: s.quantile(0.75),
		P90: s.quantile(0.90), P95: s.quantile(0.95), P99: s.quantile(0.99)}
	if mean > 0 {
		v.CV = math.Sqrt(max(0, s.squares/n-mean*mean)) / mean
	}
	return v
}

func (s *sample) quantile(p float64) float64 {
	x := float64(s.hist.ValueAtQuantile(100*p)) * s.unit
	return min(max(x, s.least), s.largest)
}

// bars bins what the histogram holds above 0.
func (s *sample) bars() []int64 {
	if s.leastPositive == 0 {
		return nil
	}
	low, high := math.Log(s.leastPositive), math.Log(s.largest)
	b := make([]int64, bars)
	for _, bar := range s.hist.Distribution() {
		if bar.Count == 0 || bar.To == 0 {
			continue
		}
		i := 0
		if high > low {
			i = int(bars * (math.Log(float64(bar.From)*s.unit) - low) / (high - low))
		}
		b[min(max(i, 0), bars-1)] += bar.Count
	}
	return b
}

// topShare is the share of the sum that the largest values hold, which are a
// given share of the count.
func (s *sample) topShare(share float64) float64 {
	rest := share * float64(s.n)
	var top, total float64
	all := s.hist.Distribution()
	for i := len(all) - 1; i >= 0; i-- {
		count := float64(all[i].Count)
		middle := float64(all[i].From+all[i].To) / 2
		total += count * middle
		taken := min(count, rest)
		top += taken * middle
		rest -= taken
	}
	if total == 0 {
		return 0
	}
	return top / total
}
