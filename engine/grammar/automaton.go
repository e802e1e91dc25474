package grammar

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Automaton is a grammar over a vocabulary. It is safe for concurrent use: the
// outputs that it constrains share the masks that it has computed.
type Automaton struct {
	*program
	v *Vocabulary

	mu     sync.Mutex
	root   *frame
	frames map[frame]*frame
	masks  map[maskKey]*masked
	tokens map[thread]int32 // fewest tokens of a thread's shortest completion
	sets   [][]thread       // on a path through a trie or a token, by depth
	work   int              // steps of the walk at hand
	most   int              // of these, before it is cut short
}

// Bounds on what an automaton remembers; beyond them it starts anew.
const (
	maxMaskBytes = 8 << 20
	maxFrames    = 1 << 16
)

// Bind prepares a grammar for a vocabulary. It is an error if the vocabulary
// cannot spell one of the grammar's literals.
func Bind(v *Vocabulary, g *Grammar) (*Automaton, error) {
	for i := range g.nodes {
		for _, e := range g.nodes[i].edges {
			if e.lo == e.hi && !v.single[e.lo] {
				return nil, fmt.Errorf("grammar: the vocabulary has no token for the single byte %#02x, which the grammar demands", e.lo)
			}
		}
	}
	a := &Automaton{program: g.program, v: v, root: &frame{level: g.program.depth}, sets: make([][]thread, v.longest+1), most: maxWork}
	a.forget()
	return a, nil
}

func (a *Automaton) forget() {
	a.frames = map[frame]*frame{}
	a.masks = map[maskKey]*masked{}
	a.tokens = map[thread]int32{}
}

// frame is where calls return to. Equal stacks are one frame, but for those from
// before the automaton forgot.
type frame struct {
	up    *frame
	back  int32 // node in the body that up belongs to
	level int32 // recursive rules that may still be entered
	rest  int32 // shortest way from back to the end of the output
}

// thread is one reading of the output so far: what may come next follows from
// it. It rests on nodes of kind end, consume and content.
type thread struct {
	place
	*frame
}

// rest is the shortest way to the end of the output, in bytes.
func (a *Automaton) rest(t thread) int32 {
	return plus(a.from(t.place, a.shortest[t.level]), t.frame.rest)
}

// enter adds the threads that a node stands for.
func (a *Automaton) enter(set []thread, t thread) []thread {
	for {
		switch n := &a.nodes[t.node]; n.kind {
		case fork:
			for _, to := range n.to {
				if a.shortest[t.level][to] != never {
					set = a.enter(set, thread{place{node: to}, t.frame})
				}
			}
			return set
		case call:
			a.work++
			t = a.call(n, t.frame)
		case back:
			t = thread{place{node: t.back}, t.up}
		default:
			for i := range set {
				if set[i] == t {
					return set
				}
			}
			return append(set, t)
		}
	}
}

// call is the start of a rule's body, with a frame to return from it.
func (a *Automaton) call(n *node, up *frame) thread {
	r := &a.rules[n.rule]
	f := frame{up: up, back: n.next, level: up.level, rest: plus(a.shortest[up.level][n.next], up.rest)}
	if r.recursive {
		f.level--
	}
	known := a.frames[f]
	if known == nil {
		known = &f
		a.frames[f] = known
	}
	return thread{place{node: r.entry}, known}
}

// step adds to dst the threads that the set becomes by a byte. More than
// maxReadings are not followed.
func (a *Automaton) step(dst, set []thread, c byte) []thread {
	for _, t := range set {
		a.work++
		switch n := &a.nodes[t.node]; n.kind {
		case consume:
			for i := range n.edges {
				e := &n.edges[i]
				if e.lo <= c && c <= e.hi {
					if a.from(e.to, a.shortest[t.level]) != never {
						dst = a.enter(dst, thread{e.to, t.frame})
					}
					break
				}
			}
		case content:
			switch state := contentStates[t.state][c]; {
			case state == refused:
			case state == closed:
				if t.n >= n.least {
					dst = a.enter(dst, thread{place{node: n.next}, t.frame})
				}
			case t.state != base:
				t.state = state
				dst = append(dst, t)
			case t.n < n.most:
				t.state, t.n = state, t.n+1
				dst = append(dst, t)
			}
		}
		if len(dst) > 2*maxReadings {
			dst = a.prune(dst)
		}
	}
	if len(dst) > maxReadings {
		dst = a.prune(dst)
	}
	return dst
}

// prune keeps the first maxReadings threads, the last of them replaced by the
// one that can end soonest.
func (a *Automaton) prune(set []thread) []thread {
	soonest := slices.MinFunc(set, func(s, t thread) int { return cmp.Compare(a.rest(s), a.rest(t)) })
	kept := set[:maxReadings]
	if !slices.Contains(kept, soonest) {
		kept[maxReadings-1] = soonest
	}
	return kept
}

// follow adds to dst what a thread becomes by a token's bytes. Each thread goes
// on its own, as in each, so that a token which one of them lets pass is never
// lost to what prune does with the others.
func (a *Automaton) follow(dst []thread, t thread, text []byte) []thread {
	a.sets[0] = append(a.sets[0][:0], t)
	for i, c := range text {
		a.sets[i+1] = a.step(a.sets[i+1][:0], a.sets[i], c)
	}
	for _, t := range a.sets[len(text)] {
		if !slices.Contains(dst, t) {
			dst = append(dst, t)
		}
	}
	return dst
}

// maxWork bounds the steps of one walk. Walks of 128k tokens take up to some
// 100,000; what takes more is a schema with very many readings at once. The walk
// then goes on with tokens of a single byte alone, with which every output can
// be completed.
const maxWork = 1 << 19

// each calls found with every token that the thread lets pass, and with what it
// leads to. Tokens that no reading survives are skipped with all that start like
// them.
func (a *Automaton) each(tr *trie, t thread, found func(token int32, set []thread)) {
	a.work = 0
	a.sets[0] = append(a.sets[0][:0], t)
	for i := int32(0); i < int32(len(tr.nodes)-1); {
		n := &tr.nodes[i]
		depth := int(n.depth)
		set := a.step(a.sets[depth][:0], a.sets[depth-1], n.label)
		a.sets[depth] = set
		if len(set) == 0 {
			i = n.end
			continue
		}
		for _, id := range tr.at(i) {
			found(id, set)
		}
		i++
		if a.work > a.most {
			i = n.end
			for i < int32(len(tr.nodes)-1) && tr.nodes[i].depth > 1 {
				i = tr.nodes[i].end
			}
		}
	}
}
