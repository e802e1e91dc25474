package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
)

// Reader reads a trace. It holds the tokens of all requests so far, to which
// later prompts may refer.
type Reader struct {
	name   string
	in     *bufio.Reader
	number int
	block  int // tokens in a block; 0 before the first line
	calls  map[uint64]*call
	plans  []sched.Plan // that are not committed
}

// call is a request as far as it has been read.
type call struct {
	ids    []int32
	prompt int
	max    int
	forced bool
	ended  bool
}

// NewReader reads from r; errors name the lines of the file name.
func NewReader(r io.Reader, name string) *Reader {
	return &Reader{name: name, in: bufio.NewReaderSize(r, 1<<16), calls: map[uint64]*call{}}
}

// line is any record as it is written.
type line struct {
	Kind   Kind   `json:"kind"`
	T      int64  `json:"t"`
	Schema string `json:"schema"`
	Engine

	ID           uint64  `json:"id"`
	Session      uint64  `json:"session"`
	Tenant       uint64  `json:"tenant"`
	Priority     uint8   `json:"priority"`
	Max          int     `json:"max"`
	Forced       bool    `json:"forced"`
	Host         bool    `json:"host"`
	KeepFor      int64   `json:"keep_ns"`
	KeepPriority uint8   `json:"keep_priority"`
	Fork         uint64  `json:"fork"`
	From         uint64  `json:"from"`
	Keep         int     `json:"keep"`
	IDs          []int32 `json:"ids"`
	Refused      string  `json:"refused"`

	Plan   uint64     `json:"plan"`
	Rows   [][]uint64 `json:"rows"`
	Copies [][]int32  `json:"copies"`
	Tables string     `json:"tables"`
	Tokens []int32    `json:"tokens"`
	Ends   []int      `json:"ends"`
}

// Next is the next record, or io.EOF.
func (r *Reader) Next() (*Record, error) {
	text, err := r.in.ReadBytes('\n')
	if err == io.EOF && len(bytes.TrimSpace(text)) == 0 {
		return nil, io.EOF
	}
	r.number++
	if err != nil && err != io.EOF {
		return nil, r.fault("%v", err)
	}
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return nil, r.fault("not a line of a trace: %v (the file may be cut off)", err)
	}
	if first := r.block == 0; first != (l.Kind == KindEngine) {
		return nil, r.fault("kind %q: the first line, and no other, is of kind %q", l.Kind, KindEngine)
	}
	rec := &Record{Kind: l.Kind, At: time.Duration(l.T), Line: r.number}
	if err := r.fill(rec, &l); err != nil {
		return nil, err
	}
	return rec, nil
}

func (r *Reader) fault(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", r.name, r.number, fmt.Sprintf(format, args...))
}

func (r *Reader) fill(rec *Record, l *line) error {
	switch l.Kind {
	case KindEngine:
		if l.Schema != Schema {
			return r.fault("schema %q, want %q", l.Schema, Schema)
		}
		if l.BlockTokens < 1 {
			return r.fault("block_tokens is %d, want 1 or more", l.BlockTokens)
		}
		rec.Engine, r.block = l.Engine, l.BlockTokens
	case KindAdd:
		return r.add(rec, l)
	case KindCancel:
		rec.ID = l.ID
		if c := r.calls[l.ID]; c != nil {
			c.ended = true
		}
	case KindPlan:
		return r.plan(rec, l)
	case KindCommit:
		return r.commit(rec, l)
	case KindIdle:
	default:
		return r.fault("kind %q is unknown", l.Kind)
	}
	return nil
}

func (r *Reader) add(rec *Record, l *line) error {
	var ids []int32
	if l.Keep > 0 {
		from := r.calls[l.From]
		if from == nil || l.Keep > len(from.ids) {
			return r.fault("request %d keeps %d tokens of request %d, which has not got them", l.ID, l.Keep, l.From)
		}
		ids = append(ids, from.ids[:l.Keep]...)
	}
	ids = append(ids, l.IDs...)
	if len(ids) > math.MaxInt32/2 || l.Keep < 0 {
		return r.fault("request %d has a prompt of %d tokens, %d of them kept", l.ID, len(ids), l.Keep)
	}
	rec.Prompt, rec.Refused = ids, l.Refused
	rec.Request = sched.Request{
		ID: l.ID, Session: l.Session, Priority: l.Priority, MaxTokens: l.Max, Forced: l.Forced, Host: l.Host,
		KeepFor: time.Duration(l.KeepFor), KeepPriority: l.KeepPriority, Fork: l.Fork,
		Prompt: kv.NewChain(r.block, l.Tenant).Append(ids...),
	}
	if l.Refused == "" {
		// The capacity is cut, so that appending leaves rec.Prompt alone.
		r.calls[l.ID] = &call{ids: ids[:len(ids):len(ids)], prompt: len(ids), max: l.Max, forced: l.Forced}
	}
	return nil
}

func (r *Reader) plan(rec *Record, l *line) error {
	p := &rec.Plan
	p.ID, rec.Tables = l.Plan, l.Tables
	for _, n := range l.Rows {
		if len(n) != 5 || max(n[1], n[2], n[3], n[4]) > math.MaxInt32 {
			return r.fault("row %v of plan %d: want [seq, slot, start, n, flags]", n, l.Plan)
		}
		row := sched.Row{Seq: n[0], Slot: int32(n[1]), Start: int32(n[2]), N: int32(n[3]), Sample: n[4]&flagSample != 0, FromDevice: n[4]&flagFromDevice != 0}
		p.Rows = append(p.Rows, row)
		p.Shape = p.Shape.With(row.Start, row.N, row.Sample)
	}
	for _, n := range l.Copies {
		if len(n) != 3 {
			return r.fault("copy %v of plan %d: want [from, to, tokens]", n, l.Plan)
		}
		p.Copies = append(p.Copies, kv.Copy{From: kv.Block(n[0]), To: kv.Block(n[1]), Tokens: n[2]})
	}
	r.plans = append(r.plans, *p)
	return nil
}

func (r *Reader) commit(rec *Record, l *line) error {
	if len(r.plans) == 0 || r.plans[0].ID != l.Plan {
		return r.fault("commit of plan %d, which is not the oldest that has not been committed", l.Plan)
	}
	p := r.plans[0]
	r.plans = r.plans[1:]
	if int(p.Shape.Samples) != len(l.Tokens) {
		return r.fault("commit of plan %d has %d tokens, its rows sample %d", l.Plan, len(l.Tokens), p.Shape.Samples)
	}
	sampled := make([]sched.Sampled, len(l.Tokens))
	for i, t := range l.Tokens {
		sampled[i].Token = t
	}
	for _, i := range l.Ends {
		if i < 0 || i >= len(sampled) {
			return r.fault("ends names token %d of %d", i, len(sampled))
		}
		sampled[i].End = true
	}
	rec.Outcome = sched.Outcome{Plan: l.Plan, Sampled: sampled}
	k := 0
	for _, row := range p.Rows {
		if !row.Sample {
			continue
		}
		if c := r.calls[row.Seq]; c != nil && !c.ended {
			c.ids = append(c.ids, sampled[k].Token)
			c.ended = len(c.ids)-c.prompt >= c.max || sampled[k].End && !c.forced
		}
		k++
	}
	return nil
}
