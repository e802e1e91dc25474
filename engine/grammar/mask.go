package grammar

// masked is the tokens that a thread lets pass.
type masked struct {
	mask []uint64
	// farthest is no less than the shortest completion, in bytes, after any of
	// these tokens.
	farthest int32
}

// maskKey is what a thread's mask depends on: of a string's length, how much
// more is needed and, up to the longest token, how much more may come.
type maskKey struct {
	node, need, room int32
	state            uint8
	*frame
}

func (a *Automaton) key(t thread) maskKey {
	k := maskKey{node: t.node, state: t.state, frame: t.frame}
	if n := &a.nodes[t.node]; n.kind == content {
		k.need = max(0, n.least-t.n)
		k.room = min(n.most-t.n, a.v.most)
	}
	return k
}

// mask is the tokens that a thread lets pass, remembered.
func (a *Automaton) mask(t thread) *masked {
	k := a.key(t)
	if m := a.masks[k]; m != nil {
		return m
	}
	if len(a.masks)*a.v.size/8 > maxMaskBytes || len(a.frames) > maxFrames || len(a.tokens) > maxFrames {
		a.forget()
	}
	m := a.compute(t, unlimited)
	a.masks[k] = m
	return m
}

// compute finds the tokens that a thread lets pass and that leave a completion
// within a number of tokens.
func (a *Automaton) compute(t thread, budget int32) *masked {
	m := &masked{mask: make([]uint64, (a.v.size+63)/64)}
	tr := a.v.all
	if a.nodes[t.node].kind == content && t.state == base {
		tr = a.v.closing
		for i := range a.v.inside {
			a.stay(m, &a.v.inside[i], t, budget)
		}
	}
	a.each(tr, t, func(token int32, set []thread) {
		rest, ok := a.within(set, budget)
		if ok {
			m.mask[token/64] |= 1 << (token % 64)
			m.farthest = max(m.farthest, rest)
		}
	})
	return m
}

// stay adds the tokens that stay inside of a string's content and lead to one
// state of it.
func (a *Automaton) stay(m *masked, in *inside, t thread, budget int32) {
	n := &a.nodes[t.node]
	need, room := n.least-t.n, n.most-t.n
	after := func(starts int32) thread {
		return thread{place{t.node, t.n + starts, in.state}, t.frame}
	}
	if need <= 0 || budget == unlimited {
		// The completion after each of these tokens is the same, or does not
		// matter.
		if _, ok := a.within([]thread{after(in.starts[0])}, budget); !ok {
			return
		}
		m.farthest = max(m.farthest, a.rest(after(0)))
		if room >= in.starts[len(in.starts)-1] {
			for w := range m.mask {
				m.mask[w] |= in.mask[w]
			}
			return
		}
	}
	for i, token := range in.tokens {
		if in.starts[i] > room {
			break
		}
		ok := need <= 0 || budget == unlimited
		if !ok {
			_, ok = a.within([]thread{after(in.starts[i])}, budget)
		}
		if ok {
			m.mask[token/64] |= 1 << (token % 64)
		}
	}
}
