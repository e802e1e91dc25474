package importers

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"tierlab/workloads"
)

// weka reads the traces of kv-cache-tester: one session a JSON file, or the
// same in one JSON Lines file whose rows give block ids as runs.
//
// The rules:
//
//   - Times are seconds since the session's start, rounded to a second for
//     requests. A sub-agent's requests count from the sub-agent's own t: read
//     so, every published sub-agent's last answer falls within six seconds
//     before t + duration_ms; read as absolute, they would start before it.
//     Where only the absolute reading fits, it is taken.
//   - A request follows the one before it in the same agent. The gap is
//     t - (t + api_time of the one before). think_time is not used: it is the
//     time since the end of the latest earlier request that *has* an
//     api_time, so it contradicts the gap after requests without one (160 of
//     1,150 gaps in the published folder, all of this kind).
//   - Where the request before has no api_time, its own time is taken as the
//     median api_time of its agent's timed requests of the same type, else of
//     all the agent's timed ones, but no longer than until the next request.
//   - The cause of a gap follows from what the request brings (input_types):
//     only tool results: tool and client; only text: human; else unknown.
//   - A sub-agent is a tool call of the request before it in the list; its
//     first request waits for that request's answer. The parent's next
//     request waits for the sub-agents that had ended by then (an inferred
//     join), and not for those that still ran.
//   - Block ids are compared within the session (their scope is local) with
//     all earlier requests, sub-agents' too: the longest shared run of blocks
//     is kept from the latest request that has it. Only complete blocks have
//     ids; where all of an earlier prompt's blocks are shared and the new
//     prompt is no shorter, the earlier prompt's unnumbered rest (less than a
//     block) counts as kept too. Answers are never counted as kept: the
//     source does not show it.
var weka = Importer{
	Name:     "weka",
	Reads:    "kv-cache-tester traces: a folder of trace_*.json, or sessions_compact.jsonl.gz",
	Example:  "kv-cache-tester/traces",
	suffixes: []string{".json"},
	origin: workloads.Provenance{
		Source:  "kv-cache-tester agentic coding traces (https://github.com/callanjfox/kv-cache-tester)",
		License: "Apache-2.0",
		Method: "import weka: gap = start - end of the previous request; api_time missing: the agent's median; " +
			"cause by input_types (tool_result: tool+client, text: human, else unknown); contexts by shared blocks within the session; " +
			"sub-agents as tool calls, joined where they had ended",
	},
	convert: convertWeka,
}

type wekaTrace struct {
	ID           string      `json:"id"`
	BlockSize    int         `json:"block_size"`
	Scope        string      `json:"hash_id_scope"`
	ToolTokens   int         `json:"tool_tokens"`
	SystemTokens int         `json:"system_tokens"`
	Requests     []wekaEntry `json:"requests"`
}

// wekaEntry is a request, or a sub-agent with requests of its own.
type wekaEntry struct {
	T           float64    `json:"t"` // seconds
	Type        string     `json:"type"`
	Model       string     `json:"model"`
	In          int        `json:"in"`
	Out         int        `json:"out"`
	HashIDs     []int64    `json:"hash_ids"`
	Keep        int        `json:"keep"` // blocks of the request before
	New         [][2]int64 `json:"new"`  // then runs of ids: first, count
	InputTypes  []string   `json:"input_types"`
	OutputTypes []string   `json:"output_types"`
	APITime     *float64   `json:"api_time"` // seconds
	TTFT        *float64   `json:"ttft"`     // seconds
	ThinkTime   *float64   `json:"think_time"`

	AgentID      string      `json:"agent_id"`
	DurationMS   float64     `json:"duration_ms"`
	SubagentType string      `json:"subagent_type"`
	Requests     []wekaEntry `json:"requests"`
}

func convertWeka(files []string, out *sink) error {
	for _, file := range files {
		if isLines(file) {
			if err := eachRecord(file, func(tr *wekaTrace, place string) error { return importWeka(tr, place, out) }); err != nil {
				return err
			}
			continue
		}
		tr := &wekaTrace{}
		if err := readJSON(file, tr); err != nil {
			return err
		}
		if err := importWeka(tr, file, out); err != nil {
			return err
		}
	}
	return nil
}

func importWeka(tr *wekaTrace, place string, out *sink) error {
	switch {
	case tr.ID == "":
		return fmt.Errorf("%s: id: missing (is this a kv-cache-tester trace?)", place)
	case tr.BlockSize < 1:
		return fmt.Errorf("%s: block_size: %d, want at least 1", place, tr.BlockSize)
	}
	s := &wekaSession{trace: tr, place: place, out: out, agents: make(map[string]bool)}
	if _, err := s.agent(tr.Requests, 0, "", -1); err != nil {
		return err
	}
	if len(s.calls) == 0 {
		out.count(1, "sessions without a request are left out")
		return nil
	}
	s.contexts()
	steps := make([]workloads.Step, len(s.calls))
	for i, c := range s.calls {
		steps[i] = *c.step
	}
	labels := map[string]string{}
	for name, n := range map[string]int{"tool_tokens": tr.ToolTokens, "system_tokens": tr.SystemTokens} {
		if n > 0 {
			labels[name] = strconv.Itoa(n)
		}
	}
	out.count(min(1, len(labels)), "sessions state the length of their tools and system prompt (labels); whether sessions share them is not known, block ids being local")
	return out.session(&workloads.Session{ID: tr.ID, Labels: labels}, steps)
}

// wekaSession is a trace on its way to becoming a session.
type wekaSession struct {
	trace  *wekaTrace
	place  string
	out    *sink
	calls  []*wekaCall
	agents map[string]bool
}

// wekaCall is a request with its times since the session's start.
type wekaCall struct {
	entry      *wekaEntry
	ids        []int64
	start, end float64 // seconds
	over       float64 // the end of the last sub-agent that it started, or its own
	step       *workloads.Step
}

// contexts turns block ids into deltas, in the order of the starts.
func (s *wekaSession) contexts() {
	order := slices.Clone(s.calls)
	slices.SortStableFunc(order, func(a, b *wekaCall) int { return cmp.Compare(a.start, b.start) })
	prompts := make([]blockPrompt, len(order))
	for i, c := range order {
		prompts[i] = blockPrompt{step: c.step.ID, ids: c.ids, tokens: c.entry.In, next: c.entry.In}
	}
	for i, ctx := range sharedBlocks(prompts, s.trace.BlockSize) {
		order[i].step.LLM.Context = ctx
	}
}

// blocks are a request's block ids; previous are those of the request before
// it in the same agent.
func (e *wekaEntry) blocks(previous []int64, size int) ([]int64, error) {
	if e.New == nil && e.Keep == 0 {
		return e.HashIDs, nil
	}
	if e.Keep > len(previous) {
		return nil, fmt.Errorf("keep: %d blocks, but the request before has %d", e.Keep, len(previous))
	}
	ids := slices.Clone(previous[:e.Keep])
	for _, run := range e.New {
		if room := int64(e.In/size + 1 - len(ids)); run[1] < 0 || run[1] > room {
			return nil, fmt.Errorf("new: a run of %d blocks, but a prompt of %d tokens has no more than %d left", run[1], e.In, room)
		}
		for k := range run[1] {
			ids = append(ids, run[0]+k)
		}
	}
	return ids, nil
}

// cause is what passed before a request, by what it brings.
func (e *wekaEntry) cause() workloads.Cause {
	if len(e.InputTypes) == 1 {
		switch e.InputTypes[0] {
		case "tool_result":
			return workloads.CauseTool
		case "text":
			return workloads.CauseHuman
		}
	}
	return workloads.CauseUnknown
}
