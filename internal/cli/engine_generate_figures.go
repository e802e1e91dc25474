package cli

import (
	"fmt"
	"io"
	"time"

	"tierlab/engine"
)

// figures says how it went.
func (g *generation) figures(u engine.Usage, why engine.Finish, w io.Writer) {
	c := g.caps
	t := &table{}
	t.row("model", fmt.Sprintf("%s, %s parameters", g.model.config.Name, parameters(g.model.config.Params())))
	t.row("engine", about(c))
	prefill := u.First - u.Started
	t.row("prompt", count(u.Prompt, "token"), fmt.Sprintf("%s cached", thousands(u.Cached)), "TTFT "+millis(u.First-u.Arrived), rate(u.Prompt-u.Cached, prefill))
	decode := u.Done - u.First
	cells := []string{"output", count(u.Output, "token"), "ended by " + ending(why)}
	if u.Output > 1 {
		cells = append(cells, "TPOT "+millis(decode/time.Duration(u.Output-1)), rate(u.Output-1, decode))
		if read := g.bytesPerToken(u); read > 0 {
			cells = append(cells, fmt.Sprintf("%.1f GB/s", float64(read)*float64(u.Output-1)/decode.Seconds()/1e9))
		}
	}
	t.row(cells...)
	fmt.Fprintln(w)
	fmt.Fprintln(w, t.String())
}

func ending(why engine.Finish) string {
	if why == engine.FinishLength {
		return "--max-tokens"
	}
	return string(why)
}

// bytesPerToken is what a token of the output reads on average: the weights,
// less an embedding of which it reads one row, and the keys and values so far.
// It is 0 on a backend without weights.
func (g *generation) bytesPerToken(u engine.Usage) int64 {
	c, m := g.caps, g.model.config
	if c.WeightBytes == 0 {
		return 0
	}
	read := c.WeightBytes
	if !m.TiedHead {
		read -= c.WeightBytes / m.Params() * int64(m.Vocab) * int64(m.Hidden)
	}
	context := int64(u.Prompt) + int64(u.Output)/2
	return read + context*c.CacheBytes/int64(c.Blocks*c.BlockTokens)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/1e6)
}

// rate is how many tokens a second.
func rate(n int, d time.Duration) string {
	if n == 0 || d <= 0 {
		return ""
	}
	return thousands(int(float64(n)/d.Seconds()+0.5)) + " tokens/s"
}
