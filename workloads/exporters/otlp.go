package exporters

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"tierlab/workloads"
)

// otlp writes OpenTelemetry spans with the attributes of the GenAI semantic
// conventions as OTLP JSON, one export request for each session and line. A
// session is a trace and a conversation: an invoke_agent span with a chat span
// for each model call. Tool spans are children of the chat span that asked for
// them, which states more than the conventions demand: without it a reader
// would have to guess between calls that overlap. A sub-agent is an
// invoke_agent span below its tool's. Times count from epoch.
var otlp = Exporter{
	Name:   "otlp",
	Writes: "OpenTelemetry GenAI spans, OTLP JSON (JSON Lines)",
	start:  func(out *lines) format { return &otlpFormat{out: out} },
}

// epoch is the time of day, in nanoseconds since 1970, that stands for a
// recording's start: 2026-01-01T00:00:00Z.
const epoch = 1767225600 * 1_000_000_000

type otlpFormat struct{ out *lines }

type otlpRequest struct {
	ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
}

type otlpResourceSpans struct {
	Resource   otlpResource     `json:"resource"`
	ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
}

type otlpResource struct {
	Attributes []otlpPair `json:"attributes"`
}

type otlpScopeSpans struct {
	Scope struct {
		Name string `json:"name"`
	} `json:"scope"`
	Spans []otlpSpan `json:"spans"`
}

type otlpSpan struct {
	TraceID    string     `json:"traceId"`
	SpanID     string     `json:"spanId"`
	ParentID   string     `json:"parentSpanId,omitempty"`
	Name       string     `json:"name"`
	Kind       int        `json:"kind"` // 1 internal, 3 client
	Start      string     `json:"startTimeUnixNano"`
	End        string     `json:"endTimeUnixNano"`
	Attributes []otlpPair `json:"attributes"`
	Status     otlpStatus `json:"status"`
}

type otlpStatus struct {
	Code int `json:"code,omitempty"` // 2 error
}

type otlpPair struct {
	Key   string    `json:"key"`
	Value otlpValue `json:"value"`
}

type otlpValue struct {
	String *string  `json:"stringValue,omitempty"`
	Int    *string  `json:"intValue,omitempty"`
	Double *float64 `json:"doubleValue,omitempty"`
}

func (f *otlpFormat) session(t *workloads.Trace) error {
	f.out.drop(count(t.Session.Arrival == nil), "sessions' lack of an arrival: their times begin at the epoch")
	sum := sha256.Sum256([]byte(t.Session.ID))
	s := &otlpSession{out: f.out, trace: hex.EncodeToString(sum[:16]), id: t.Session.ID, graph: t.Graph,
		at: schedule(t.Graph), begins: arrival(&t.Session)}
	var end workloads.Millis
	for i := range s.at {
		end = max(end, s.at[i].toolsDone)
	}
	root := s.span("", "invoke_agent", "invoke_agent session", 0, end)
	root.Attributes = append(root.Attributes, text("gen_ai.conversation.id", t.Session.ID))
	s.spans = append(s.spans, root)
	s.agent(root.SpanID, -1, -1)
	req := otlpRequest{ResourceSpans: []otlpResourceSpans{{
		Resource:   otlpResource{Attributes: []otlpPair{text("service.name", "tierlab")}},
		ScopeSpans: []otlpScopeSpans{{Spans: s.spans}},
	}}}
	req.ResourceSpans[0].ScopeSpans[0].Scope.Name = "tierlab"
	return f.out.write(&req)
}

type otlpSession struct {
	out       *lines
	trace, id string
	graph     *workloads.Graph
	at        []times
	begins    workloads.Millis
	spans     []otlpSpan
}

// span makes a span with a new id.
func (s *otlpSession) span(parent, operation, name string, start, end workloads.Millis) otlpSpan {
	stamp := func(m workloads.Millis) string { return strconv.FormatInt(epoch+int64(s.begins+m), 10) }
	return otlpSpan{TraceID: s.trace, SpanID: fmt.Sprintf("%016x", len(s.spans)+1), ParentID: parent, Name: name, Kind: 1,
		Start: stamp(start), End: stamp(end), Attributes: []otlpPair{text("gen_ai.operation.name", operation)}}
}

// agent writes the calls of one agent below its span.
func (s *otlpSession) agent(parent string, owner, tool int32) {
	for i := range s.graph.Steps {
		if n := &s.graph.Steps[i]; n.Owner == owner && n.OwnerTool == tool {
			s.step(parent, int32(i))
		}
	}
}

func (s *otlpSession) step(parent string, i int32) {
	n, at := &s.graph.Steps[i], s.at[i]
	llm := &n.Step.LLM
	s.out.drop(count(llm.Kind != "" || llm.Task != ""), "steps' kinds and tasks")
	operation := "chat"
	if llm.Modality == "embedding" {
		operation = "embeddings"
	}
	sp := s.span(parent, operation, operation+" "+llm.Model, at.start, at.llmDone)
	sp.Kind = 3
	sp.Attributes = append(sp.Attributes, text("gen_ai.conversation.id", s.id),
		number("gen_ai.usage.input_tokens", n.Input), number("gen_ai.usage.output_tokens", n.Output))
	if llm.Model != "" {
		sp.Attributes = append(sp.Attributes, text("gen_ai.request.model", llm.Model), text("gen_ai.response.model", llm.Model))
	}
	if llm.RecordedTTFT != nil {
		ttft := llm.RecordedTTFT.Seconds()
		sp.Attributes = append(sp.Attributes, otlpPair{"gen_ai.response.time_to_first_chunk", otlpValue{Double: &ttft}})
	}
	s.context(n, &sp)
	s.spans = append(s.spans, sp)
	for k := range n.Step.Tools {
		s.tool(sp.SpanID, i, int32(k))
	}
}

// context writes what a call keeps, which the conventions can say only as a
// number of cached tokens.
func (s *otlpSession) context(n *workloads.Node, sp *otlpSpan) {
	if n.Keep == 0 {
		return
	}
	sp.Attributes = append(sp.Attributes, number("gen_ai.usage.cache_read.input_tokens", n.Keep))
	s.out.drop(count(n.Base < 0), "contexts' shared prefixes, but for their lengths")
	s.out.drop(count(n.Base >= 0 && n.Base != n.Wait[0].From), "contexts' bases that are not the step waited for, but for their lengths")
}

func (s *otlpSession) tool(parent string, i, k int32) {
	t := &s.graph.Steps[i].Step.Tools[k]
	start := s.at[i].llmDone
	end := start + t.Duration
	for j := range s.graph.Steps {
		if n := &s.graph.Steps[j]; n.Owner == i && n.OwnerTool == k {
			end = max(end, s.at[j].toolsDone)
		}
	}
	sp := s.span(parent, "execute_tool", "execute_tool "+t.Name, start, end)
	sp.Attributes = append(sp.Attributes, text("gen_ai.tool.name", t.Name))
	if t.Status == "error" || t.Status == "timeout" {
		sp.Status.Code = 2
		sp.Attributes = append(sp.Attributes, text("error.type", t.Status))
	}
	s.out.drop(count(t.BytesOut > 0), "tool calls' result sizes")
	s.spans = append(s.spans, sp)
	if len(t.Spawn) > 0 {
		sub := s.span(sp.SpanID, "invoke_agent", "invoke_agent "+t.Name, start, end)
		sub.Attributes = append(sub.Attributes, text("gen_ai.agent.name", t.Name))
		s.spans = append(s.spans, sub)
		s.agent(sub.SpanID, i, k)
	}
}

func text(key, value string) otlpPair { return otlpPair{key, otlpValue{String: &value}} }

func number(key string, value int) otlpPair {
	n := strconv.Itoa(value)
	return otlpPair{key, otlpValue{Int: &n}}
}
