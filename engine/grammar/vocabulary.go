package grammar

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"tierlab/engine/tokenizer"
)

// Vocabulary is a tokenizer's tokens, ordered for grammars. It is immutable and
// safe for concurrent use; one serves all grammars.
type Vocabulary struct {
	size    int
	longest int      // bytes of a token
	texts   [][]byte // of tokens; nil: not used
	all     *trie
	single  [256]bool // bytes that are a token

	// Within a string, between two characters: the tokens that stay within it,
	// by the state of its content that they lead to, and those that close it.
	inside  []inside
	closing *trie
	most    int32 // characters of a token that stays inside
}

// inside is the tokens that lead from between two characters of a string to one
// state of its content.
type inside struct {
	state  uint8
	tokens []int32  // those with fewer characters first
	starts []int32  // characters that each of them starts
	mask   []uint64 // of all of them
}

// maxToken is the longest token that is used, in bytes.
const maxToken = 1 << 15

// NewVocabulary reads all tokens of a tokenizer but its special ones, which are
// no text. Each byte of UTF-8 but control characters must be a token of its own,
// as in a byte-level vocabulary: a grammar may come to where only that one can
// follow.
func NewVocabulary(t tokenizer.Tokenizer) (*Vocabulary, error) {
	v := &Vocabulary{size: t.Vocab(), texts: make([][]byte, t.Vocab())}
	var tokens, closing []spelling
	groups := [numStates]*inside{}
	for id := range int32(v.size) {
		if t.Special(id) {
			continue
		}
		s := spelling{t.Bytes(nil, id), id}
		if len(s.text) == 0 || len(s.text) > maxToken {
			continue
		}
		v.texts[id] = s.text
		v.longest = max(v.longest, len(s.text))
		tokens = append(tokens, s)
		if len(s.text) == 1 {
			v.single[s.text[0]] = true
		}
		switch state, starts := run(s.text); state {
		case refused:
		case closed:
			closing = append(closing, s)
		default:
			if groups[state] == nil {
				groups[state] = &inside{state: state, mask: make([]uint64, (v.size+63)/64)}
			}
			groups[state].tokens = append(groups[state].tokens, id)
			groups[state].starts = append(groups[state].starts, starts)
			v.most = max(v.most, starts)
		}
	}
	for _, r := range [][2]int{{' ', '~'}, {0x80, 0xbf}, {0xc2, 0xf4}} {
		for c := r[0]; c <= r[1]; c++ {
			if !v.single[c] {
				return nil, fmt.Errorf("grammar: the vocabulary has no token for the single byte %#02x, so that a constrained output could get stuck", c)
			}
		}
	}
	for _, g := range groups {
		if g != nil {
			g.order()
			v.inside = append(v.inside, *g)
		}
	}
	v.all, v.closing = newTrie(tokens), newTrie(closing)
	return v, nil
}

// run follows a token through a string's content from between two characters.
func run(token []byte) (state uint8, starts int32) {
	for _, c := range token {
		if state == base {
			starts++
		}
		if state = contentStates[state][c]; state >= numStates {
			break
		}
	}
	return state, starts
}

// order sorts by the number of characters and fills in the mask.
func (g *inside) order() {
	type counted struct{ token, starts int32 }
	list := make([]counted, len(g.tokens))
	for i := range list {
		list[i] = counted{g.tokens[i], g.starts[i]}
		g.mask[list[i].token/64] |= 1 << (list[i].token % 64)
	}
	slices.SortStableFunc(list, func(a, b counted) int { return cmp.Compare(a.starts, b.starts) })
	for i, c := range list {
		g.tokens[i], g.starts[i] = c.token, c.starts
	}
}

// spelling is a token and its bytes.
type spelling struct {
	text []byte
	id   int32
}

// trie holds tokens by their bytes, in preorder: a node's subtree follows it, so
// that a walk goes through memory once, and skips what cannot match.
type trie struct {
	nodes []trieNode
	ids   []int32
	first [257]int32 // node of depth 1 for a byte; -1: none
}

type trieNode struct {
	label byte
	depth uint16 // 1 for a token's first byte
	end   int32  // node after the subtree
	ids   int32  // tokens that end here are ids[node.ids:nodes[i+1].ids]
}

// newTrie sorts tokens and builds their trie.
func newTrie(tokens []spelling) *trie {
	slices.SortFunc(tokens, func(a, b spelling) int {
		return cmp.Or(bytes.Compare(a.text, b.text), cmp.Compare(a.id, b.id))
	})
	t := &trie{}
	for i := range t.first {
		t.first[i] = -1
	}
	var path []int32 // nodes of the token before
	var last []byte
	for _, s := range tokens {
		same := 0
		for same < min(len(last), len(s.text)) && last[same] == s.text[same] {
			same++
		}
		t.close(path[same:])
		path = path[:same]
		for k := same; k < len(s.text); k++ {
			if k == 0 {
				t.first[s.text[0]] = int32(len(t.nodes))
			}
			path = append(path, int32(len(t.nodes)))
			t.nodes = append(t.nodes, trieNode{label: s.text[k], depth: uint16(k + 1), ids: int32(len(t.ids))})
		}
		t.ids = append(t.ids, s.id)
		last = s.text
	}
	t.close(path)
	t.nodes = append(t.nodes, trieNode{ids: int32(len(t.ids))})
	return t
}

func (t *trie) close(path []int32) {
	for _, i := range path {
		t.nodes[i].end = int32(len(t.nodes))
	}
}

// at is the tokens that end at a node.
func (t *trie) at(i int32) []int32 { return t.ids[t.nodes[i].ids:t.nodes[i+1].ids] }
