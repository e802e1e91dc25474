// Package content makes the token ids of recorded sessions. A workload says how
// long prompts are and what they share; here tokens get names that follow from
// where they were first written, so that every server, real or modelled, meets
// the same reuse: token i of a shared prefix, of what a step added, or of what it
// answered is one and the same wherever it stands.
package content

import (
	"tierlab/engine/kv"
	"tierlab/internal/rng"
	"tierlab/workloads"
)

// Source makes a workload's token ids. It is immutable.
type Source struct {
	vocab    int
	seed     uint64
	prefixes map[uint64]workloads.Prefix // by rng.Name
}

// New makes ids below vocab; seed tells one set of contents from another.
func New(prefixes []workloads.Prefix, vocab int, seed uint64) *Source {
	c := &Source{vocab: vocab, seed: seed, prefixes: map[uint64]workloads.Prefix{}}
	for _, p := range prefixes {
		c.prefixes[rng.Name(p.Name)] = p
	}
	return c
}

// run appends tokens 0..n-1 of the run that salt names.
func (c *Source) run(dst []int32, salt uint64, n int) []int32 {
	for i := range n {
		dst = append(dst, int32(kv.Made(salt, i)%uint64(c.vocab)))
	}
	return dst
}

// prefix are the first n tokens of a shared prefix.
func (c *Source) prefix(name uint64, n int) []int32 {
	p := c.prefixes[name]
	var ids []int32
	if p.Keep > 0 {
		ids = c.prefix(rng.Name(p.From), min(n, p.Keep))
	}
	if more := n - len(ids); more > 0 {
		ids = c.run(ids, c.salt(name, 0), more)
	}
	return ids
}

func (c *Source) salt(owner, part uint64) uint64 {
	return rng.New(c.seed, 0).Fold(owner).Fold(part).Uint64()
}

// Session are the contexts of one session's steps. They are made anew each time:
// to keep them would take a hundred times what a session else does. It is used by
// one goroutine at a time.
type Session struct {
	*Source
	graph *workloads.Graph
	owner uint64
}

// Of is a session's contents under the name that it is replayed by.
func (c *Source) Of(g *workloads.Graph, name string) *Session {
	return &Session{Source: c, graph: g, owner: rng.Name(name)}
}

// Call is a step's prompt and its recorded answer.
func (s *Session) Call(step int32) (prompt, answer []int32) {
	n := &s.graph.Steps[step]
	all := s.first(make([]int32, 0, n.Input+n.Output), step, n.Input+n.Output)
	return all[:n.Input:n.Input], all[n.Input:]
}

// first appends the first n tokens of a step's prompt followed by its answer.
func (s *Session) first(dst []int32, step int32, n int) []int32 {
	node := &s.graph.Steps[step]
	kept := min(n, node.Keep)
	if node.Base >= 0 {
		dst = s.first(dst, node.Base, kept)
	} else {
		dst = append(dst, s.prefix(node.Prefix, kept)...)
	}
	added := min(n-kept, node.Input-node.Keep)
	dst = s.run(dst, s.salt(s.owner, uint64(step)<<1), added)
	return s.run(dst, s.salt(s.owner, uint64(step)<<1|1), n-kept-added)
}
