package sched

import (
	"fmt"
	"slices"
	"time"

	"tierlab/engine/kv"
)

// linear is a step-time model: a fixed part, and parts by tokens and context.
type linear struct{ fixed, token, context, pair time.Duration }

func (l linear) StepTime(s Shape) time.Duration {
	return l.fixed + time.Duration(s.Tokens)*l.token + time.Duration(s.Context)*l.context + time.Duration(s.Pairs)*l.pair
}

var gpu = linear{fixed: 5 * time.Millisecond, token: 20 * time.Microsecond, context: 100 * time.Nanosecond}

// call is a request with its tokens, and what came out of it.
type call struct {
	Request
	prompt []int32
	ends   bool // some tokens end the output
	out    []int32
	done   bool
	added  time.Duration
	first  time.Duration
	ended  time.Duration
}

const vocabulary = 5

// think is the model: the next token follows from every token before it.
func think(context []uint64) int32 {
	h := kv.Hash{}
	for _, t := range context {
		h = h.Fold(t)
	}
	return int32((h.A ^ h.B>>7) >> 20 % vocabulary)
}

func ends(token int32) bool { return token == 0 }

// alone is what the call produces when nothing else runs.
func (c *call) alone() []int32 {
	var context []uint64
	for _, t := range c.prompt {
		context = append(context, uint64(t))
	}
	var out []int32
	for len(out) < c.MaxTokens {
		t := think(context)
		out = append(out, t)
		if c.ends && ends(t) && !c.Forced {
			break
		}
		context = append(context, uint64(t))
	}
	return out
}

// device is a backend without arithmetic. Its memory holds tokens where keys
// and values would be, it knows of tables and slots only what plans told it,
// and its model reads the whole context through the table: one wrong block,
// copy or slot changes the output.
type device struct {
	size   int
	memory [][]uint64
	tables [][]kv.Block
	last   []uint64 // token sampled last, by slot
}

// step is a submitted plan: the host adds the tokens that it knows.
type step struct {
	id     uint64
	rows   []Row
	copies []kv.Copy
	inputs [][]uint64 // by row; shorter than N by one where the last is on the device
	ends   []bool
	shape  Shape
	stable int
}

func newDevice(s *Scheduler) *device {
	d := &device{size: s.cache.BlockTokens, last: make([]uint64, s.cfg.Slots), tables: make([][]kv.Block, s.cfg.Slots)}
	for range s.cache.Blocks {
		d.memory = append(d.memory, make([]uint64, d.size))
	}
	return d
}

// run executes a step and returns the tokens of its sampling rows.
func (d *device) run(st *step) []Sampled {
	for _, c := range st.copies {
		copy(d.memory[c.To][:c.Tokens], d.memory[c.From][:c.Tokens])
	}
	for i, r := range st.rows {
		table := append(d.tables[r.Slot][:r.FirstBlock], r.NewBlocks...)
		d.tables[r.Slot] = table
		for k := range r.N {
			token := d.last[r.Slot]
			if int(k) < len(st.inputs[i]) {
				token = st.inputs[i][k]
			}
			at := int(r.Start + k)
			d.memory[table[at/d.size]][at%d.size] = token
		}
	}
	var out []Sampled
	for i, r := range st.rows {
		if !r.Sample {
			continue
		}
		var context []uint64
		for at := range int(r.Start + r.N) {
			context = append(context, d.memory[d.tables[r.Slot][at/d.size]][at%d.size])
		}
		t := think(context)
		d.last[r.Slot] = uint64(t)
		out = append(out, Sampled{Token: t, End: st.ends[i] && ends(t)})
	}
	return out
}

// engine drives a scheduler over a device, in virtual time, one iteration
// after another. A step's rows run when it is committed, so with a Depth above
// zero they run after later plans were made, as on a real device.
type engine struct {
	s       *Scheduler
	d       *device
	cost    Coster
	now     time.Duration
	calls   map[uint64]*call
	pending []*step
	trace   []string
	events  []Event
	onPlan  func(*Plan)
	p       Plan
}

func newEngine(cfg Config, cache kv.Config, cost Coster) *engine {
	c, err := kv.New(cache)
	if err != nil {
		panic(err)
	}
	cfg.Tables = true
	s, err := New(cfg, c, cost)
	if err != nil {
		panic(err)
	}
	return &engine{s: s, d: newDevice(s), cost: cost, calls: map[uint64]*call{}}
}

func (e *engine) add(c *call) error {
	c.Prompt = kv.NewChain(e.s.cache.BlockTokens, 0).Append(c.prompt...)
	err := e.s.Add(e.now, c.Request)
	if err == nil {
		c.added = e.now
		e.calls[c.ID] = c
	}
	return err
}

// plan asks for one plan and submits it.
func (e *engine) plan() bool {
	if !e.s.Next(e.now, &e.p) {
		return false
	}
	p := &e.p
	st := &step{id: p.ID, rows: slices.Clone(p.Rows), copies: slices.Clone(p.Copies), shape: p.Shape, stable: p.StableFor}
	for i, r := range p.Rows {
		c := e.calls[r.Seq]
		known := len(c.prompt) + len(c.out)
		var in []uint64
		for at := int(r.Start); at < min(int(r.Start+r.N), known); at++ {
			if at < len(c.prompt) {
				in = append(in, uint64(c.prompt[at]))
			} else {
				in = append(in, uint64(c.out[at-len(c.prompt)]))
			}
		}
		if missing := int(r.N) - len(in); missing != 0 && (missing != 1 || !r.FromDevice) {
			panic(fmt.Sprintf("row %+v needs %d tokens that nobody has", r, missing))
		}
		st.inputs = append(st.inputs, in)
		st.ends = append(st.ends, c.ends)
		st.rows[i].NewBlocks = slices.Clone(r.NewBlocks)
	}
	e.pending = append(e.pending, st)
	e.trace = append(e.trace, line(p))
	if e.onPlan != nil {
		e.onPlan(p)
	}
	return true
}

// line is a plan on one line.
func line(p *Plan) string {
	text := fmt.Sprintf("plan %d:", p.ID)
	for _, r := range p.Rows {
		text += fmt.Sprintf(" %d@%d[%d+%d]", r.Seq, r.Slot, r.Start, r.N)
		if len(r.NewBlocks) > 0 {
			text += fmt.Sprintf("%v", r.NewBlocks)
		}
		if r.FromDevice {
			text += "<"
		}
		if r.Sample {
			text += ">"
		}
	}
	for _, c := range p.Copies {
		text += fmt.Sprintf(" copy %d->%d(%d)", c.From, c.To, c.Tokens)
	}
	if p.StableFor > 0 {
		text += fmt.Sprintf(" stable %d", p.StableFor)
	}
	return text
}

// commit runs the oldest step and commits it.
func (e *engine) commit() {
	st := e.pending[0]
	e.pending = e.pending[1:]
	if e.cost != nil {
		e.now += e.cost.StepTime(st.shape)
	}
	sampled := e.d.run(st)
	from := len(e.events)
	e.events = e.s.Commit(e.now, Outcome{Plan: st.id, Sampled: sampled}, e.events)
	produced := map[uint64]bool{}
	for _, ev := range e.events[from:] {
		c := e.calls[ev.Seq]
		switch ev.Kind {
		case Produced:
			produced[ev.Seq] = true
		case Finished, Stopped:
			c.done, c.ended = true, ev.At
		}
	}
	k := 0
	for _, r := range st.rows {
		if !r.Sample {
			continue
		}
		if c := e.calls[r.Seq]; produced[r.Seq] {
			if len(c.out) == 0 {
				c.first = e.now
			}
			c.out = append(c.out, sampled[k].Token)
		}
		k++
	}
}

// step plans as far ahead as it may and commits one plan; false: idle.
func (e *engine) step() bool {
	for e.plan() {
	}
	if len(e.pending) == 0 {
		return false
	}
	e.commit()
	return true
}
