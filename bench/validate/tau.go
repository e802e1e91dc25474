package validate

import "math"

// LeastTau is what is asked of a ranking.
const LeastTau = 0.9

// Point is a setting's figure on both sides, in milliseconds.
type Point struct {
	Name      string    `json:"name"`
	Simulated float64   `json:"simulated_ms"`
	Real      float64   `json:"real_ms"` // mean over the runs
	Runs      []float64 `json:"runs_ms"`
}

// Tau is how well one side's order agrees with the other's.
type Tau struct {
	Metric    string  `json:"metric"`
	Statistic string  `json:"statistic"`
	Points    []Point `json:"points"`
	// Pairs of settings; Separated, Concordant and Discordant are of these.
	Pairs      int     `json:"pairs"`
	Separated  int     `json:"separated"`
	Concordant int     `json:"concordant"`
	Discordant int     `json:"discordant"`
	Tau        float64 `json:"tau"` // 0 where no pair is separated
}

// rank fills in what follows from the points.
func (t *Tau) rank() {
	for i, p := range t.Points {
		for _, q := range t.Points[:i] {
			t.Pairs++
			real := p.Real - q.Real
			if math.Abs(real) <= math.Max(spread(p.Runs), spread(q.Runs)) {
				continue
			}
			t.Separated++
			switch agree := real * (p.Simulated - q.Simulated); {
			case agree > 0:
				t.Concordant++
			case agree < 0:
				t.Discordant++
			}
		}
	}
	if t.Separated > 0 {
		t.Tau = float64(t.Concordant-t.Discordant) / float64(t.Separated)
	}
}
