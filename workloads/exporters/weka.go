package exporters

import (
	"cmp"
	"slices"

	"tierlab/workloads"
)

// weka writes the traces of kv-cache-tester in their compact form: one session
// a line, block ids as runs. The format orders the calls of an agent by their
// starts and gives times; it knows neither edges nor tool calls. Calls that
// run beside others of the same agent are written, but a reader will chain
// them.
var weka = Exporter{
	Name:   "weka",
	Writes: "kv-cache-tester traces, compact form (JSON Lines)",
	start:  func(out *lines) format { return &wekaFormat{out: out} },
}

// wekaBlock is the length of a block in tokens.
const wekaBlock = 64

type wekaFormat struct{ out *lines }

type wekaTrace struct {
	ID        string   `json:"id"`
	Models    []string `json:"models"`
	BlockSize int      `json:"block_size"`
	Scope     string   `json:"hash_id_scope"`
	Requests  []any    `json:"requests"`
}

type wekaRequest struct {
	T           float64    `json:"t"`
	Type        string     `json:"type"`
	Model       string     `json:"model"`
	In          int        `json:"in"`
	Out         int        `json:"out"`
	InputTypes  []string   `json:"input_types"`
	OutputTypes []string   `json:"output_types"`
	Stop        string     `json:"stop"`
	APITime     *float64   `json:"api_time,omitempty"`
	TTFT        *float64   `json:"ttft,omitempty"`
	Keep        int        `json:"keep"`
	New         [][2]int64 `json:"new"`
}

type wekaSubagent struct {
	T            float64 `json:"t"`
	Type         string  `json:"type"`
	AgentID      string  `json:"agent_id"`
	SubagentType string  `json:"subagent_type"`
	DurationMS   float64 `json:"duration_ms"`
	Status       string  `json:"status"`
	Requests     []any   `json:"requests"`
}

func (f *wekaFormat) session(t *workloads.Trace) error {
	f.out.drop(count(t.Session.Arrival != nil), "sessions' arrivals")
	w := &wekaSession{out: f.out, graph: t.Graph, at: schedule(t.Graph),
		ids: newBlocks(wekaBlock, f.out.prefixes).session(t.Graph)}
	var models []string
	for i := range t.Graph.Steps {
		n := &t.Graph.Steps[i]
		if m := n.Step.LLM.Model; m != "" && !slices.Contains(models, m) {
			models = append(models, m)
		}
		f.out.drop(count(n.Prefix != 0 && n.Base < 0), "contexts' shared prefixes (block ids are local to a session)")
		f.out.drop(count(n.Step.LLM.Kind != "" || n.Step.LLM.Task != ""), "steps' kinds and tasks")
	}
	return f.out.write(&wekaTrace{ID: t.Session.ID, Models: models, BlockSize: wekaBlock, Scope: "local",
		Requests: w.agent(w.members(-1, -1), 0)})
}

type wekaSession struct {
	out   *lines
	graph *workloads.Graph
	at    []times
	ids   [][]int64
}

// members are the steps of the agent that a tool call spawned, or those that
// none did, in the order of their starts.
func (w *wekaSession) members(owner, tool int32) []int32 {
	var own []int32
	for i := range w.graph.Steps {
		if n := &w.graph.Steps[i]; n.Owner == owner && n.OwnerTool == tool {
			own = append(own, int32(i))
		}
	}
	slices.SortStableFunc(own, func(a, b int32) int { return cmp.Compare(w.at[a].start, w.at[b].start) })
	return own
}

// agent writes the calls of one agent, whose times count from base, each
// followed by the sub-agents that it started.
func (w *wekaSession) agent(own []int32, base workloads.Millis) []any {
	requests := []any{}
	var previous []int64
	for k, i := range own {
		if k > 0 && w.at[i].start < w.at[own[k-1]].llmDone {
			w.out.drop(1, "steps run beside others of their agent; the format chains them")
		}
		r, ids := w.request(i, base, previous)
		previous = ids
		requests = append(requests, r)
		for t := range w.graph.Steps[i].Step.Tools {
			if sub := w.members(i, int32(t)); len(sub) > 0 {
				requests = append(requests, w.subagent(&w.graph.Steps[i].Step.Tools[t], sub, base))
			}
		}
	}
	return requests
}

func (w *wekaSession) subagent(tool *workloads.Tool, sub []int32, base workloads.Millis) *wekaSubagent {
	began, end := w.at[sub[0]].start, workloads.Millis(0)
	for _, i := range sub {
		end = max(end, w.at[i].toolsDone)
	}
	return &wekaSubagent{T: (began - base).Seconds(), Type: "subagent", AgentID: w.graph.Steps[sub[0]].Step.ID,
		SubagentType: tool.Name, DurationMS: (end - began).Seconds() * 1000, Status: "completed", Requests: w.agent(sub, began)}
}

// request writes one call; previous are the blocks of the one before it.
func (w *wekaSession) request(i int32, base workloads.Millis, previous []int64) (*wekaRequest, []int64) {
	n := &w.graph.Steps[i]
	ids := w.ids[i][:n.Input/wekaBlock]
	r := &wekaRequest{T: (w.at[i].start - base).Seconds(), Type: "n", Model: n.Step.LLM.Model, In: n.Input, Out: n.Output,
		InputTypes: w.inputTypes(n), OutputTypes: []string{"text"}, Stop: "end_turn", New: [][2]int64{}}
	if len(n.Step.Tools) > 0 {
		r.OutputTypes, r.Stop = []string{"text", "tool_use"}, "tool_use"
	}
	for t := range n.Step.Tools {
		w.out.drop(count(len(n.Step.Tools[t].Spawn) == 0), "tool calls; their time is in the gap behind their step")
	}
	if d := n.Step.LLM.Recorded; d != nil {
		s := d.Seconds()
		r.APITime = &s
	}
	if d := n.Step.LLM.RecordedTTFT; d != nil {
		s := d.Seconds()
		r.TTFT, r.Type = &s, "s"
	}
	for r.Keep < min(len(ids), len(previous)) && ids[r.Keep] == previous[r.Keep] {
		r.Keep++
	}
	for _, id := range ids[r.Keep:] {
		if k := len(r.New); k > 0 && r.New[k-1][0]+r.New[k-1][1] == id {
			r.New[k-1][1]++
		} else {
			r.New = append(r.New, [2]int64{id, 1})
		}
	}
	return r, ids
}

// inputTypes say what a call brings, from which a reader tells the cause of
// the gap before it.
func (w *wekaSession) inputTypes(n *workloads.Node) []string {
	cause := workloads.CauseNone
	for _, e := range n.Wait {
		if e.Cause != workloads.CauseNone {
			cause = e.Cause
		}
		if e.From >= 0 && e.On == workloads.OnToolsDone && len(w.graph.Steps[e.From].Step.Tools) > 0 && cause != workloads.CauseHuman {
			cause = workloads.CauseTool
		}
	}
	switch cause {
	case workloads.CauseTool:
		return []string{"tool_result"}
	case workloads.CauseUnknown:
		return []string{"text", "tool_result"}
	default:
		return []string{"text"}
	}
}
