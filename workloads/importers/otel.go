package importers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tierlab/workloads"
)

// otel reads OpenTelemetry spans with the attributes of the GenAI semantic
// conventions (https://github.com/open-telemetry/semantic-conventions-genai),
// as OTLP JSON (a file, or one export request a line), or in the flat form of
// inference-perf's examples.
//
// The rules:
//
//   - gen_ai.operation.name chat, text_completion, generate_content and
//     embeddings are model calls, execute_tool tool calls, invoke_agent and
//     invoke_workflow agents. Other spans only pass on who called whom.
//   - A session is a gen_ai.conversation.id; a span without one has its
//     nearest ancestor's, else its trace's only one; a trace without any is a
//     session. It arrives when its first span starts, since the earliest
//     session's. A person's turns are not marked in spans: the gap before a
//     trace's first call, where its conversation had an earlier trace, is
//     human.
//   - A tool call belongs to the model call that it is below, else to the
//     latest one of its agent, else of its session, that had been answered
//     when the tool started.
//   - An agent is a tool call of the model call that, by the same rule, led to
//     it: it spawns all model calls below the agent. An agent that no model
//     call of the agent above led to is no agent of its own: its calls belong
//     to the one above.
//   - A model call waits for the calls of its agent that were over when it
//     started and that no other of these has waited for: for their tools too,
//     if those were over. More than one is a join, and inferred. The gap is
//     reckoned from the end that a replay would reach (tools of one call run
//     in parallel), so that a sequence of tools keeps its length. It is tool
//     and client time behind a call with tools, else unknown.
//   - Tokens are gen_ai.usage.*; where missing, one for every four bytes of
//     the messages' text, rounded up per message, and four for each message.
//   - A prompt keeps of an earlier call's: with message texts, the longest
//     shared run of messages of the earliest call that has it, and the answer if it comes next; else what
//     gen_ai.usage.cache_read.input_tokens says, of the call it waits for;
//     else nothing.
//
// All spans are held in memory.
var otel = Importer{
	Name:     "otel",
	Reads:    "OpenTelemetry GenAI spans: OTLP JSON, or inference-perf's trace files",
	Example:  "inference-perf-otel/test_traces/simple",
	suffixes: []string{".json", ".jsonl", ".json.gz", ".jsonl.gz"},
	origin: workloads.Provenance{
		Source:  "OpenTelemetry GenAI spans",
		License: "unknown",
		Method: "import otel: sessions by gen_ai.conversation.id or trace; order by time and parent; " +
			"tokens from gen_ai.usage, else one for four bytes of text",
	},
	convert: convertOTel,
}

func convertOTel(files []string, out *sink) error {
	var spans []*span
	for _, file := range files {
		read, err := readSpans(file)
		if err != nil {
			return err
		}
		spans = append(spans, read...)
	}
	tree, err := newSpanTree(spans)
	if err != nil {
		return err
	}
	groups := tree.sessions()
	ids := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(groups[a][0].start.Compare(groups[b][0].start), cmp.Compare(a, b))
	})
	for _, id := range ids {
		if err := importSpans(id, groups[id], groups[ids[0]][0].start, out); err != nil {
			return err
		}
	}
	return nil
}

// importSpans writes one session; its spans are in the order of their starts.
func importSpans(id string, spans []*span, origin time.Time, out *sink) error {
	s := &spanSession{out: out, began: spans[0].start, agents: make(map[*span]*spanAgent)}
	for _, sp := range spans {
		if sp.kind() == spanCall {
			s.calls = append(s.calls, &spanCallStep{span: sp})
		}
	}
	if len(s.calls) == 0 {
		out.count(1, "sessions without a model call are left out")
		return nil
	}
	s.assignAgents()
	s.assignTools(spans)
	s.spawn()
	for _, a := range s.order {
		s.connect(a)
	}
	s.measure()
	steps := make([]workloads.Step, len(s.calls))
	for i, c := range s.calls {
		steps[i] = c.step
	}
	arrival := workloads.Millis(s.began.Sub(origin))
	return out.session(&workloads.Session{ID: id, Arrival: &arrival}, steps)
}

// spanTree links the spans of all files.
type spanTree struct {
	spans []*span
	// only is a trace's conversation, if it has exactly one.
	only map[string]string
}

func newSpanTree(spans []*span) (*spanTree, error) {
	byID := make(map[string]*span, len(spans))
	for _, sp := range spans {
		key := sp.trace + "/" + sp.id
		if other := byID[key]; other != nil {
			return nil, fmt.Errorf("%s: span %q of trace %q stands twice, first in %s: import one of them", sp.place, sp.id, sp.trace, other.place)
		}
		byID[key] = sp
	}
	t := &spanTree{spans: spans, only: make(map[string]string)}
	for _, sp := range spans {
		sp.parent = byID[sp.trace+"/"+sp.parentID]
		if c := sp.text("gen_ai.conversation.id"); c != "" {
			if other, seen := t.only[sp.trace]; seen && other != c {
				c = ""
			}
			t.only[sp.trace] = c
		}
	}
	for _, sp := range spans {
		seen := 0
		for p := sp.parent; p != nil; p = p.parent {
			if seen++; seen > len(spans) {
				return nil, fmt.Errorf("%s: span %q of trace %q is its own ancestor", sp.place, sp.id, sp.trace)
			}
		}
	}
	return t, nil
}

// sessions groups the spans that matter, in the order of their starts.
func (t *spanTree) sessions() map[string][]*span {
	groups := make(map[string][]*span)
	for _, sp := range t.spans {
		if sp.kind() != spanOther {
			id := t.session(sp)
			groups[id] = append(groups[id], sp)
		}
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b *span) int {
			return cmp.Or(a.start.Compare(b.start), b.end.Compare(a.end), cmp.Compare(a.id, b.id))
		})
	}
	return groups
}

func (t *spanTree) session(sp *span) string {
	for p := sp; p != nil; p = p.parent {
		if c := p.text("gen_ai.conversation.id"); c != "" {
			return c
		}
	}
	if c := t.only[sp.trace]; c != "" {
		return c
	}
	return sp.trace
}

// operation is what a span is, for a replay.
type operation uint8

const (
	spanOther operation = iota
	spanCall
	spanTool
	spanAgentCall
)

func (sp *span) kind() operation {
	switch op := sp.text("gen_ai.operation.name"); {
	case op == "chat", op == "text_completion", op == "generate_content", op == "embeddings":
		return spanCall
	case op == "execute_tool":
		return spanTool
	case strings.HasPrefix(op, "invoke_"):
		return spanAgentCall
	}
	return spanOther
}
