package jetstream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"tierlab/reference/journal"
)

// The operations and outcomes of a history.
const (
	opOwn    = "own"
	opAppend = "append"
	opRead   = "read"

	outOK       = "ok"
	outFenced   = "fenced"
	outConflict = "conflict"
	outUnknown  = "unknown"
)

// line is one line of a history: the call of an operation, or its return.
type line struct {
	Node    string        `json:"node"`
	ID      uint64        `json:"id"` // the node's number for the operation
	At      time.Duration `json:"at"`
	Op      string        `json:"op,omitempty"` // of a call
	Session string        `json:"session,omitempty"`
	Epoch   uint64        `json:"epoch,omitempty"`
	Seq     uint64        `json:"seq,omitempty"` // append's After; the head's of a return
	Time    int64         `json:"time,omitempty"`
	Body    string        `json:"body,omitempty"`
	Out     string        `json:"out,omitempty"` // of a return
	Hash    journal.Hash  `json:"hash,omitzero"`
	Error   string        `json:"error,omitempty"`
}

// history writes what a node does, line by line as it happens, so that a killed
// node's is whole.
type history struct {
	node string
	id   atomic.Uint64
	mu   sync.Mutex
	w    io.Writer
}

func (h *history) write(l line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l.Node, l.At = h.node, monotonic()
	b, _ := json.Marshal(l)
	h.w.Write(append(b, '\n'))
}

func (h *history) call(l line) uint64 {
	l.ID = h.id.Add(1)
	h.write(l)
	return l.ID
}

func (h *history) returned(id uint64, out string, head journal.Head, err error) {
	l := line{ID: id, Out: out, Epoch: head.Epoch, Seq: head.Seq, Hash: head.Hash}
	if err != nil {
		l.Error = err.Error()
	}
	h.write(l)
}

// op is one operation of a history.
type op struct {
	line         // its call
	ret          line
	returned     time.Duration // math.MaxInt64: it may take effect at any later time
	acknowledged bool
}

// entryOf is the record that an append wrote, or tried to.
func (l *line) entryOf() journal.Entry {
	return journal.Entry{At: time.Unix(0, l.Time), Kind: "load", Body: []byte(l.Body)}
}

// gather pairs the calls of all nodes with their returns. One without a return,
// or with an unknown outcome, may take effect until its own node has settled it,
// by a Head or Own of the session that came after it and succeeded.
func gather(lines []line) []op {
	type key struct {
		node string
		id   uint64
	}
	at := map[key]int{}
	var ops []op
	for _, l := range lines {
		k := key{l.Node, l.ID}
		if l.Op != "" {
			at[k] = len(ops)
			ops = append(ops, op{line: l, returned: math.MaxInt64})
			continue
		}
		if i, ok := at[k]; ok {
			ops[i].ret = l
			ops[i].acknowledged = l.Out == outOK
			if l.Out != outUnknown {
				ops[i].returned = l.At
			}
		}
	}
	for i := range ops {
		if o := &ops[i]; o.ret.Out == outUnknown {
			for _, later := range ops[i+1:] {
				if later.Node == o.Node && later.Session == o.Session && later.acknowledged && later.Op != opAppend && later.At >= o.ret.At {
					o.returned = later.returned
					break
				}
			}
		}
	}
	return slices.DeleteFunc(ops, func(o op) bool { return o.Op == opRead && !o.acknowledged })
}

// logState is a session in the sequential model: the hash stands for all of its
// records.
type logState struct {
	epoch, seq uint64
	hash       journal.Hash
}

// fencedLog is the sequential model of one session: a log that takes what its
// latest owner writes behind the last record, and nothing else.
func fencedLog() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{logState{}} },
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			by := map[string][]porcupine.Operation{}
			for _, o := range all {
				s := o.Input.(line).Session
				by[s] = append(by[s], o)
			}
			return slices.Collect(maps.Values(by))
		},
		Step: func(state, input, output any) []any {
			var next []any
			for _, s := range stepLog(state.(logState), input.(line), output.(line)) {
				next = append(next, s)
			}
			return next
		},
	}
	return m.ToModel()
}

// stepLog is what an operation may make of a state, given what came of it;
// nothing if that cannot have come of it.
func stepLog(s logState, in, out line) []logState {
	if s.epoch == 0 {
		s.hash = journal.Root(in.Session)
	}
	next := s
	switch {
	case in.Op == opOwn:
		next.epoch++
	case in.Op == opAppend && in.Epoch == s.epoch && in.Seq == s.seq:
		e := in.entryOf()
		next.seq++
		next.hash = s.hash.Next(next.seq, s.epoch, &e)
	case in.Op == opAppend && out.Out == outOK:
		return nil
	}
	switch out.Out {
	case outOK:
		if out.Epoch == next.epoch && out.Seq == next.seq && out.Hash == next.hash {
			return []logState{next}
		}
	case outFenced:
		if in.Epoch != s.epoch {
			return []logState{s}
		}
	case outConflict:
		if in.Epoch == s.epoch && in.Seq != s.seq {
			return []logState{s}
		}
	default: // not known: it was done or it was not
		return []logState{s, next}
	}
	return nil
}

// verify asks porcupine for an order in which the operations could have happened
// one at a time. What is not settled in its time is an error too.
func verify(ops []op) error {
	list := make([]porcupine.Operation, len(ops))
	clients := map[string]int{}
	for i, o := range ops {
		if _, ok := clients[o.Node]; !ok {
			clients[o.Node] = len(clients)
		}
		list[i] = porcupine.Operation{ClientId: clients[o.Node], Input: o.line, Call: int64(o.At), Output: o.ret, Return: int64(o.returned)}
	}
	result, info := porcupine.CheckOperationsVerbose(fencedLog(), list, 2*time.Minute)
	if result == porcupine.Ok {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the history of %d operations is not linearizable (%s)", len(ops), result)
	for _, part := range info.PartialLinearizationsOperations() {
		longest := 0
		for _, p := range part {
			longest = max(longest, len(p))
		}
		fmt.Fprintf(&b, "; %d of a session's could be ordered", longest)
	}
	return fmt.Errorf("%s", b.String())
}

// parse reads whole lines of a history and says how many bytes they are.
func parse(data []byte) (lines []line, n int, err error) {
	n = bytes.LastIndexByte(data, '\n') + 1
	sc := bufio.NewScanner(bytes.NewReader(data[:n]))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var l line
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			return nil, 0, fmt.Errorf("history line %q: %w", sc.Text(), err)
		}
		lines = append(lines, l)
	}
	return lines, n, sc.Err()
}
