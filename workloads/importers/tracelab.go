package importers

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tierlab/workloads"
)

// traceLab reads the round traces of TraceLab, derived or sanitized: one model
// call ("round") of a coding agent a line, a session's lines together.
//
// The rules:
//
//   - A round is due at its latest input event (user message or tool result)
//     and answered at its latest output event; the time between is the
//     recorded duration of the call, which includes what the client did before
//     it sent the request. Events are stamped when a content block is complete,
//     so there is no time to first token.
//   - Its tool calls run in parallel, each for as long as the trace observed
//     (result_at - emitted_at). A call without a result has no duration.
//   - The gap before the next round runs from the end of the longest tool call
//     to the round's due time. It is human if the round's latest input event
//     is a user message, else tool and client.
//   - prefix_tokens is what the provider found in its cache. A round keeps as
//     many tokens of the round before it; where all but 128 tokens of that
//     round's prompt were found (caches hold whole blocks) and the prompt has
//     not shrunk, all of that prompt is kept. A lapse of the provider's cache
//     thus reads as a branch. What the first round found in the cache came
//     from elsewhere and counts as new.
//   - A session arrives at its first event, since the earliest session's.
//   - A tool call may start while the answer still streams; here it starts
//     with the answer's end, so a gap of less than 0 is taken as 0.
var traceLab = Importer{
	Name:     "tracelab",
	Reads:    "TraceLab round traces (JSON Lines)",
	Example:  "tracelab-examples/example_sessions/derived/round_trace.jsonl",
	suffixes: []string{".jsonl", ".jsonl.gz"},
	origin: workloads.Provenance{
		Source:  "TraceLab round traces (https://github.com/uw-syfi/TraceLab)",
		License: "Apache-2.0 (example sessions), CC-BY-4.0 (full dataset)",
		Method: "import tracelab: a call lasts from its latest input event to its latest output event; tools in parallel; " +
			"gaps before user messages are human; contexts by the provider's cache hits",
	},
	convert: convertTraceLab,
}

type traceLabRound struct {
	Provider  string          `json:"provider"`
	SessionID string          `json:"session_id"`
	Index     *int            `json:"round_index"`
	Model     string          `json:"model"`
	Input     int             `json:"input_tokens_total"`
	Prefix    int             `json:"prefix_tokens"`
	Output    int             `json:"output_tokens"`
	Events    []traceLabEvent `json:"timing_events"`
	Tools     []traceLabTool  `json:"tools"`
}

type traceLabEvent struct {
	Type string    `json:"event_type"`
	At   time.Time `json:"timestamp"`
}

type traceLabTool struct {
	Name        string     `json:"tool_name"`
	EmittedAt   time.Time  `json:"emitted_at"`
	ResultAt    *time.Time `json:"result_at"`
	InputChars  int64      `json:"input_chars"`
	ResultChars int64      `json:"result_chars"`
	IsError     *bool      `json:"is_error"`
}

// cacheGrain is how much of a shared context a provider's cache may miss
// because it holds whole blocks only.
const cacheGrain = 128

func convertTraceLab(files []string, out *sink) error {
	origin, err := traceLabOrigin(files)
	if err != nil {
		return err
	}
	var rounds []traceLabRound
	flush := func() error {
		if len(rounds) == 0 {
			return nil
		}
		err := importTraceLab(rounds, origin, out)
		rounds = nil
		return err
	}
	for _, file := range files {
		err := eachRecord(file, func(r *traceLabRound, place string) error {
			if r.SessionID == "" || r.Index == nil || len(r.Events) == 0 {
				return fmt.Errorf("%s: session_id, round_index or timing_events missing (is this a TraceLab round trace?)", place)
			}
			if r.Input < 0 || r.Prefix < 0 || r.Output < 0 {
				return fmt.Errorf("%s: tokens must not be negative", place)
			}
			if len(rounds) > 0 && rounds[0].SessionID != r.SessionID {
				if err := flush(); err != nil {
					return err
				}
			}
			rounds = append(rounds, *r)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return flush()
}

// traceLabOrigin is the time of the earliest event of all sessions.
func traceLabOrigin(files []string) (origin time.Time, err error) {
	for _, file := range files {
		err = eachRecord(file, func(r *traceLabRound, _ string) error {
			if first, _, _ := r.span(); origin.IsZero() || first.Before(origin) {
				origin = first
			}
			return nil
		})
		if err != nil {
			return origin, err
		}
	}
	return origin, nil
}

func importTraceLab(rounds []traceLabRound, origin time.Time, out *sink) error {
	slices.SortStableFunc(rounds, func(a, b traceLabRound) int { return cmp.Compare(*a.Index, *b.Index) })
	began, _, _ := rounds[0].span()
	arrival := workloads.Millis(began.Sub(origin))
	sess := workloads.Session{ID: rounds[0].SessionID, Arrival: &arrival, Labels: map[string]string{"provider": rounds[0].Provider}}
	steps := make([]workloads.Step, len(rounds))
	var end time.Time
	for i := range rounds {
		r := &rounds[i]
		_, due, answered := r.span()
		s := &steps[i]
		*s = workloads.Step{ID: strconv.Itoa(*r.Index), LLM: workloads.LLM{Model: r.Model, OutputTokens: r.Output,
			Context: workloads.Context{Add: r.Input}, Recorded: ptr(max(0, workloads.Millis(answered.Sub(due))))}}
		if i == 0 {
			out.count(min(r.Prefix, 1), "sessions began with tokens in the provider's cache; those count as new")
			if d := due.Sub(began); d > 0 {
				s.After = []workloads.After{{Delay: workloads.Millis(d), Cause: r.cause()}}
			}
		} else {
			s.After = []workloads.After{{Step: steps[i-1].ID, Delay: max(0, workloads.Millis(due.Sub(end))), Cause: r.cause()}}
			if end.Sub(due) > 100*time.Millisecond {
				out.count(1, "rounds are due over 100 ms before the tools of the one before them end; their gap is taken as 0")
			}
			s.LLM.Context = grown(&steps[i-1], r.Input, r.Prefix)
		}
		end = answered.Add(r.tools(s, out))
	}
	return out.session(&sess, steps)
}

// span is when a round's first event happened, when it was due and when it was
// answered. A round without input events is due at its first event.
func (r *traceLabRound) span() (first, due, answered time.Time) {
	for _, e := range r.Events {
		if first.IsZero() || e.At.Before(first) {
			first = e.At
		}
		at := &answered
		if e.input() {
			at = &due
		}
		if e.At.After(*at) {
			*at = e.At
		}
	}
	if due.IsZero() {
		due = first
	}
	if answered.Before(due) {
		answered = due
	}
	return first, due, answered
}

func (e traceLabEvent) input() bool { return e.Type == "user_message" || e.Type == "tool_result" }

func (r *traceLabRound) cause() workloads.Cause {
	var latest traceLabEvent
	for _, e := range r.Events {
		if e.input() && !e.At.Before(latest.At) {
			latest = e
		}
	}
	switch latest.Type {
	case "user_message":
		return workloads.CauseHuman
	case "tool_result":
		return workloads.CauseTool
	}
	return workloads.CauseUnknown
}

// tools adds a round's tool calls to its step and returns the longest.
func (r *traceLabRound) tools(s *workloads.Step, out *sink) time.Duration {
	var longest time.Duration
	for _, t := range r.Tools {
		tool := workloads.Tool{Name: t.Name, BytesIn: max(0, t.InputChars), BytesOut: max(0, t.ResultChars)}
		if t.IsError != nil && *t.IsError {
			tool.Status = "error"
		}
		if t.ResultAt == nil || t.ResultAt.Before(t.EmittedAt) {
			out.count(1, "tool calls have no result; their duration is taken as 0")
		} else {
			d := t.ResultAt.Sub(t.EmittedAt)
			tool.Duration, longest = workloads.Millis(d), max(longest, d)
		}
		s.Tools = append(s.Tools, tool)
	}
	return longest
}

// grown is the context of a call whose provider found cached of its input
// tokens, all taken to be from the call of base.
func grown(base *workloads.Step, input, cached int) workloads.Context {
	prompt := base.LLM.Context.Tokens()
	keep := min(cached, input, prompt+base.LLM.OutputTokens)
	if input >= prompt && keep+cacheGrain >= prompt {
		keep = max(keep, prompt)
	}
	if keep == 0 {
		return workloads.Context{Add: input}
	}
	return workloads.Context{From: base.ID, Keep: keep, Add: input - keep}
}
