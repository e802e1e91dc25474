package kv

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func must(tb testing.TB, cfg Config) *Cache {
	c, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestConfigErrors(t *testing.T) {
	for _, bad := range []struct {
		cfg  Config
		want string
	}{
		{Config{BlockTokens: 16}, "blocks is 0"},
		{Config{Blocks: 4}, "block_tokens is 0"},
		{Config{Blocks: 4, BlockTokens: 16, KeepBlocks: 5}, "keep_blocks is 5, want 0..blocks (4)"},
		{Config{Blocks: 1 << 28, BlockTokens: 16}, "more than 2^31-1 tokens"},
	} {
		if _, err := New(bad.cfg); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%+v: %v, want %q", bad.cfg, err, bad.want)
		}
	}
}

// TestCheckHasTeeth breaks a sound cache in each way that Check looks for.
func TestCheckHasTeeth(t *testing.T) {
	sound := func() (*Cache, *Table) {
		c, tab := must(t, Config{Blocks: 8, BlockTokens: 2, KeepBlocks: 8}), &Table{}
		h := NewChain(2, 0).AppendMade(1, 0, 6).Hashes(0, nil)
		c.Grow(tab, 5, h, nil)
		other := &Table{}
		c.Grow(other, 2, NewChain(2, 0).AppendMade(2, 0, 2).Hashes(0, nil), nil)
		c.Release(other, 0, Keep{Until: time.Second})
		return c, tab
	}
	if c, tab := sound(); errors.Join(c.Check(tab), c.Check()) != nil {
		t.Fatal(c.Check(tab))
	}
	for law, harm := range map[string]func(*Cache, *Table){
		"KV-1": func(c *Cache, _ *Table) { c.free = c.free[1:] },
		"KV-2": func(c *Cache, _ *Table) { c.free[0] = c.free[1] },
		"KV-3": func(c *Cache, tab *Table) { c.meta[tab.last].refs++ },
		"KV-4": func(c *Cache, tab *Table) { c.meta[c.meta[tab.last].parent].depth++ },
		"KV-5": func(c *Cache, tab *Table) { p := c.meta[tab.last].parent; c.index.remove(c.meta[p].hash, p) },
		"KV-6": func(c *Cache, _ *Table) { c.idle.take(c.idle.first().b) },
		"KV-7": func(c *Cache, _ *Table) { c.charge++ },
		"KV-8": func(_ *Cache, tab *Table) { tab.tokens += 2 },
	} {
		c, tab := sound()
		harm(c, tab)
		if err := c.Check(tab); err == nil || !strings.Contains(err.Error(), law) {
			t.Errorf("%s broken, Check says %v", law, err)
		}
	}
}

// TestForeignHashes: a hash that is not of the table's next block is refused,
// though a block of that name is resident.
func TestForeignHashes(t *testing.T) {
	c := must(t, Config{Blocks: 8, BlockTokens: 2})
	var a, b Table
	names := NewChain(2, 0).AppendMade(1, 0, 4).Hashes(0, nil)
	c.Grow(&a, 4, names, nil)
	c.Grow(&b, 2, NewChain(2, 0).AppendMade(2, 0, 2).Hashes(0, nil), nil)
	if c.Adopt(&b, names[1]) {
		t.Error("Adopt took the second block of another context")
	}
	c.Grow(&b, 2, nil, nil)
	if c.Seal(&b, names[1]) || !b.Private() {
		t.Error("Seal took the second block of another context")
	}
	if err := c.Check(&a, &b); err != nil {
		t.Error(err)
	}
}

// turn continues a resident context of the given length by added tokens, as a
// session's next call does, and lets it go again.
type turn struct {
	c         *Cache
	long      Chain
	next      []Hash
	table     Table
	copies    []Copy
	added     int
	now       time.Duration
	resident  int
	generated uint64
}

func newTurn(tb testing.TB, context, added int) *turn {
	u := &turn{c: must(tb, Config{Blocks: context/16 + 4*added/16, BlockTokens: 16, KeepBlocks: context/16 + added/16}), added: added}
	u.long = NewChain(16, 0).AppendMade(1, 0, context)
	u.c.Grow(&u.table, context, u.long.Hashes(0, nil), nil)
	u.c.Release(&u.table, 0, Keep{})
	u.next = make([]Hash, added/16)
	return u
}

func (u *turn) run() {
	u.now++
	u.generated++
	h := u.long.State()
	for i := range u.next {
		h = h.Fold(u.generated)
		u.next[i] = h
	}
	hit, n := u.c.Match(u.long, u.long.Len()/16)
	u.resident = n
	u.c.Take(&u.table, hit, n)
	if u.c.Available(len(u.next), hit) {
		_, u.copies = u.c.Grow(&u.table, u.added, u.next, u.copies[:0])
	}
	u.c.Expire(u.now)
	u.c.Release(&u.table, u.now, Keep{Until: u.now + 1})
}

// BenchmarkTurn shows that a turn costs what it adds, whatever the context.
func BenchmarkTurn(b *testing.B) {
	for _, context := range []int{1 << 10, 1 << 14, 1 << 18} {
		b.Run(fmt.Sprintf("context=%d/added=512", context), func(b *testing.B) {
			u := newTurn(b, context, 512)
			b.ReportAllocs()
			for b.Loop() {
				u.run()
			}
		})
	}
}

// BenchmarkChain appends a turn's tokens to a context.
func BenchmarkChain(b *testing.B) {
	long := NewChain(16, 0).AppendMade(1, 0, 1<<16)
	b.ReportAllocs()
	for b.Loop() {
		long.AppendMade(2, 0, 512)
	}
}
