package reports

import (
	"fmt"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The histograms' range and precision: microseconds up to a day, three
// significant digits.
const (
	lowestUS  = 1
	highestUS = int64(24 * time.Hour / time.Microsecond)
	digits    = 3
)

func newHistogram() *hdr.Histogram { return hdr.New(lowestUS, highestUS, digits) }

// recorder is a histogram that is being filled. One takes 230 KB, so it lives
// only as long as its replication runs.
type recorder struct {
	histogram *hdr.Histogram
	sumUS     int64
	clipped   int64
}

// record adds a time, to the microsecond. What is longer than a day counts as
// a day, and as clipped.
func (r *recorder) record(d time.Duration) {
	us := int64((d + time.Microsecond/2) / time.Microsecond)
	if us > highestUS {
		us = highestUS
		r.clipped++
	}
	r.sumUS += us
	// The range is checked above, the only error that there is.
	_ = r.histogram.RecordValue(us)
}

// freeze gives what was recorded and empties the recorder.
func (r *recorder) freeze() (*Distribution, error) {
	d, err := newDistribution(r.histogram, r.sumUS, r.clipped)
	r.histogram.Reset()
	r.sumUS, r.clipped = 0, 0
	return d, err
}

// Distribution is a finished histogram: the quantiles that reports print,
// exact count and sum, and the histogram itself in HdrHistogram's V2
// compressed encoding, a few kilobytes.
type Distribution struct {
	Count int64 `json:"count"`
	SumUS int64 `json:"sum_us"`
	// Clipped values were longer than a day and count as a day.
	Clipped int64  `json:"clipped,omitempty"`
	P50US   int64  `json:"p50_us"`
	P90US   int64  `json:"p90_us"`
	P99US   int64  `json:"p99_us"`
	MaxUS   int64  `json:"max_us"`
	Encoded string `json:"hdr,omitempty"`
}

func newDistribution(h *hdr.Histogram, sumUS, clipped int64) (*Distribution, error) {
	d := &Distribution{Count: h.TotalCount(), SumUS: sumUS, Clipped: clipped}
	if d.Count == 0 {
		return d, nil
	}
	q := h.ValueAtPercentilesSlice([]float64{50, 90, 99, 100})
	d.P50US, d.P90US, d.P99US, d.MaxUS = q[0], q[1], q[2], q[3]
	encoded, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("encode histogram: %w", err)
	}
	d.Encoded = string(encoded)
	return d, nil
}

// MeanUS is the exact mean of the recorded microseconds; 0 when there are none.
func (d *Distribution) MeanUS() float64 {
	if d.Count == 0 {
		return 0
	}
	return float64(d.SumUS) / float64(d.Count)
}

// Histogram decodes the histogram; values are microseconds.
func (d *Distribution) Histogram() (*hdr.Histogram, error) {
	if d.Encoded == "" {
		return newHistogram(), nil
	}
	h, err := hdr.Decode([]byte(d.Encoded))
	if err != nil {
		return nil, fmt.Errorf("decode histogram: %w", err)
	}
	if h.TotalCount() != d.Count {
		return nil, fmt.Errorf("decode histogram: it holds %d values, %d are stated", h.TotalCount(), d.Count)
	}
	return h, nil
}

// mergeDistributions pools histograms. The result does not depend on their
// order: counts and sums are integers.
func mergeDistributions(parts []*Distribution) (*Distribution, error) {
	pool := newHistogram()
	var sumUS, clipped int64
	for _, part := range parts {
		if part.Count == 0 {
			continue
		}
		h, err := part.Histogram()
		if err != nil {
			return nil, err
		}
		if dropped := pool.Merge(h); dropped > 0 {
			return nil, fmt.Errorf("merge histograms: %d values beyond a day", dropped)
		}
		sumUS += part.SumUS
		clipped += part.Clipped
	}
	return newDistribution(pool, sumUS, clipped)
}
