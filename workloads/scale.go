package workloads

import (
	"fmt"
	"math"
	"slices"
)

// Scale is the workload with every number of tokens multiplied by f, so that a
// recording of a large model's sessions fits a small one. What a context keeps
// of another, and what is kept whole, stays so; every step still adds a token
// where it added one and answers with at least one. Times stay as they are.
func (l *Library) Scale(f float64) (*Library, error) {
	if !(f > 0) || math.IsInf(f, 1) {
		return nil, fmt.Errorf("token scale %g: want a number above 0", f)
	}
	scaled := &Library{Header: l.Header, Recorded: l.Recorded, Digest: l.Digest}
	scaled.Header.Provenance.Notes = append(slices.Clone(l.Header.Provenance.Notes), fmt.Sprintf("token counts multiplied by %g", f))
	var prefixes Prefixes
	for _, p := range l.Prefixes {
		from, _ := prefixes.Tokens(p.From)
		p.Keep, p.Add = min(times(p.Keep, f), from), atLeast(times(p.Add, f), p.Add)
		if err := prefixes.Add(p); err != nil {
			return nil, err
		}
	}
	scaled.Prefixes = prefixes.All()
	for _, g := range l.Sessions {
		s, err := Compile(g.Session, g.scale(f, &prefixes), &prefixes)
		if err != nil {
			return nil, err
		}
		scaled.Sessions = append(scaled.Sessions, s)
	}
	return scaled, nil
}

// scale are the steps of a session with their tokens multiplied by f.
func (g *Graph) scale(f float64, prefixes *Prefixes) []Step {
	steps := make([]Step, len(g.Steps))
	// Scaled lengths of prompts, without and with the answer. Bases come before
	// what is based on them.
	prompt, whole := make([]int, len(g.Steps)), make([]int, len(g.Steps))
	for i := range g.Steps {
		n := &g.Steps[i]
		steps[i] = *n.Step
		c, out := &steps[i].LLM.Context, &steps[i].LLM.OutputTokens
		c.Keep = times(c.Keep, f)
		switch {
		case n.Base >= 0:
			base := &g.Steps[n.Base]
			switch was := [2]int{base.Input, base.Input + base.Output}; {
			case n.Keep == was[1]:
				c.Keep = whole[n.Base]
			case n.Keep >= was[0]: // all of the prompt
				c.Keep = min(max(c.Keep, prompt[n.Base]), whole[n.Base])
			default: // a branch stays one
				c.Keep = min(c.Keep, prompt[n.Base]-1)
			}
		case c.From != "":
			held, _ := prefixes.Tokens(c.From[1:])
			c.Keep = min(c.Keep, held)
		}
		c.Add = atLeast(times(c.Add, f), c.Add)
		*out = atLeast(times(*out, f), *out)
		prompt[i] = c.Keep + c.Add
		whole[i] = prompt[i] + *out
	}
	return steps
}

func times(n int, f float64) int { return int(math.Round(float64(n) * f)) }

// atLeast is n, or 1 where the original was above 0.
func atLeast(n, original int) int { return max(n, min(1, original)) }
