package site

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// prefixModel is a Prefixes as a slice, from oldest to newest use.
type prefixModel struct {
	PrefixConfig
	list []modelPrefix
}

type modelPrefix struct {
	Prefix
	used time.Duration
}

func (m *prefixModel) expire(now time.Duration) {
	m.list = slices.DeleteFunc(m.list, func(p modelPrefix) bool { return m.TTL > 0 && now-p.used > m.TTL })
}

func (m *prefixModel) find(key uint64) int {
	return slices.IndexFunc(m.list, func(p modelPrefix) bool { return p.Key == key })
}

func (m *prefixModel) used() (n int) {
	for _, p := range m.list {
		n += p.Tokens
	}
	return n
}

func (m *prefixModel) use(i int, now time.Duration) {
	p := m.list[i]
	p.used = now
	m.list = append(slices.Delete(m.list, i, i+1), p)
}

func (m *prefixModel) best(now time.Duration, names []Prefix) (cached, which int) {
	m.expire(now)
	which = -1
	for i, want := range names {
		if at := m.find(want.Key); at >= 0 {
			if n := min(m.list[at].Tokens, want.Tokens/m.Block*m.Block); n > cached {
				cached, which = n, i
			}
		}
	}
	if which >= 0 {
		m.use(m.find(names[which].Key), now)
	}
	return cached, which
}

func (m *prefixModel) store(now time.Duration, have Prefix) {
	m.expire(now)
	m.list = slices.DeleteFunc(m.list, func(p modelPrefix) bool { return p.Key == have.Key })
	have.Tokens = min(have.Tokens/m.Block, m.Capacity/m.Block) * m.Block
	if have.Tokens <= 0 {
		return
	}
	m.list = append(m.list, modelPrefix{have, now})
	for m.used() > m.Capacity {
		m.list[0].Tokens -= m.Block
		if m.list[0].Tokens == 0 {
			m.list = m.list[1:]
		}
	}
}

// TestPrefixModel holds a Prefixes to the plain model, and to invariant P1.
func TestPrefixModel(t *testing.T) {
	for range rounds {
		rapid.Check(t, comparePrefixes)
	}
}

func comparePrefixes(t *rapid.T) {
	c := PrefixConfig{
		Capacity: rapid.IntRange(0, 600).Draw(t, "capacity"),
		Block:    rapid.IntRange(1, 16).Draw(t, "block"),
		TTL:      time.Duration(rapid.IntRange(0, 50).Draw(t, "ttl")),
	}
	p, m := NewPrefixes(c), &prefixModel{PrefixConfig: c}
	prefix := rapid.Custom(func(t *rapid.T) Prefix {
		// Keys differ in high bits or low bits only, and collide often.
		k := uint64(rapid.IntRange(0, 9).Draw(t, "key"))
		return Prefix{k << (k % 3 * 28), rapid.IntRange(-1, 250).Draw(t, "tokens")}
	})
	var now time.Duration
	step := func(t *rapid.T) { now += time.Duration(rapid.IntRange(0, 8).Draw(t, "in")) }
	t.Repeat(map[string]func(*rapid.T){
		"store": func(t *rapid.T) {
			step(t)
			have := prefix.Draw(t, "have")
			p.Store(now, have)
			m.store(now, have)
		},
		"best": func(t *rapid.T) {
			step(t)
			names := rapid.SliceOfN(prefix, 0, 4).Draw(t, "names")
			cached, which := p.Best(now, names...)
			if c, w := m.best(now, names); cached != c || which != w {
				t.Fatalf("Best(%v) = %d, %d; model %d, %d", names, cached, which, c, w)
			}
		},
		"peek": func(t *rapid.T) {
			later := now + time.Duration(rapid.IntRange(0, 60).Draw(t, "in"))
			want := prefix.Draw(t, "want")
			clone := &prefixModel{c, slices.Clone(m.list)}
			got := p.Peek(later, want)
			if n, _ := clone.best(later, []Prefix{want}); got != n {
				t.Fatalf("Peek(%v) = %d, model %d", want, got, n)
			}
		},
		"forget": func(t *rapid.T) {
			key := prefix.Draw(t, "which").Key
			p.Forget(key)
			m.list = slices.DeleteFunc(m.list, func(p modelPrefix) bool { return p.Key == key })
		},
		"clear": func(t *rapid.T) {
			if rapid.IntRange(0, 5).Draw(t, "rare") == 0 {
				p.Clear()
				m.list = nil
			}
		},
		"": func(t *rapid.T) { m.same(t, p, now) },
	})
}

// same compares what is resident, key by key.
func (m *prefixModel) same(t *rapid.T, p *Prefixes, now time.Duration) {
	if p.Used() > m.Capacity {
		t.Fatalf("P1 capacity: %d tokens of %d", p.Used(), m.Capacity)
	}
	if p.Used() != m.used() || p.Len() != len(m.list) {
		t.Fatalf("%d tokens under %d keys, model %v", p.Used(), p.Len(), m.list)
	}
	for _, have := range m.list {
		want := have.Tokens
		if m.TTL > 0 && now-have.used > m.TTL {
			want = 0
		}
		if got := p.Peek(now, Prefix{have.Key, 1000}); got != want {
			t.Fatalf("%d tokens under %d, model %v at %v", got, have.Key, m.list, now)
		}
	}
}

// TestPrefixSession follows one agent session, with the figures worked out by
// hand.
func TestPrefixSession(t *testing.T) {
	const system, session, other = 1, 2, 3
	p := NewPrefixes(PrefixConfig{Capacity: 1000, Block: 10, TTL: time.Minute})
	p.Store(0, Prefix{system, 205})
	if n, which := p.Best(0, Prefix{session, 400}, Prefix{system, 205}); n != 200 || which != 1 {
		t.Errorf("first step: %d cached by name %d, want the system prompt's 20 whole blocks", n, which)
	}
	p.Store(time.Second, Prefix{session, 440})
	if n, which := p.Best(2*time.Second, Prefix{session, 440}, Prefix{system, 205}); n != 440 || which != 0 {
		t.Errorf("second step: %d cached by name %d, want all 440 of the session", n, which)
	}
	p.Store(3*time.Second, Prefix{other, 500})
	if n := p.Hit(3*time.Second, Prefix{system, 205}); n != 60 {
		t.Errorf("another session leaves %d of the system prompt, want its first 60", n)
	}
	if n := p.Hit(64*time.Second, Prefix{session, 440}); n != 0 || p.Len() != 0 {
		t.Errorf("a minute later %d are cached and %d keys held, want none", n, p.Len())
	}
	want := PrefixStats{Lookups: 4, Wanted: 400 + 440 + 205 + 440, Hit: 200 + 440 + 60, Evicted: 140, Expired: 440 + 500 + 60}
	if got := p.Stats(); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestPrefixesDoNotAllocate(t *testing.T) {
	p := NewPrefixes(PrefixConfig{Capacity: 1 << 20, Block: 16, TTL: time.Hour})
	i := uint64(0)
	step := func() {
		i++
		now := time.Duration(i) * time.Second
		key := i * 0x9e3779b97f4a7c15 % 5000
		p.Best(now, Prefix{key, 5000}, Prefix{key % 7, 300})
		p.Store(now, Prefix{key, int(500 + i%3000)})
	}
	for range 20_000 {
		step()
	}
	if n := testing.AllocsPerRun(20_000, step); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
	if st := p.Stats(); st.Hit == 0 || st.Evicted == 0 {
		t.Errorf("no churn: %+v", st)
	}
}
