package shapes

import (
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Served is what a load over HTTP gave.
type Served struct {
	Requests     int     `json:"requests"`          // that were answered
	Refused      int     `json:"refused,omitempty"` // since the queue was full
	RequestsPerS float64 `json:"requests_per_s"`
	PromptTokens int     `json:"prompt_tokens"`
	OutputTokens int     `json:"output_tokens"`
	CachedTokens int     `json:"cached_tokens"`
	TTFT         Spread  `json:"ttft_ms"`
	ITL          Spread  `json:"itl_ms"` // between two tokens of an answer
	E2E          Spread  `json:"e2e_ms"` // from sending a request to the end of its answer
	// Offered is the rate that an open load was to have, LagP99Ms how much later
	// than due the client sent 1 in 100 of its requests.
	Offered  float64 `json:"offered_requests_per_s,omitempty"`
	LagP99Ms float64 `json:"lag_p99_ms,omitempty"`
	Turns    []Turn  `json:"turns,omitempty"`
	Phases   []Phase `json:"phases,omitempty"`
}

// Spread is a distribution in milliseconds: its mean and quantiles of the
// empirical distribution.
type Spread struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// SpreadOf sums values up; it is all 0 without any.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 { return stat.Quantile(q, stat.Empirical, v, nil) }
	return Spread{Mean: stat.Mean(v, nil), P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: v[len(v)-1]}
}

// Turn is one turn of all sessions; the first is 1.
type Turn struct {
	Turn        int     `json:"turn"`
	TTFT        Spread  `json:"ttft_ms"`
	CachedShare float64 `json:"cached_share"`
}

// Phase is a part of a server's start; names with a colon are parts of a part.
type Phase struct {
	Name string  `json:"name"`
	Ms   float64 `json:"ms"`
}
