package exporters

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"tierlab/workloads"
)

// Exporter writes one foreign format.
type Exporter struct {
	// Name is what --to takes.
	Name string
	// Writes says in one line what it writes.
	Writes string

	start func(out *lines) format
}

// format writes the sessions of one export.
type format interface {
	session(t *workloads.Trace) error
}

// All lists the exporters in the order of their names.
func All() []Exporter {
	return []Exporter{agenticMooncake, otlp, weka}
}

// Export reads a workload and writes it to w. It returns what the format could
// not hold, each with a count. Outcomes are never exported.
func (e Exporter) Export(rd *workloads.Reader, w io.Writer) (dropped []string, err error) {
	buf := bufio.NewWriterSize(w, 1<<16)
	out := &lines{enc: json.NewEncoder(buf), prefixes: rd.Prefixes(), counts: make(map[string]int)}
	out.enc.SetEscapeHTML(false)
	f := e.start(out)
	for t, err := range rd.Sessions() {
		if err != nil {
			return nil, err
		}
		out.dropCommon(t)
		if err := f.session(t); err != nil {
			return nil, fmt.Errorf("session %q: %w", t.Session.ID, err)
		}
	}
	if err := buf.Flush(); err != nil {
		return nil, fmt.Errorf("write %s: %w", e.Name, err)
	}
	return out.dropped(), nil
}

// lines is the output, one JSON value a line, with the list of what it lacks.
type lines struct {
	enc      *json.Encoder
	prefixes *workloads.Prefixes
	counts   map[string]int
	order    []string
}

func (l *lines) write(v any) error { return l.enc.Encode(v) }

// drop counts something that the format cannot hold.
func (l *lines) drop(n int, what string) {
	if n == 0 {
		return
	}
	if l.counts[what] == 0 {
		l.order = append(l.order, what)
	}
	l.counts[what] += n
}

func (l *lines) dropped() []string {
	var all []string
	for _, what := range l.order {
		all = append(all, fmt.Sprintf("%d %s", l.counts[what], what))
	}
	return all
}

// dropCommon counts what none of the formats holds.
func (l *lines) dropCommon(t *workloads.Trace) {
	s := &t.Session
	l.drop(count(s.Origin != ""), "sessions' origins")
	l.drop(count(s.Tenant != ""), "sessions' tenants")
	l.drop(count(s.Budget != nil), "sessions' budgets")
	l.drop(count(s.Data != nil), "sessions' data rules")
	l.drop(len(s.Labels), "labels")
	l.drop(len(t.Outcomes), "outcomes")
	for i := range t.Steps {
		st := &t.Steps[i]
		l.drop(count(st.PII), "steps' privacy marks")
		l.drop(count(st.Messages != nil), "steps' messages")
		l.drop(count(st.LLM.Pin != ""), "pinned models")
		l.drop(count(st.LLM.Difficulty != nil), "difficulties")
		l.drop(count(st.LLM.LatencyBudget != 0), "latency budgets")
		l.drop(count(len(st.LLM.SolvedBy)+len(st.LLM.FailedBy) > 0), "steps' records of who solved them")
		for k := range st.Tools {
			tool := &st.Tools[k]
			l.drop(count(tool.Code != nil), "tool calls' programs")
			l.drop(count(tool.Data != ""), "tool calls' data places")
			l.drop(count(tool.BytesIn > 0), "tool calls' argument sizes")
		}
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
