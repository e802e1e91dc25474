package importers

import "tierlab/workloads"

// blockPrompt is a step's prompt in blocks.
type blockPrompt struct {
	step   string
	ids    []int64
	tokens int
	// next is the least length of a prompt that continues this one.
	next int
}

// sharedBlocks turns the prompts of one session, in the order of their starts,
// into deltas: each keeps the longest run of blocks that it shares with an
// earlier one, of the latest such. Where that is all of the earlier prompt's
// complete blocks and the prompt is as long as a continuation, the earlier
// one's rest of less than a block is kept too.
func sharedBlocks(prompts []blockPrompt, block int) []workloads.Context {
	contexts := make([]workloads.Context, len(prompts))
	var seen trie
	for i, p := range prompts {
		contexts[i].Add = p.tokens
		shared, last := seen.insert(p.ids, i, 0)
		if last < 0 {
			continue
		}
		base := prompts[last]
		keep := min(shared*block, p.tokens, base.tokens)
		if shared >= base.tokens/block && p.tokens >= base.next {
			keep = base.tokens
		}
		contexts[i] = workloads.Context{From: base.step, Keep: keep, Add: p.tokens - keep}
	}
	return contexts
}

// trie holds sequences of block ids, each of which names the content of one
// block of a prompt. Runs without a branch are one node.
type trie struct{ root trieNode }

type trieNode struct {
	ids      []int64 // on the way from the parent
	depth    int     // blocks from the root to the end of ids
	children map[int64]*trieNode
	last     int // the latest sequence through the end of ids
	group    int // that it belongs to
	uses     int // how many groups' sequences pass
	tokens   int // the shortest of their prompts, up to the node's depth
	number   int // of the prefix written for it; 0: none yet
}

// insert adds a sequence, numbered by the caller, and says how many of its
// blocks were there before and which sequence had them last (-1: none). A
// group's sequences are inserted one after the other.
func (t *trie) insert(ids []int64, sequence, group int) (shared, last int) {
	n, last := &t.root, -1
	for {
		child := n.children[first(ids)]
		if len(ids) == 0 || child == nil {
			break
		}
		k := commonLength(child.ids, ids)
		if k < len(child.ids) {
			child = n.split(child, k)
		}
		shared, last = shared+k, child.last
		n, ids = child, ids[k:]
		n.last = sequence
		if n.group != group {
			n.group = group
			n.uses++
		}
	}
	if len(ids) > 0 {
		n.add(&trieNode{ids: ids, depth: n.depth + len(ids), last: sequence, group: group, uses: 1})
	}
	return shared, last
}

// path calls do with the nodes along a sequence that was inserted.
func (t *trie) path(ids []int64, do func(*trieNode) error) error {
	for n := &t.root; len(ids) > 0; {
		n = n.children[ids[0]]
		ids = ids[len(n.ids):]
		if err := do(n); err != nil {
			return err
		}
	}
	return nil
}

// split cuts the way to child behind k of its blocks.
func (n *trieNode) split(child *trieNode, k int) *trieNode {
	upper := &trieNode{ids: child.ids[:k:k], depth: n.depth + k, last: child.last, group: child.group, uses: child.uses,
		tokens: child.tokens}
	n.add(upper)
	child.ids = child.ids[k:]
	upper.add(child)
	return upper
}

func (n *trieNode) add(child *trieNode) {
	if n.children == nil {
		n.children = make(map[int64]*trieNode)
	}
	n.children[child.ids[0]] = child
}

// first is the first id, or 0 where there is none.
func first(ids []int64) int64 {
	if len(ids) == 0 {
		return 0
	}
	return ids[0]
}

func commonLength(a, b []int64) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
