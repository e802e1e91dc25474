package exporters

import (
	"fmt"
	"slices"

	"tierlab/workloads"
)

// agenticMooncake writes Agentic Mooncake rows (version 1, as NVIDIA Dynamo's
// replay reads them) with blocks of 512 tokens. A row waits for whole calls,
// for one delay behind the last of them, and for the tools that it consumes;
// tool calls stand in the rows that consume them, so those that no step waits
// for are lost.
var agenticMooncake = Exporter{
	Name:   "agentic-mooncake",
	Writes: "Agentic Mooncake rows, version 1, 512-token blocks (JSON Lines)",
	start: func(out *lines) format {
		return &agenticFormat{out: out, blocks: newBlocks(mooncakeBlock, out.prefixes)}
	},
}

// mooncakeBlock is the length of a block in tokens.
const mooncakeBlock = 512

type agenticFormat struct {
	out    *lines
	blocks *blocks
}

type agenticRow struct {
	RequestID string         `json:"request_id"`
	SessionID string         `json:"session_id"`
	Kind      string         `json:"request_kind,omitempty"`
	Input     int            `json:"input_length"`
	Output    int            `json:"output_length"`
	HashIDs   []int64        `json:"hash_ids"`
	Timestamp *float64       `json:"timestamp,omitempty"`
	Delay     float64        `json:"delay,omitempty"`
	WaitFor   []string       `json:"wait_for,omitempty"`
	ToolWait  float64        `json:"tool_wait_ms,omitempty"`
	Tools     []agenticEvent `json:"tool_events,omitempty"`
}

type agenticEvent struct {
	ID          string  `json:"tool_call_id"`
	Class       string  `json:"tool_class"`
	StartedAt   int64   `json:"started_at_unix_ms"`
	EndedAt     int64   `json:"ended_at_unix_ms"`
	Duration    float64 `json:"duration_ms"`
	Status      string  `json:"status"`
	OutputBytes int64   `json:"output_bytes,omitempty"`
}

func (f *agenticFormat) session(t *workloads.Trace) error {
	f.out.drop(count(t.Session.Arrival == nil), "sessions' lack of an arrival: their timestamps begin at 0")
	s := &agenticSession{format: f, id: t.Session.ID, graph: t.Graph, at: schedule(t.Graph), begins: arrival(&t.Session),
		taken: make([]bool, len(t.Graph.Steps)), spawned: make(map[int32][]int32)}
	for i := range t.Graph.Steps {
		if o := t.Graph.Steps[i].Owner; o >= 0 {
			s.spawned[o] = append(s.spawned[o], int32(i))
		}
	}
	ids := f.blocks.session(t.Graph)
	for i := range t.Graph.Steps {
		n := &t.Graph.Steps[i]
		f.out.drop(count(n.Step.LLM.Model != ""), "steps' models")
		f.out.drop(count(n.Step.LLM.Task != ""), "steps' tasks")
		f.out.drop(count(n.Step.LLM.Modality != ""), "steps' modalities")
		f.out.drop(count(n.Step.LLM.Recorded != nil), "steps' recorded durations")
		r := &agenticRow{RequestID: s.request(int32(i)), SessionID: t.Session.ID, Kind: n.Step.LLM.Kind,
			Input: n.Input, Output: n.Output, HashIDs: ids[i]}
		s.wait(int32(i), r)
		if err := f.out.write(r); err != nil {
			return err
		}
	}
	for i := range s.taken {
		if !s.taken[i] {
			f.out.drop(ownTools(t.Graph.Steps[i].Step), "tool calls that no step waits for")
		}
	}
	return nil
}

type agenticSession struct {
	format *agenticFormat
	id     string
	graph  *workloads.Graph
	at     []times
	begins workloads.Millis
	taken  []bool // a row has the step's tools
	// spawned are the steps that a step's tool calls spawn.
	spawned map[int32][]int32
	// latest is the end of what the current row waits for.
	latest workloads.Millis
}

// request is the id of a step's row.
func (s *agenticSession) request(i int32) string { return s.id + ":" + s.graph.Steps[i].Step.ID }

// wait fills in when a row starts.
func (s *agenticSession) wait(i int32, r *agenticRow) {
	out, n := s.format.out, &s.graph.Steps[i]
	var tools workloads.Millis
	var first *workloads.Edge
	for k := range n.Wait {
		e := &n.Wait[k]
		if e.From < 0 {
			out.drop(count(len(n.Wait) > 1), "edges from the arrival of steps that wait for others")
			continue
		}
		if e.On == workloads.OnStart {
			out.drop(1, "edges from a step's start")
			continue
		}
		out.drop(count(e.Cause != workloads.CauseNone && e.Cause != workloads.CauseUnknown), "causes of gaps")
		out.drop(count(first != nil && first.Delay != e.Delay), "differences between the delays of a step's edges; one gap counts for all")
		first = e
		s.waitFor(e.From, r)
		if e.On == workloads.OnToolsDone {
			tools = max(tools, s.consume(e.From, r))
		}
	}
	if first == nil {
		at := millis(s.begins + s.at[i].start)
		r.Timestamp = &at
		return
	}
	gap := s.at[i].start - s.latest
	r.ToolWait, r.Delay = millis(min(gap, tools)), millis(gap-min(gap, tools))
	s.latest = 0
}

// waitFor makes a row wait for the answer of a step.
func (s *agenticSession) waitFor(i int32, r *agenticRow) {
	if id := s.request(i); !slices.Contains(r.WaitFor, id) {
		r.WaitFor = append(r.WaitFor, id)
		s.latest = max(s.latest, s.at[i].llmDone)
	}
}

// consume gives a row the tool calls of a step, and makes it wait for the ends
// of the sub-agents among them. It returns the longest of the tools.
func (s *agenticSession) consume(from int32, r *agenticRow) workloads.Millis {
	step := s.graph.Steps[from].Step
	s.taken[from] = true
	for k := range step.Tools {
		t := &step.Tools[k]
		if len(t.Spawn) > 0 {
			s.format.out.drop(1, "spawning tool calls; their steps are rows that others wait for")
			continue
		}
		began := s.begins + s.at[from].llmDone
		e := agenticEvent{ID: fmt.Sprintf("%s:%d", s.request(from), k), Class: t.Name, Duration: millis(t.Duration), Status: t.Status,
			OutputBytes: t.BytesOut, StartedAt: began.D().Milliseconds(), EndedAt: (began + t.Duration).D().Milliseconds()}
		if e.Status == "" {
			e.Status = "ok"
		}
		r.Tools = append(r.Tools, e)
	}
	s.joinSpawned(from, r)
	return longest(step)
}

// joinSpawned makes a row wait for the last steps of the sub-agents that a
// step started, and of those below them.
func (s *agenticSession) joinSpawned(from int32, r *agenticRow) {
	for _, i := range s.spawned[from] {
		if !s.followed(i) {
			s.waitFor(i, r)
		}
		s.joinSpawned(i, r)
	}
}

// followed says whether a step of the same sub-agent waits for the answer or
// the tools of step i.
func (s *agenticSession) followed(i int32) bool {
	n := &s.graph.Steps[i]
	for _, k := range n.Next {
		next := &s.graph.Steps[k]
		if next.Owner != n.Owner || next.OwnerTool != n.OwnerTool {
			continue
		}
		for _, e := range next.Wait {
			if e.From == i && e.On == workloads.OnToolsDone {
				return true
			}
		}
	}
	return false
}

// ownTools counts a step's tool calls that spawn nothing.
func ownTools(s *workloads.Step) (n int) {
	for i := range s.Tools {
		n += count(len(s.Tools[i].Spawn) == 0)
	}
	return n
}

func millis(m workloads.Millis) float64 { return m.Seconds() * 1000 }
