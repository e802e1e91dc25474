package importers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tierlab/workloads"
)

// openHands reads the evaluation output of OpenHands: output.jsonl, one
// session a line with its history of events and the tokens and latencies of
// its model calls.
//
// The rules:
//
//   - metrics.token_usages and metrics.response_latencies are joined by order:
//     a latency whose response id is not that of the next usage belongs to a
//     call that failed and has no tokens; its time is in the gap before the
//     next call. Ids may repeat in other files, so they are compared along the
//     two lists, never looked up.
//   - Actions that carry the model's response are joined to the usages by
//     order too: consecutive actions of one response are parallel tool calls.
//     A usage without an action (an answer in words) is a step without tools.
//   - A call is answered at its first action's time stamp and lasts its
//     latency. A tool call lasts from the action to the observation that names
//     it as its cause; an action without one (finish) is no tool call.
//   - The gap before a call runs from the end of the longest tool call to the
//     call's start; it is tool and client time, or unknown where a failed call
//     lies in it or the action's time is missing.
//   - The prompt grows: a call keeps the prompt and answer of the one before
//     as far as its own prompt is long; a shorter prompt than the one before
//     (a condensed history) keeps nothing.
//   - An evaluation harness starts its sessions when a worker is free, so they
//     have no arrivals.
var openHands = Importer{
	Name:     "openhands",
	Reads:    "OpenHands evaluation output (output.jsonl)",
	Example:  "openhands-multi-swe/output.jsonl",
	suffixes: []string{".jsonl", ".jsonl.gz"},
	origin: workloads.Provenance{
		Source:  "OpenHands evaluation output (https://github.com/OpenHands/OpenHands)",
		License: "MIT",
		Method: "import openhands: usages, latencies and actions joined by order; a tool lasts from action to observation; " +
			"prompts grow by what is new in prompt_tokens",
	},
	convert: func(files []string, out *sink) error {
		for _, file := range files {
			if err := eachRecord(file, func(r *openHandsSession, place string) error { return r.write(place, out) }); err != nil {
				return err
			}
		}
		return nil
	},
}

type openHandsSession struct {
	ID      string           `json:"instance_id"`
	History []openHandsEvent `json:"history"`
	Error   *string          `json:"error"`
	Metrics struct {
		Usages    []openHandsUsage   `json:"token_usages"`
		Latencies []openHandsLatency `json:"response_latencies"`
	} `json:"metrics"`
}

type openHandsUsage struct {
	Model      string `json:"model"`
	Prompt     int    `json:"prompt_tokens"`
	Completion int    `json:"completion_tokens"`
	ResponseID string `json:"response_id"`
}

type openHandsLatency struct {
	Latency    float64 `json:"latency"` // seconds
	ResponseID string  `json:"response_id"`
}

type openHandsEvent struct {
	ID          int             `json:"id"`
	Timestamp   openHandsTime   `json:"timestamp"`
	Source      string          `json:"source"`
	Message     string          `json:"message"`
	Action      string          `json:"action"`
	Observation string          `json:"observation"`
	Cause       *int            `json:"cause"`
	Content     string          `json:"content"`
	Args        json.RawMessage `json:"args"`
	Success     *bool           `json:"success"`
	Call        *struct {
		Function string `json:"function_name"`
		Response struct {
			ID string `json:"id"`
		} `json:"model_response"`
	} `json:"tool_call_metadata"`
}

// openHandsTime is a local time without a zone; differences are all that is
// used of it.
type openHandsTime struct{ time.Time }

// UnmarshalJSON reads "2025-04-30T16:32:54.707474".
func (t *openHandsTime) UnmarshalJSON(b []byte) (err error) {
	text := strings.TrimSuffix(strings.Trim(string(b), `"`), "Z")
	if t.Time, err = time.Parse("2006-01-02T15:04:05.999999999", text); err != nil {
		err = fmt.Errorf("timestamp: %s, want 2025-04-30T16:32:54.707474", b)
	}
	return err
}

// openHandsCall is one model call with what belongs to it.
type openHandsCall struct {
	usage   openHandsUsage
	latency *float64 // seconds
	failed  int      // calls without tokens before it
	actions []*openHandsEvent
}

func (r *openHandsSession) write(place string, out *sink) error {
	if r.ID == "" || len(r.History) == 0 {
		return fmt.Errorf("%s: instance_id or history missing (is this an OpenHands output.jsonl?)", place)
	}
	calls, err := r.calls(out)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	if len(calls) == 0 {
		out.count(1, "sessions without a model call are left out")
		return nil
	}
	results := make(map[int]*openHandsEvent)
	task := ""
	for i := range r.History {
		e := &r.History[i]
		if e.Observation != "" && e.Cause != nil {
			results[*e.Cause] = e
		}
		if task == "" && e.Source == "user" && e.Action == "message" {
			task = e.Message
		}
	}
	steps := make([]workloads.Step, len(calls))
	end := r.History[0].Timestamp.Time
	for i, c := range calls {
		end = c.step(&steps[i], steps[:i], end, results, out)
	}
	steps[0].LLM.Task = task
	sess := workloads.Session{ID: r.ID}
	if r.Error != nil && *r.Error != "" {
		sess.Labels = map[string]string{"error": *r.Error}
	}
	return out.session(&sess, steps)
}

// calls joins usages, latencies and actions by their order.
func (r *openHandsSession) calls(out *sink) ([]openHandsCall, error) {
	var acts [][]*openHandsEvent // by response
	for i := range r.History {
		e := &r.History[i]
		if e.Action == "" || e.Call == nil {
			continue
		}
		if n := len(acts); n > 0 && acts[n-1][0].Call.Response.ID == e.Call.Response.ID {
			acts[n-1] = append(acts[n-1], e)
		} else {
			acts = append(acts, []*openHandsEvent{e})
		}
	}
	late := r.Metrics.Latencies
	calls := make([]openHandsCall, len(r.Metrics.Usages))
	for i, u := range r.Metrics.Usages {
		if u.Prompt < 0 || u.Completion < 0 {
			return nil, fmt.Errorf("metrics.token_usages[%d]: tokens must not be negative", i)
		}
		c := &calls[i]
		c.usage = u
		if skip := indexLatency(late, u.ResponseID); skip >= 0 {
			c.failed, c.latency = skip, &late[skip].Latency
			late = late[skip+1:]
		} else {
			out.count(1, "model calls have no latency")
		}
		if len(acts) > 0 && acts[0][0].Call.Response.ID == u.ResponseID {
			c.actions, acts = acts[0], acts[1:]
		} else {
			out.count(1, "model calls led to no action")
		}
		out.count(c.failed, "model calls failed and have no token counts; their time is in the gap before the next call")
	}
	out.count(len(late), "model calls failed behind the last counted one and are left out")
	out.count(len(acts), "groups of actions belong to no counted model call and are left out")
	return calls, nil
}

func indexLatency(late []openHandsLatency, id string) int {
	for i := range late {
		if late[i].ResponseID == id {
			return i
		}
	}
	return -1
}

// step fills in a call's step, before which the session was busy until end,
// and returns until when it is busy afterwards.
func (c *openHandsCall) step(s *workloads.Step, before []workloads.Step, end time.Time, results map[int]*openHandsEvent, out *sink) time.Time {
	s.ID = strconv.Itoa(len(before) + 1)
	s.LLM = workloads.LLM{Model: c.usage.Model, OutputTokens: c.usage.Completion, Context: workloads.Context{Add: c.usage.Prompt}}
	var took time.Duration
	if c.latency != nil {
		s.LLM.Recorded = ptr(seconds(*c.latency))
		took = s.LLM.Recorded.D()
	}
	answered, cause := end.Add(took), workloads.CauseTool
	if len(c.actions) > 0 {
		answered = c.actions[0].Timestamp.Time
	}
	if c.failed > 0 || len(c.actions) == 0 {
		cause = workloads.CauseUnknown
	}
	a := workloads.After{Delay: max(0, workloads.Millis(answered.Add(-took).Sub(end))), Cause: cause}
	if n := len(before); n > 0 {
		a.Step = before[n-1].ID
		prompt := before[n-1].LLM.Context.Tokens()
		if c.usage.Prompt >= prompt {
			s.LLM.Context = grown(&before[n-1], c.usage.Prompt, c.usage.Prompt)
		} else {
			out.count(1, "prompts are shorter than the one before; they keep nothing of it")
		}
	}
	s.After = []workloads.After{a}
	var longest time.Duration
	for _, e := range c.actions {
		obs := results[e.ID]
		if obs == nil {
			out.count(1, "actions have no observation (finish, or cut off) and are no tool calls")
			continue
		}
		d := max(0, obs.Timestamp.Sub(e.Timestamp.Time))
		longest = max(longest, d)
		tool := workloads.Tool{Name: e.Call.Function, Duration: workloads.Millis(d), BytesIn: int64(len(e.Args)), BytesOut: int64(len(obs.Content))}
		if obs.Observation == "error" || obs.Success != nil && !*obs.Success {
			tool.Status = "error"
		}
		s.Tools = append(s.Tools, tool)
	}
	return answered.Add(longest)
}
