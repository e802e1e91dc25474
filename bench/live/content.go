package live

import (
	"tierlab/engine/kv"
	"tierlab/internal/rng"
	"tierlab/workloads"
)

// contents make a workload's token ids.
type contents struct {
	vocab    int
	seed     uint64
	prefixes map[uint64]workloads.Prefix // by rng.Name
}

func newContents(lib *workloads.Library, vocab int, seed uint64) *contents {
	c := &contents{vocab: vocab, seed: seed, prefixes: map[uint64]workloads.Prefix{}}
	for _, p := range lib.Prefixes {
		c.prefixes[rng.Name(p.Name)] = p
	}
	return c
}

// run appends tokens 0..n-1 of the run that salt names.
func (c *contents) run(dst []int32, salt uint64, n int) []int32 {
	for i := range n {
		dst = append(dst, int32(kv.Made(salt, i)%uint64(c.vocab)))
	}
	return dst
}

// prefix are the first n tokens of a shared prefix.
func (c *contents) prefix(name uint64, n int) []int32 {
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

func (c *contents) salt(owner, part uint64) uint64 {
	return rng.New(c.seed, 0).Fold(owner).Fold(part).Uint64()
}

// session are the contexts of one session's steps, made when first asked for.
type session struct {
	*contents
	graph *workloads.Graph
	owner uint64
	whole [][]int32 // by step: prompt and answer
}

func (c *contents) of(g *workloads.Graph) *session {
	return &session{contents: c, graph: g, owner: rng.Name(g.Session.ID), whole: make([][]int32, len(g.Steps))}
}

// call is a step's prompt and its recorded answer. Neither may be changed.
func (s *session) call(step int32) (prompt, answer []int32) {
	n := &s.graph.Steps[step]
	all := s.context(step)
	return all[:n.Input:n.Input], all[n.Input:]
}

// context is a step's prompt followed by its answer.
func (s *session) context(step int32) []int32 {
	if s.whole[step] != nil {
		return s.whole[step]
	}
	n := &s.graph.Steps[step]
	ids := make([]int32, 0, n.Input+n.Output)
	if n.Base >= 0 {
		ids = append(ids, s.context(n.Base)[:n.Keep]...)
	} else {
		ids = append(ids, s.prefix(n.Prefix, n.Keep)...)
	}
	ids = s.run(ids, s.salt(s.owner, uint64(step)<<1), n.Input-n.Keep)
	ids = s.run(ids, s.salt(s.owner, uint64(step)<<1|1), n.Output)
	s.whole[step] = ids
	return ids
}
