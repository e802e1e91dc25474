package tokenizer

// added is a token beside the vocabulary proper, recognised in a text before
// anything else is done to it.
type added struct {
	text    string
	id      int32
	special bool // not part of an output's text

}

// marks finds added tokens in a text: a trie over their bytes, so that at each
// place the longest one is found.
type marks struct {
	nodes []markNode // the root first; none if there are no tokens
	ids   map[string]int32
	first [256]bool // bytes that a token begins with
}

type markNode struct {
	next map[byte]int32 // nil at a leaf
	id   int32          // -1: no token ends here
}

func newMarks(tokens []added) marks {
	m := marks{ids: make(map[string]int32, len(tokens))}
	for _, t := range tokens {
		if t.text == "" {
			continue
		}
		m.ids[t.text] = t.id
		m.first[t.text[0]] = true
		m.insert(t.text, t.id)
	}
	return m
}

func (m *marks) insert(text string, id int32) {
	if len(m.nodes) == 0 {
		m.nodes = append(m.nodes, markNode{id: -1})
	}
	at := int32(0)
	for i := range len(text) {
		to, ok := m.nodes[at].next[text[i]]
		if !ok {
			to = int32(len(m.nodes))
			m.nodes = append(m.nodes, markNode{id: -1})
			if m.nodes[at].next == nil {
				m.nodes[at].next = make(map[byte]int32, 1)
			}
			m.nodes[at].next[text[i]] = to
		}
		at = to
	}
	m.nodes[at].id = id
}

// at returns the longest token that text begins with and its length, or a
// length of 0.
func (m *marks) at(text string) (length int, id int32) {
	if text == "" || !m.first[text[0]] {
		return 0, 0
	}
	node := int32(0)
	for i := range len(text) {
		to, ok := m.nodes[node].next[text[i]]
		if !ok {
			break
		}
		node = to
		if m.nodes[node].id >= 0 {
			length, id = i+1, m.nodes[node].id
		}
	}
	return length, id
}

// find returns where the first token in text begins and ends; begin is
// len(text) if there is none.
func (m *marks) find(text string) (begin, end int, id int32) {
	if len(m.nodes) > 0 {
		for i := range len(text) {
			if !m.first[text[i]] {
				continue
			}
			if n, id := m.at(text[i:]); n > 0 {
				return i, i + n, id
			}
		}
	}
	return len(text), len(text), 0
}

func (m *marks) id(text string) (int32, bool) {
	id, ok := m.ids[text]
	return id, ok
}
