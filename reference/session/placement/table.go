package placement

import (
	"maps"
	"slices"
	"time"
)

// Table knows which nodes are there, from the announcements that one of them
// sees. It is handed the time.
type Table struct {
	self string
	beat time.Duration
	lost time.Duration
	// flow is for how long the log has flowed, as doc.go counts it.
	flow  time.Duration
	mine  time.Duration // when our own latest announcement came; -1: none has
	nodes map[string]*standing
}

// standing is what is known of a node.
type standing struct {
	seq     uint64        // of its latest announcement
	flow    time.Duration // what Table.flow was then
	leaving bool
}

// NewTable is the table of one node.
func NewTable(self string, beat, lost time.Duration) *Table {
	return &Table{self: self, beat: beat, lost: lost, mine: -1, nodes: map[string]*standing{}}
}

// Heard takes a node's latest announcement: its place in the log, and the time
// now. One that was heard before is nothing new.
func (t *Table) Heard(now time.Duration, node string, seq uint64, leaving bool) {
	s := t.nodes[node]
	if s == nil {
		s = &standing{}
		t.nodes[node] = s
	} else if seq <= s.seq {
		return
	}
	if node == t.self {
		if t.mine >= 0 {
			t.flow += min(now-t.mine, 4*t.beat)
		}
		t.mine = now
	}
	s.seq, s.flow, s.leaving = seq, t.flow, leaving
}

// Live lists the nodes that are there, in order of name. We ourselves are, once
// we have been heard and unless we leave.
func (t *Table) Live() []string {
	var live []string
	for _, node := range slices.Sorted(maps.Keys(t.nodes)) {
		s := t.nodes[node]
		if !s.leaving && (node == t.self || t.flow-s.flow <= t.lost) {
			live = append(live, node)
		}
	}
	return live
}

// Place is the node of a list that a session falls to; "" if there are none.
func Place(session string, live []string) string {
	var best string
	var most uint64
	for _, node := range live {
		if h := weight(node, session); best == "" || h > most {
			best, most = node, h
		}
	}
	return best
}

// weight is FNV-1a over the two names with a zero between, and then the
// finalizer of MurmurHash3, without which names that differ in their last letter
// would get nearly equal weights.
func weight(node, session string) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range []string{node, "\x00", session} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
