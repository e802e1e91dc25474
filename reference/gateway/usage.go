package gateway

import (
	"time"

	"tierlab/engine"
)

// usage counts a response's tokens.
type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`

	PromptTokensDetails promptDetails `json:"prompt_tokens_details"`
}

type promptDetails struct {
	CachedTokens int `json:"cached_tokens"`
}

// add counts one output. A prompt counts once, with its first output.
func (u *usage) add(v engine.Usage, firstOfPrompt bool) {
	if firstOfPrompt {
		u.PromptTokens += v.Prompt
		u.PromptTokensDetails.CachedTokens += v.Cached
	}
	u.CompletionTokens += v.Output
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
}

// timings are the engine's own figures of one output, in milliseconds by its
// clock. A client that measures tells its network and this server's HTTP from
// the engine by them.
type timings struct {
	Queue     float64 `json:"queue_ms"`   // submitted to first planned
	Prefill   float64 `json:"prefill_ms"` // to the first token
	Decode    float64 `json:"decode_ms"`  // from there to the last
	Prompt    int     `json:"prompt_tokens"`
	Cached    int     `json:"cached_tokens"`
	Output    int     `json:"output_tokens"`
	Preempted int     `json:"preempted"`
}

func timingsOf(u engine.Usage) *timings {
	queue, prefill, decode := phases(u)
	return &timings{
		Queue: milliseconds(queue), Prefill: milliseconds(prefill), Decode: milliseconds(decode),
		Prompt: u.Prompt, Cached: u.Cached, Output: u.Output, Preempted: u.Preempted,
	}
}

// phases splits the time of a finished output.
func phases(u engine.Usage) (queue, prefill, decode time.Duration) {
	return u.Started - u.Arrived, u.First - u.Started, u.Done - u.First
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
