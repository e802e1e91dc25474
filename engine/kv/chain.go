package kv

import "math/bits"

// Hash names the content of a block: all tokens of the context from its first
// to the block's last. The zero Hash names nothing.
type Hash struct{ A, B uint64 }

// Odd constants with about half of their bits set; any such would do.
const (
	golden = 0x9e3779b97f4a7c15 // 2^64 / golden ratio
	laneA  = 0xd6e8feb86659fd93
	laneB  = 0xa0761d6478bd642f
)

// Fold is the hash of the same tokens followed by one more, named by id. Each
// lane is a bijection of its old value for a given id and of the id for a given
// old value, so contexts of equal length that differ in one token never
// collide, and others with a chance of about 2^-128 unless built to.
func (h Hash) Fold(id uint64) Hash {
	a := (h.A ^ id) * laneA
	b := (bits.RotateLeft64(h.B, 23) + id) * laneB
	return Hash{a ^ a>>29, b ^ b>>31}
}

// Made names token i of a run of tokens that are known by nothing but salt, as
// those of a simulation are.
func Made(salt uint64, i int) uint64 { return salt + uint64(i)*golden }

// Chain is a context's content: its length and, for each full block, the hash
// at that block's end. It is an immutable value: what is appended to one is not
// seen by its copies, and contexts with a common start share its links. A Chain
// of a context that grows by n tokens costs O(n), whatever the context's length.
type Chain struct {
	last  *link // of the last full block
	state Hash  // at the last token
	n     int32
	block int32
}

// link is one full block of a chain.
type link struct {
	before *link
	hash   Hash
	index  int32
}

// back is the link n before l.
func (l *link) back(n int32) *link {
	for ; n > 0; n-- {
		l = l.before
	}
	return l
}

// NewChain is the empty context for blocks of the given number of tokens.
// Contexts under different salts share nothing, so that a tenant cannot learn
// from a fast prefill what another one sent.
func NewChain(blockTokens int, salt uint64) Chain {
	if blockTokens < 1 {
		panic("kv: a block holds at least one token")
	}
	return Chain{state: Hash{A: golden, B: laneA}.Fold(salt), block: int32(blockTokens)}
}

// Len is the context's length in tokens.
func (c Chain) Len() int { return int(c.n) }

// State is the hash of all tokens, those of a part of a block too.
func (c Chain) State() Hash { return c.state }

// BlockTokens is the size of the blocks that the chain was made for.
func (c Chain) BlockTokens() int { return int(c.block) }

// Append is the context followed by the given token ids.
func (c Chain) Append(tokens ...int32) Chain {
	for _, t := range tokens {
		c.add(uint64(uint32(t)))
	}
	return c
}

// AppendMade is the context followed by tokens from..from+n-1 of the run that
// salt names. The same tokens give the same hashes in however many calls.
func (c Chain) AppendMade(salt uint64, from, n int) Chain {
	if n <= 0 {
		return c
	}
	links := make([]link, (int(c.n%c.block)+n)/int(c.block))
	id, left := Made(salt, from), int(c.block-c.n%c.block)
	for done, state := 0, c.state; done < n; {
		part := min(left, n-done)
		for range part {
			state = state.Fold(id)
			id += golden
		}
		done += part
		c.state = state
		c.n += int32(part)
		if part == left {
			c.seal(&links[0])
			links = links[1:]
		}
		left = int(c.block)
	}
	return c
}

func (c *Chain) add(id uint64) {
	c.state = c.state.Fold(id)
	c.n++
	if c.n%c.block == 0 {
		c.seal(new(link))
	}
}

// seal makes l the link of the block that has just become full.
func (c *Chain) seal(l *link) {
	*l = link{before: c.last, hash: c.state, index: c.n/c.block - 1}
	c.last = l
}

// CutBlocks is the context's first blocks full blocks, at a cost that follows
// from what is cut off. A chain knows no tokens, so the caller that cuts within
// a block appends the block's first tokens again.
func (c Chain) CutBlocks(blocks int, salt uint64) Chain {
	l := c.last
	for l != nil && int(l.index) >= blocks {
		l = l.before
	}
	if l == nil {
		return NewChain(int(c.block), salt)
	}
	return Chain{last: l, state: l.hash, n: (l.index + 1) * c.block, block: c.block}
}

// Hashes appends to dst the hashes of the full blocks from index from on.
func (c Chain) Hashes(from int, dst []Hash) []Hash {
	full := int(c.n / c.block)
	if from >= full {
		return dst
	}
	at := len(dst)
	dst = append(dst, make([]Hash, full-from)...)
	for l := c.last; l != nil && int(l.index) >= from; l = l.before {
		dst[at+int(l.index)-from] = l.hash
	}
	return dst
}
