package sim

import (
	"tierlab/engine/kv"
	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/workloads"
)

// prefixes are a workload's shared prefixes, as contents.
type prefixes struct {
	named map[uint64]prefix
	made  map[start]kv.Chain // what sessions begin with, so that all share it
}

// start is the beginning of a shared prefix, under a tenant's root and in blocks
// of one size.
type start struct {
	root, name   uint64
	tokens, size int
}

// prefix is a shared prefix: the first keep tokens of another one, then its own.
type prefix struct {
	from uint64
	keep int
}

func newPrefixes(list []workloads.Prefix) *prefixes {
	p := &prefixes{named: make(map[uint64]prefix, len(list)), made: map[start]kv.Chain{}}
	for _, x := range list {
		p.named[rng.Name(x.Name)] = prefix{from: rng.Name(x.From), keep: x.Keep}
	}
	return p
}

// first are the first tokens of a prefix.
func (p *prefixes) first(s start) kv.Chain {
	ch, ok := p.made[s]
	if !ok {
		ch = p.append(kv.NewChain(s.size, s.root), s.name, 0, s.tokens)
		p.made[s] = ch
	}
	return ch
}

// append adds tokens from..to-1 of a prefix to a chain. They are named by the
// prefix that they were first written in, so that nested ones share them.
func (p *prefixes) append(ch kv.Chain, name uint64, from, to int) kv.Chain {
	x := p.named[name]
	if from < x.keep {
		end := min(to, x.keep)
		ch = p.append(ch, x.from, from, end)
		from = end
	}
	if from >= to {
		return ch
	}
	return ch.AppendMade(rng.Stream(name).For(rng.Content).Uint64(), from-x.keep, to-from)
}

// contexts are the contents of a session's contexts in blocks of one size. A
// token is named by the shared prefix, or by the session and the step that it
// was first written in, and by its place there: so whatever a step keeps of its
// base is the same content. What a step costs follows from what it adds.
type contexts struct {
	size     int
	root     uint64 // the tenant's: contexts of different tenants share nothing
	key      rng.Stream
	graph    *workloads.Graph
	machine  *agent.Machine
	prefixes *prefixes
	steps    []content
}

// content is what a step's model has read, and that followed by its answer; empty
// until it is asked for.
type content struct{ prompt, whole kv.Chain }

// The parts of a step that are new with it.
const (
	added    = iota // to the prompt
	answered        // the answer
	summed          // the summary that compacts the context
)

func (c *contexts) reset(s *session, p *prefixes) {
	c.root, c.key = 0, s.key.For(rng.Content)
	if t := s.graph.Session.Tenant; t != "" {
		c.root = rng.Name(t)
	}
	c.graph, c.machine, c.prefixes = s.graph, &s.machine, p
	c.steps = c.steps[:0]
	for range s.graph.Steps {
		c.steps = append(c.steps, content{})
	}
}

// forget lets the contents go.
func (c *contexts) forget() { clear(c.steps) }

// salt names the tokens of a part of a step.
func (c *contexts) salt(step int32, part uint64) uint64 {
	return c.key.Fold(uint64(step)<<2 | part).Uint64()
}

// call is the prompt of a step's present call, and the name of its answer's
// tokens.
func (c *contexts) call(step int32) (prompt kv.Chain, salt uint64) {
	if c.machine.Compacting(step) {
		return c.kept(step), c.salt(step, summed)
	}
	return c.prompt(step), c.salt(step, answered)
}

// prompt is what a step's own call reads.
func (c *contexts) prompt(step int32) kv.Chain {
	at := &c.steps[step]
	if at.prompt.BlockTokens() == 0 {
		n := &c.graph.Steps[step]
		at.prompt = c.kept(step).AppendMade(c.salt(step, added), 0, n.Input-n.Keep)
	}
	return at.prompt
}

// whole is a step's prompt and its answer, which counts as recorded.
func (c *contexts) whole(step int32) kv.Chain {
	at := &c.steps[step]
	if at.whole.BlockTokens() == 0 {
		at.whole = c.prompt(step).AppendMade(c.salt(step, answered), 0, c.graph.Steps[step].Output)
	}
	return at.whole
}

// kept is what a step's prompt begins with: its base's context, the shared
// prefix, or what a compaction has put in their place.
func (c *contexts) kept(step int32) kv.Chain {
	n := &c.graph.Steps[step]
	cut, sum, own := c.machine.Compaction(step)
	switch {
	case own:
		return c.summary(kv.NewChain(c.size, c.root), step, 0, sum)
	case n.Base < 0:
		return c.prefixes.first(start{root: c.root, name: n.Prefix, tokens: n.Keep, size: c.size})
	}
	return c.first(n.Base, n.Keep-cut+sum, cut == 0)
}

// first are the first n tokens of a step's context: as they are after
// compactions, or as recorded.
func (c *contexts) first(step int32, n int, recorded bool) kv.Chain {
	node := &c.graph.Steps[step]
	if cut, _, _ := c.machine.Compaction(step); !recorded || cut == 0 {
		whole := c.whole(step)
		if n == whole.Len() {
			return whole
		}
		full := n / c.size
		return c.append(whole.CutBlocks(full, c.root), step, full*c.size, n, recorded)
	}
	keep := min(n, node.Keep)
	return c.append(c.first(node.Base, keep, true), step, keep, n, true)
}

// append adds tokens from..to-1 of a step's context to a chain.
func (c *contexts) append(ch kv.Chain, step int32, from, to int, recorded bool) kv.Chain {
	n := &c.graph.Steps[step]
	cut, sum, own := c.machine.Compaction(step)
	if recorded {
		cut, sum, own = 0, 0, false
	}
	kept := n.Keep - cut + sum
	if end := min(to, kept); from < end {
		switch {
		case own:
			ch = c.summary(ch, step, from, end)
		case n.Base < 0:
			ch = c.prefixes.append(ch, n.Prefix, from, end)
		default:
			ch = c.append(ch, n.Base, from, end, cut == 0)
		}
		from = end
	}
	for _, part := range [2]struct {
		salt  uint64
		begin int
		end   int
	}{
		{added, kept, kept + n.Input - n.Keep},
		{answered, kept + n.Input - n.Keep, kept + n.Input - n.Keep + n.Output},
	} {
		if end := min(to, part.end); from < end {
			ch = ch.AppendMade(c.salt(step, part.salt), from-part.begin, end-from)
			from = end
		}
	}
	return ch
}

// summary adds tokens from..to-1 of what a step's own compaction has left: the
// shared prefix and the summary.
func (c *contexts) summary(ch kv.Chain, step int32, from, to int) kv.Chain {
	n := &c.graph.Steps[step]
	shared := min(n.PrefixTokens, n.Keep)
	if end := min(to, shared); from < end {
		ch = c.prefixes.append(ch, n.Prefix, from, end)
		from = end
	}
	if from < to {
		ch = ch.AppendMade(c.salt(step, summed), from-shared, to-from)
	}
	return ch
}
