package serving

import (
	_ "embed"
	"fmt"
	"math"
	"strings"
)

// Lengths are a request's, in tokens.
type Lengths struct{ Prompt, Output int }

//go:embed sharegpt.csv
var shareGPT string

// ShareGPT is the list of lengths.
func ShareGPT() ([]Lengths, error) {
	var all []Lengths
	for line := range strings.Lines(shareGPT) {
		var l Lengths
		if _, err := fmt.Sscanf(line, "%d,%d\n", &l.Prompt, &l.Output); err != nil {
			return nil, fmt.Errorf("sharegpt.csv, line %d: %w", len(all)+1, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// scaled multiplies lengths; none becomes less than 1.
func (l Lengths) scaled(by float64) Lengths {
	f := func(n int) int { return max(1, int(math.Round(float64(n)*by))) }
	return Lengths{f(l.Prompt), f(l.Output)}
}
