package grammar

import "math"

// fewest is the number of tokens that complete the output from one of the
// threads: the fewest that spell its shortest completion. Where that needs more
// than budget it may be any number above.
//
// The shortest completion of a thread follows from the thread alone, so after
// the first of these tokens it is what was left of it: one less is enough then.
func (a *Automaton) fewest(set []thread, budget int32) int32 {
	best := int32(math.MaxInt32)
	for _, t := range set {
		rest := a.rest(t)
		if int64(rest) > int64(budget)*int64(a.v.longest) {
			continue
		}
		if n := &a.nodes[t.node]; n.kind == content {
			t.n = min(t.n, n.least)
		}
		tokens, ok := a.tokens[t]
		if !ok {
			tokens = a.v.fewest(a.completion(t))
			a.tokens[t] = tokens
		}
		best = min(best, tokens)
	}
	return best
}

// within says whether a number of tokens is enough to complete the output from
// one of the threads, and gives its shortest completion in bytes. That many
// tokens are always enough.
func (a *Automaton) within(set []thread, budget int32) (rest int32, ok bool) {
	rest = never
	for _, t := range set {
		rest = min(rest, a.rest(t))
	}
	return rest, rest <= budget || a.fewest(set, budget) <= budget
}

// completion spells a thread's shortest completion; of several the one by the
// first alternative at each node.
func (a *Automaton) completion(t thread) (text []byte) {
	for {
		shortest := a.shortest[t.level]
		switch n := &a.nodes[t.node]; n.kind {
		case end:
			return text
		case back:
			t = thread{place{node: t.back}, t.up}
		case call:
			t = a.call(n, t.frame)
		case fork:
			best := n.to[0]
			for _, to := range n.to {
				if shortest[to] < shortest[best] {
					best = to
				}
			}
			t.place = place{node: best}
		case consume:
			best := &n.edges[0]
			for i := range n.edges {
				if e := &n.edges[i]; a.from(e.to, shortest) < a.from(best.to, shortest) {
					best = e
				}
			}
			text = append(text, best.lo)
			t.place = best.to
		case content:
			text = append(text, wayBack[t.state]...)
			for range n.least - t.n {
				text = append(text, filler)
			}
			text = append(text, '"')
			t.place = place{node: n.next}
		}
	}
}

// fewest is the least number of tokens that spell a text.
func (v *Vocabulary) fewest(text []byte) int32 {
	least := make([]int32, len(text)+1) // from a position to the end
	for i := len(text) - 1; i >= 0; i-- {
		least[i] = math.MaxInt32 - 1
		for node, k := v.all.first[text[i]], i+1; node >= 0; k++ {
			if len(v.all.at(node)) > 0 {
				least[i] = min(least[i], least[k]+1)
			}
			if k == len(text) {
				break
			}
			node = v.all.child(node, text[k])
		}
	}
	return least[0]
}

// child is the node after a byte; -1: none.
func (t *trie) child(node int32, c byte) int32 {
	for i := node + 1; i < t.nodes[node].end; i = t.nodes[i].end {
		if t.nodes[i].label == c {
			return i
		}
	}
	return -1
}
