package inspect

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Schema is the version of Result's JSON form.
const Schema = "tierlab.inspect/v1"

// Result is what Inspect measured. The package comment defines the figures.
type Result struct {
	Schema   string       `json:"schema"`
	Name     string       `json:"name"`
	Source   string       `json:"source"`
	Requests int64        `json:"requests"` // steps: a model call each
	Private  int64        `json:"private_steps"`
	Outcomes int64        `json:"outcomes"`
	Sessions SessionStats `json:"sessions"`
	Turns    TurnStats    `json:"turns"`
	Tokens   TokenStats   `json:"tokens"`
	Tools    ToolStats    `json:"tools"`
	Gaps     GapStats     `json:"gaps"`
	Arrivals ArrivalStats `json:"arrivals"`
	Agents   AgentStats   `json:"agents"`
	Kinds    []KindStats  `json:"kinds"`
	Recorded Summary      `json:"recorded_s"`
	TTFT     Summary      `json:"ttft_s"`
}

// SessionStats are about whole sessions.
type SessionStats struct {
	Count       int64   `json:"count"`
	Private     int64   `json:"private"`
	Budgeted    int64   `json:"budgeted"`
	Steps       Summary `json:"steps"`
	Tools       Summary `json:"tools"`
	Parallelism Summary `json:"parallelism"`
}

// TurnStats are about turns.
type TurnStats struct {
	Count        int64   `json:"count"`
	StepsPerTurn float64 `json:"steps_per_turn"` // mean
	PerSession   Summary `json:"per_session"`
}

// TokenStats are about prompts and answers, in tokens.
type TokenStats struct {
	ReuseShare float64 `json:"reuse_share"`
	Prompt     Summary `json:"prompt"`
	Keep       Summary `json:"keep"`
	Add        Summary `json:"add"`
	Output     Summary `json:"output"`
}

// ToolStats are about tool calls; the three rates are means.
type ToolStats struct {
	Calls      int64   `json:"calls"`
	Untimed    int64   `json:"untimed"`
	ErrorShare float64 `json:"error_share"`
	PerStep    float64 `json:"per_step"`
	PerTurn    float64 `json:"per_turn"`
	PerSession float64 `json:"per_session"`
	TotalS     float64 `json:"total_s"`
	Top4Share  float64 `json:"top4_share"`
	// Parallel is the number of calls of a step that makes any.
	Parallel  Summary     `json:"parallel"`
	DurationS Summary     `json:"duration_s"`
	ByName    []NameStats `json:"by_name"`
}

// NameStats are about the calls of one tool, in seconds.
type NameStats struct {
	Name      string  `json:"name"`
	Calls     int64   `json:"calls"`
	TimeShare float64 `json:"time_share"`
	P50       float64 `json:"p50_s"`
	P90       float64 `json:"p90_s"`
	P99       float64 `json:"p99_s"`
}

// GapStats are the delays before a step, by cause.
type GapStats struct {
	ToolClient Summary `json:"tool_client_s"`
	Human      Summary `json:"human_s"`
	Unknown    Summary `json:"unknown_s"`
	Other      Summary `json:"other_s"`
}

// ArrivalStats are about the sessions' arrivals.
type ArrivalStats struct {
	Recorded   int64   `json:"recorded"` // sessions with an arrival
	SpanS      float64 `json:"span_s"`
	PerSecond  float64 `json:"per_s"`
	Burstiness float64 `json:"burstiness"`
	// OutOfOrder says that the file is not in order of arrival, so that it
	// has no gaps.
	OutOfOrder bool    `json:"out_of_order,omitempty"`
	GapS       Summary `json:"gap_s"`
}

// AgentStats are about sub-agents.
type AgentStats struct {
	Spawning int64   `json:"spawning_steps"`
	Width    Summary `json:"width"`
	Steps    Summary `json:"steps"`
}

// KindStats are about the steps of one kind.
type KindStats struct {
	Kind      string  `json:"kind"`
	Steps     int64   `json:"steps"`
	Share     float64 `json:"share"`
	PromptP50 float64 `json:"prompt_p50"`
	OutputP50 float64 `json:"output_p50"`
}

// Figure finds one figure by its path in the JSON form.
func (r *Result) Figure(path string) (float64, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	var at any
	if err := json.Unmarshal(text, &at); err != nil {
		return 0, err
	}
	for _, key := range strings.Split(path, ".") {
		object, ok := at.(map[string]any)
		if !ok {
			return 0, fmt.Errorf("no figure %q: nothing is below %q", path, key)
		}
		if at, ok = object[key]; !ok {
			return 0, fmt.Errorf("no figure %q: no %q", path, key)
		}
	}
	x, ok := at.(float64)
	if !ok {
		return 0, fmt.Errorf("figure %q is not a number", path)
	}
	return x, nil
}
