package exporters

import (
	"strings"

	"tierlab/workloads"
)

// blocks names the blocks of prompts: equal ids, equal content at an equal
// place.
type blocks struct {
	size     int // tokens
	next     int64
	prefixes map[string][]int64
	defined  *workloads.Prefixes
}

func newBlocks(size int, defined *workloads.Prefixes) *blocks {
	return &blocks{size: size, next: 1, prefixes: make(map[string][]int64), defined: defined}
}

// extend is the ids of a text of some length that begins with keep tokens of
// a text with ids base. Only the complete blocks of what is kept are the same.
func (b *blocks) extend(base []int64, keep, tokens int) []int64 {
	n := min(keep/b.size, len(base))
	ids := base[:n:n]
	for len(ids)*b.size < tokens {
		ids = append(ids, b.next)
		b.next++
	}
	return ids
}

// prefix is the ids of a prefix's complete blocks.
func (b *blocks) prefix(name string) []int64 {
	if ids, ok := b.prefixes[name]; ok {
		return ids
	}
	for _, p := range b.defined.All() {
		if _, ok := b.prefixes[p.Name]; !ok {
			n := p.Keep + p.Add
			b.prefixes[p.Name] = b.extend(b.prefixes[p.From], p.Keep, n)[:n/b.size]
		}
	}
	return b.prefixes[name]
}

// session is the ids of every step's prompt, the last of which may stand for
// a part of a block, by the numbers of the graph.
func (b *blocks) session(g *workloads.Graph) [][]int64 {
	prompts := make([][]int64, len(g.Steps))
	whole := make([][]int64, len(g.Steps)) // complete blocks of prompt and answer
	for i := range g.Steps {
		n := &g.Steps[i]
		var base []int64
		if name, ok := strings.CutPrefix(n.Step.LLM.Context.From, "@"); ok {
			base = b.prefix(name)
		} else if n.Base >= 0 {
			base = whole[n.Base]
		}
		prompts[i] = b.extend(base, n.Keep, n.Input)
		complete := prompts[i][: n.Input/b.size : n.Input/b.size]
		total := n.Input + n.Output
		whole[i] = b.extend(complete, n.Input, total)[:total/b.size]
	}
	return prompts
}
