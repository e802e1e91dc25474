package importers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// span is a span in either form.
type span struct {
	trace, id, parentID string
	name, place         string
	start, end          time.Time
	failed              bool
	attributes          map[string]any // string, float64, bool or []any
	parent              *span
}

// text is an attribute that is a string, else empty.
func (sp *span) text(name string) string {
	s, _ := sp.attributes[name].(string)
	return s
}

// tokens is the first of the named attributes that is a count, else -1.
func (sp *span) tokens(names ...string) int {
	for _, name := range names {
		if n, ok := sp.attributes[name].(float64); ok && n >= 0 {
			return int(n)
		}
	}
	return -1
}

// otlpData is an OTLP export request in JSON, or inference-perf's form of a
// trace.
type otlpData struct {
	ResourceSpans []struct {
		ScopeSpans []struct {
			Spans []otlpSpan `json:"spans"`
		} `json:"scopeSpans"`
	} `json:"resourceSpans"`
	TraceID string     `json:"trace_id"`
	Spans   []flatSpan `json:"spans"`
}

type otlpSpan struct {
	TraceID    string      `json:"traceId"`
	SpanID     string      `json:"spanId"`
	ParentID   string      `json:"parentSpanId"`
	Name       string      `json:"name"`
	Start      json.Number `json:"startTimeUnixNano"`
	End        json.Number `json:"endTimeUnixNano"`
	Attributes []otlpPair  `json:"attributes"`
	Status     struct {
		Code any `json:"code"` // 2 or "STATUS_CODE_ERROR"
	} `json:"status"`
}

type otlpPair struct {
	Key   string    `json:"key"`
	Value otlpValue `json:"value"`
}

type otlpValue struct {
	String *string      `json:"stringValue"`
	Bool   *bool        `json:"boolValue"`
	Int    *json.Number `json:"intValue"` // a string in OTLP, a number in some writers
	Double *float64     `json:"doubleValue"`
	Array  *struct {
		Values []otlpValue `json:"values"`
	} `json:"arrayValue"`
	Map *struct {
		Values []otlpPair `json:"values"`
	} `json:"kvlistValue"`
}

type flatSpan struct {
	TraceID    string         `json:"trace_id"`
	SpanID     string         `json:"span_id"`
	ParentID   string         `json:"parent_span_id"`
	Name       string         `json:"name"`
	Start      string         `json:"start_time"`
	End        string         `json:"end_time"`
	Attributes map[string]any `json:"attributes"`
	Status     struct {
		Code any `json:"code"`
	} `json:"status"`
}

func readSpans(file string) ([]*span, error) {
	var all []*span
	take := func(data *otlpData, place string) error {
		spans, err := data.spans()
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		for _, sp := range spans {
			sp.place = place
		}
		all = append(all, spans...)
		return nil
	}
	if isLines(file) {
		return all, eachRecord(file, take)
	}
	data := &otlpData{}
	if err := readJSON(file, data); err != nil {
		return nil, err
	}
	return all, take(data, file)
}

func (d *otlpData) spans() ([]*span, error) {
	if d.ResourceSpans == nil && d.Spans == nil {
		return nil, fmt.Errorf("neither resourceSpans nor spans (is this OTLP JSON?)")
	}
	var all []*span
	for _, r := range d.ResourceSpans {
		for _, sc := range r.ScopeSpans {
			for i := range sc.Spans {
				sp, err := sc.Spans[i].span()
				if err != nil {
					return nil, fmt.Errorf("span %q: %w", sc.Spans[i].SpanID, err)
				}
				all = append(all, sp)
			}
		}
	}
	for i := range d.Spans {
		sp, err := d.Spans[i].span(d.TraceID)
		if err != nil {
			return nil, fmt.Errorf("span %q: %w", d.Spans[i].SpanID, err)
		}
		all = append(all, sp)
	}
	return all, nil
}

func (o *otlpSpan) span() (*span, error) {
	sp := &span{trace: o.TraceID, id: o.SpanID, parentID: o.ParentID, name: o.Name,
		failed: isError(o.Status.Code), attributes: make(map[string]any, len(o.Attributes))}
	for _, a := range o.Attributes {
		sp.attributes[a.Key] = a.Value.plain()
	}
	var err error
	if sp.start, err = unixNano(o.Start); err != nil {
		return nil, fmt.Errorf("startTimeUnixNano: %w", err)
	}
	if sp.end, err = unixNano(o.End); err != nil {
		return nil, fmt.Errorf("endTimeUnixNano: %w", err)
	}
	return sp, sp.check()
}

func (f *flatSpan) span(trace string) (*span, error) {
	sp := &span{trace: f.TraceID, id: f.SpanID, parentID: f.ParentID, name: f.Name,
		failed: isError(f.Status.Code), attributes: f.Attributes}
	if sp.trace == "" {
		sp.trace = trace
	}
	var err error
	if sp.start, err = flatTime(f.Start); err != nil {
		return nil, fmt.Errorf("start_time: %w", err)
	}
	if sp.end, err = flatTime(f.End); err != nil {
		return nil, fmt.Errorf("end_time: %w", err)
	}
	return sp, sp.check()
}

func (sp *span) check() error {
	switch {
	case sp.trace == "" || sp.id == "":
		return fmt.Errorf("no trace id or span id")
	case sp.end.Before(sp.start):
		return fmt.Errorf("it ends before it starts")
	}
	return nil
}

// plain is the value as encoding/json would decode it.
func (v *otlpValue) plain() any {
	switch {
	case v.String != nil:
		return *v.String
	case v.Bool != nil:
		return *v.Bool
	case v.Int != nil:
		x, _ := v.Int.Float64()
		return x
	case v.Double != nil:
		return *v.Double
	case v.Array != nil:
		list := make([]any, len(v.Array.Values))
		for i := range v.Array.Values {
			list[i] = v.Array.Values[i].plain()
		}
		return list
	case v.Map != nil:
		object := make(map[string]any, len(v.Map.Values))
		for i := range v.Map.Values {
			object[v.Map.Values[i].Key] = v.Map.Values[i].Value.plain()
		}
		return object
	}
	return nil
}

func unixNano(n json.Number) (time.Time, error) {
	ns, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || ns < 0 {
		return time.Time{}, fmt.Errorf("%q is not a number of nanoseconds", n)
	}
	return time.Unix(0, ns), nil
}

// flatTime reads a time with or without a zone; without one it is taken as UTC.
func flatTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, strings.Replace(s, " ", "T", 1)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q, want 2026-02-25T10:00:00.000000", s)
}

// isError reads a status code in either of its forms.
func isError(code any) bool {
	switch c := code.(type) {
	case float64:
		return c == 2
	case string:
		return c == "STATUS_CODE_ERROR" || c == "ERROR"
	}
	return false
}
