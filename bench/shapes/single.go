package shapes

import (
	"context"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
)

// prefill is a prompt of n tokens alone.
func (b *Bench) prefill(ctx context.Context, n int) (Line, error) {
	c, err := b.do(ctx, "", b.tokens(n), 1)
	if err != nil {
		return Line{}, err
	}
	took := c.First - c.Arrived
	work := prefillWork(b.Model, b.Elem, n)
	return Line{TokensPerS: rate(n, took), GFLOPPerS: work.FLOP / float64(took), TTFTMs: ms(took)}, nil
}

// decode is n tokens alone behind a prompt. From a prompt of one token, its own
// pass counts too: it is a decode like the others.
func (b *Bench) decode(ctx context.Context, prompt, n int) (Line, error) {
	first := prompt // context of the first pass that counts
	if prompt > 1 {
		n, first = n+1, prompt+1
	}
	c, err := b.do(ctx, "", b.tokens(prompt), n)
	if err != nil {
		return Line{}, err
	}
	from, passes := c.Arrived, n
	if prompt > 1 {
		from, passes = c.at[0], n-1
	}
	took := c.at[n-1] - from
	work := decodeWork(b.Model, b.Elem, 1, first, passes)
	line := Line{
		TokensPerS: rate(passes, took),
		GBPerS:     work.Bytes / float64(took), GFLOPPerS: work.FLOP / float64(took),
		TTFTMs: ms(c.First - c.Arrived),
	}
	line.gaps(c.at)
	return line, nil
}

// gaps puts the time between tokens into l. Quantiles are of the empirical
// distribution: the least value that a share of the values does not exceed.
func (l *Line) gaps(sequences ...[]time.Duration) {
	var gaps []float64
	for _, at := range sequences {
		for i := 1; i < len(at); i++ {
			gaps = append(gaps, ms(at[i]-at[i-1]))
		}
	}
	if len(gaps) == 0 {
		return
	}
	slices.Sort(gaps)
	l.GapP50Ms = stat.Quantile(0.5, stat.Empirical, gaps, nil)
	l.GapP99Ms = stat.Quantile(0.99, stat.Empirical, gaps, nil)
	l.GapMaxMs = gaps[len(gaps)-1]
}
