package grammar

import (
	"errors"
	"fmt"
	"math"
)

// maxReadings bounds how many readings of an output are followed at once.
const maxReadings = 128

// checkForks refuses a rule that calls itself before it consumes a byte, and
// more alternatives at one place than are followed.
func (p *program) checkForks() error {
	width := make([]int, len(p.nodes)) // readings at a node; 0: not known, -1: on the way
	var visit func(i int32) (int, error)
	visit = func(i int32) (int, error) {
		switch {
		case width[i] > 0:
			return width[i], nil
		case width[i] < 0:
			return 0, errors.New("a $ref leads back to itself with no value in between")
		}
		width[i] = -1
		w := 1
		switch n := &p.nodes[i]; n.kind {
		case fork:
			w = 0
			for _, to := range n.to {
				more, err := visit(to)
				if err != nil {
					return 0, err
				}
				w += more
			}
		case call:
			more, err := visit(p.rules[n.rule].entry)
			if err != nil {
				return 0, err
			}
			w = more
		}
		if w > maxReadings {
			return 0, fmt.Errorf("more than %d alternatives at one place", maxReadings)
		}
		width[i] = w
		return w, nil
	}
	for i := range p.nodes {
		if _, err := visit(int32(i)); err != nil {
			return err
		}
	}
	return nil
}

// ways are, for each node, the bytes from it to the end of its rule.
type ways struct {
	shortest []int32
	longest  []int
}

// measure computes the shortest and longest ways, level by level. A node refers
// to nodes that were added before it, and to recursive rules a level below, so
// one pass in order is enough.
func (p *program) measure() {
	var below, here ways
	for range p.depth + 1 {
		below, here = here, ways{make([]int32, len(p.nodes)), make([]int, len(p.nodes))}
		for i := range p.nodes {
			here.shortest[i], here.longest[i] = p.way(&p.nodes[i], &here, &below)
		}
		p.shortest = append(p.shortest, here.shortest)
	}
	p.longest = here.longest[p.start]
}

// way measures one node.
func (p *program) way(n *node, here, below *ways) (shortest int32, longest int) {
	switch n.kind {
	case consume:
		shortest = never
		for _, e := range n.edges {
			if s := p.from(e.to, here.shortest); s != never {
				shortest = min(shortest, plus(1, s))
				longest = max(longest, sum(1, here.longest[e.to.node]))
			}
		}
	case content:
		shortest = plus(n.least+1, here.shortest[n.next])
		longest = sum(longestEscape*int(n.most)+1, here.longest[n.next])
	case fork:
		shortest = never
		for _, to := range n.to {
			shortest = min(shortest, here.shortest[to])
			longest = max(longest, here.longest[to])
		}
	case call:
		r, body := p.rules[n.rule], here
		if r.recursive {
			body = below
		}
		if body.shortest == nil { // at the last level
			return never, 0
		}
		shortest = plus(body.shortest[r.entry], here.shortest[n.next])
		longest = sum(body.longest[r.entry], here.longest[n.next])
	}
	return shortest, longest
}

// longestEscape is the most bytes of a character in a string.
const longestEscape = len(`\u0000`)

// from is the shortest way from a place, given those from nodes.
func (p *program) from(at place, shortest []int32) int32 {
	n := &p.nodes[at.node]
	if n.kind != content {
		return shortest[at.node]
	}
	return plus(int32(len(wayBack[at.state]))+max(0, n.least-at.n)+1, shortest[n.next])
}

func plus(a, b int32) int32 {
	if a > never-1-b {
		return never
	}
	return a + b
}

func sum(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}
