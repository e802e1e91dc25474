package shapes

import (
	"context"
	"time"
)

// prefill is a prompt of n tokens alone.
func (b *Bench) prefill(ctx context.Context, n int) (Line, error) {
	c, err := b.do(ctx, "", b.tokens(n), 1)
	if err != nil {
		return Line{}, err
	}
	took := c.First - c.Arrived
	line := Line{TokensPerS: rate(n, took), TTFTMs: ms(took)}
	line.Put(prefillWork(b.Model, b.Elem, n), took)
	b.used(&line, c.Arrived, c.First, n)
	return line, nil
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
	line := Line{TokensPerS: rate(passes, took), TTFTMs: ms(c.First - c.Arrived), Context: float64(first) + float64(passes-1)/2}
	line.Put(decodeWork(b.Model, b.Elem, 1, first, passes), took)
	line.gaps(c.at)
	b.used(&line, from, c.at[n-1], passes)
	return line, nil
}

// gaps puts the time between tokens into l.
func (l *Line) gaps(sequences ...[]time.Duration) {
	var gaps []float64
	for _, at := range sequences {
		for i := 1; i < len(at); i++ {
			gaps = append(gaps, ms(at[i]-at[i-1]))
		}
	}
	spread := SpreadOf(gaps)
	l.GapP50Ms, l.GapP99Ms, l.GapMaxMs = spread.P50, spread.P99, spread.Max
}
