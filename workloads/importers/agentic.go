package importers

import (
	"cmp"
	"fmt"
	"strconv"

	"tierlab/workloads"
)

// agenticMooncake reads Agentic Mooncake as NVIDIA Dynamo's replay defines it
// (https://github.com/ai-dynamo/dynamo, trace format reference, version 1):
// Mooncake rows with request_id, session_id, wait_for, delay, tool_wait_ms and
// tool_events. It reads plain Mooncake rows with session_id and delay (AIPerf,
// Dynamo) too. Version 2, which opens with a header line, is refused.
//
// The rules:
//
//   - Rows that a session_id or wait_for connects are one session, named after
//     its first row's session_id. It arrives at its earliest timestamp.
//   - A row with wait_for starts when all of these are complete and delay +
//     tool_wait_ms have passed. A row without starts at its timestamp. In a
//     file without any request_id, a row waits for the one before it in its
//     session: for delay, or until its timestamp if it has one.
//   - A row with hash_ids gives its whole prompt (Dynamo). In a file without
//     any request_id, one without them gives the new part of its session's
//     history (AIPerf, https://github.com/ai-dynamo/aiperf, trace replay): its
//     prompt is that of the row before, its answer, then input_length tokens,
//     or one for every four bytes of text_input. Rows with messages are refused.
//   - tool_events stand in the row that consumed them. They become tool calls
//     of the row waited for, if that is one row and all rows that wait for it
//     with tools have the same; what tool_wait_ms is longer than the longest
//     call stays a delay. Else tool_wait_ms is a delay of cause tool and client.
//   - delay is of unknown cause.
//   - Block ids are global: contexts are compared within the session as for
//     Weka, across sessions as for Mooncake, and the longer run is kept. A
//     prompt counts as the continuation of one whose complete blocks it
//     begins with if it is longer by at least that one's answer.
//   - branches and prefix_reset do not control Dynamo's replay and are not
//     read.
//
// All rows are held in memory.
var agenticMooncake = Importer{
	Name:     "agentic-mooncake",
	Reads:    "Agentic Mooncake version 1, or Mooncake with session_id and delay (JSON Lines)",
	Example:  "agent.agentic-mooncake.jsonl",
	suffixes: []string{".jsonl", ".jsonl.gz"},
	origin: workloads.Provenance{
		Source:  "Agentic Mooncake trace",
		License: "unknown",
		Method: "import agentic-mooncake: sessions by session_id and wait_for; tool_events as tool calls of the row waited for; " +
			"contexts by shared blocks",
	},
	convert: convertAgentic,
}

// agenticRow is one request. Times are in milliseconds.
type agenticRow struct {
	RequestID string         `json:"request_id"`
	SessionID string         `json:"session_id"`
	Input     *int           `json:"input_length"`
	Input2    *int           `json:"input_tokens"`
	Output    *int           `json:"output_length"`
	Output2   *int           `json:"output_tokens"`
	HashIDs   []int64        `json:"hash_ids"`
	Text      string         `json:"text_input"`
	Messages  any            `json:"messages"`
	Timestamp *float64       `json:"timestamp"`
	Created   *float64       `json:"created_time"`
	Delay     *float64       `json:"delay"`
	Delay2    *float64       `json:"delay_ms"`
	Kind      string         `json:"request_kind"`
	WaitFor   []string       `json:"wait_for"`
	ToolWait  float64        `json:"tool_wait_ms"`
	Tools     []agenticEvent `json:"tool_events"`

	Schema  string `json:"schema"`
	Version int    `json:"version"`

	place  string
	number int         // in the file
	leader *agenticRow // of the rows of its session; itself, or one nearer to it
}

type agenticEvent struct {
	ID          string  `json:"tool_call_id"`
	Class       string  `json:"tool_class"`
	Duration    float64 `json:"duration_ms"`
	Status      string  `json:"status"`
	OutputBytes int64   `json:"output_bytes"`
}

func (r *agenticRow) check(block int) error {
	r.Input, r.Output = cmp.Or(r.Input, r.Input2), cmp.Or(r.Output, r.Output2)
	r.Timestamp, r.Delay = cmp.Or(r.Timestamp, r.Created), cmp.Or(r.Delay, r.Delay2)
	switch {
	case r.Schema != "" || r.Version > 1:
		return fmt.Errorf("%s version %d is not read, only rows of version 1 (without a header line)", r.Schema, r.Version)
	case r.Messages != nil:
		return fmt.Errorf("messages: rows that give messages instead of lengths are not read")
	case r.Output == nil || *r.Output < 0:
		return fmt.Errorf("output_length: want tokens, zero or more")
	case r.ToolWait < 0 || r.Delay != nil && *r.Delay < 0 || r.Timestamp != nil && *r.Timestamp < 0:
		return fmt.Errorf("timestamp, delay and tool_wait_ms must not be negative")
	}
	for i, e := range r.Tools {
		if e.Duration < 0 || e.OutputBytes < 0 {
			return fmt.Errorf("tool_events[%d]: duration_ms and output_bytes must not be negative", i)
		}
	}
	whole := len(r.HashIDs) * block
	if r.Input == nil && whole == 0 {
		whole = textTokens(r.Text)
	}
	if r.Input == nil {
		r.Input = &whole
	}
	if *r.Input < 0 || *r.Input > whole && len(r.HashIDs) > 0 {
		return fmt.Errorf("input_length: %d tokens, but %d hash_ids of %d tokens (is the block size right?)", *r.Input, len(r.HashIDs), block)
	}
	return nil
}

func convertAgentic(files []string, out *sink) error {
	block := cmp.Or(out.block, mooncakeBlock)
	trace := &agenticTrace{byID: make(map[string]*agenticRow), shared: sharedPrefixes{block: block, out: out}}
	for _, file := range files {
		err := eachRecord(file, func(r *agenticRow, place string) error {
			r.place = place
			err := r.check(block)
			if err == nil {
				err = trace.add(r)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", place, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	sessions, err := trace.sessions()
	if err != nil {
		return err
	}
	for i, rows := range sessions {
		for _, r := range rows {
			trace.shared.add(r.HashIDs, *r.Input, i+1)
		}
	}
	for _, rows := range sessions {
		if err := trace.write(rows, out); err != nil {
			return err
		}
	}
	return nil
}

// agenticTrace holds the rows of all files.
type agenticTrace struct {
	rows    []*agenticRow
	byID    map[string]*agenticRow
	agentic bool // a row has a request_id
	shared  sharedPrefixes
}

func (t *agenticTrace) add(r *agenticRow) error {
	r.number, r.leader = len(t.rows), r
	t.agentic = t.agentic || r.RequestID != ""
	if r.RequestID == "" {
		r.RequestID = "row-" + strconv.Itoa(r.number+1)
	}
	if t.byID[r.RequestID] != nil {
		return fmt.Errorf("request_id: %q stands twice", r.RequestID)
	}
	t.byID[r.RequestID] = r
	t.rows = append(t.rows, r)
	return nil
}

// sessions groups the connected rows, in the order of the file.
func (t *agenticTrace) sessions() ([][]*agenticRow, error) {
	named := make(map[string]*agenticRow)
	for _, r := range t.rows {
		if r.SessionID != "" {
			if named[r.SessionID] == nil {
				named[r.SessionID] = r
			}
			join(named[r.SessionID], r)
		}
		for i, id := range r.WaitFor {
			if t.byID[id] == nil {
				return nil, fmt.Errorf("%s: wait_for[%d]: no row has the request_id %q", r.place, i, id)
			}
			join(t.byID[id], r)
		}
	}
	var all [][]*agenticRow
	at := make(map[*agenticRow]int)
	for _, r := range t.rows {
		top := r.top()
		if _, ok := at[top]; !ok {
			at[top] = len(all)
			all = append(all, nil)
		}
		all[at[top]] = append(all[at[top]], r)
	}
	return all, nil
}

// causesFirst moves rows behind those that they wait for, so that no context
// refers to a later call. Rows in a circle stay as they are; the session's
// check names it.
func (t *agenticTrace) causesFirst(rows []*agenticRow) []*agenticRow {
	sorted := make([]*agenticRow, 0, len(rows))
	seen := make(map[*agenticRow]bool, len(rows))
	var visit func(r *agenticRow)
	visit = func(r *agenticRow) {
		if seen[r] {
			return
		}
		seen[r] = true
		for _, id := range r.WaitFor {
			visit(t.byID[id])
		}
		sorted = append(sorted, r)
	}
	for _, r := range rows {
		visit(r)
	}
	return sorted
}

// top is the first row of the file among those connected with r.
func (r *agenticRow) top() *agenticRow {
	for r.leader != r {
		r.leader = r.leader.leader
		r = r.leader
	}
	return r
}

func join(a, b *agenticRow) {
	a, b = a.top(), b.top()
	if b.number < a.number {
		a, b = b, a
	}
	b.leader = a
}

// write writes the rows of one session.
func (t *agenticTrace) write(rows []*agenticRow, out *sink) error {
	sess := workloads.Session{ID: cmp.Or(rows[0].SessionID, rows[0].RequestID)}
	rows = t.causesFirst(rows)
	for _, r := range rows {
		if r.Timestamp != nil && (t.agentic && len(r.WaitFor) == 0 || r == rows[0]) {
			if at := seconds(*r.Timestamp / 1000); sess.Arrival == nil || at < *sess.Arrival {
				sess.Arrival = &at
			}
		}
	}
	g := &agenticSession{rows: rows, arrival: sess.Arrival, steps: make([]workloads.Step, len(rows)), index: make(map[string]int)}
	prompts := make([]blockPrompt, len(rows))
	for i, r := range rows {
		g.index[r.RequestID] = i
		prompts[i] = blockPrompt{step: r.RequestID, ids: r.HashIDs, tokens: *r.Input, next: *r.Input + *r.Output}
		g.steps[i] = workloads.Step{ID: r.RequestID, LLM: workloads.LLM{Kind: r.Kind, OutputTokens: *r.Output}}
	}
	for i, ctx := range sharedBlocks(prompts, t.shared.block) {
		if p := prompts[i]; t.shared.length(p.ids, p.tokens) > ctx.Keep {
			var err error
			if ctx, err = t.shared.context(p.ids, p.tokens); err != nil {
				return err
			}
		}
		g.steps[i].LLM.Context = ctx
	}
	if t.agentic {
		g.connect()
	} else {
		g.chain(out)
	}
	return out.session(&sess, g.steps)
}
