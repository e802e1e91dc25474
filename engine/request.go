package engine

import (
	"time"

	"tierlab/engine/sample"
)

// Request is one model call. Submit copies what it keeps, except for Grammar.
type Request struct {
	Prompt    []int32 // at least one token
	MaxTokens int     // of the output; at least 1
	sample.Params

	// Forced are the output's tokens, as a replay has recorded them: they run
	// through the model and come out whatever its logits say, over
	// end-of-sequence tokens and stop strings. MaxTokens is their number, or 0.
	Forced []int32
	// IgnoreEnd goes on to MaxTokens over end-of-sequence tokens and stop
	// strings.
	IgnoreEnd bool
	Stop      []string // ends the output before the first of these; they are not part of it
	StopIDs   []int32  // tokens that end the output, beside the model's own
	// Grammar, if not nil, says which tokens may come next.
	Grammar Grammar
	// Logprobs asks for log-probabilities of the chosen token and of that many
	// others; negative: none.
	Logprobs int
	// Logits asks for each token's row of logits; for tests and golden vectors.
	Logits bool

	Session  string // calls of one session share a place in the queue's order; "": a session of its own
	Tenant   string // contexts of different tenants share no cache, and their sessions are different ones
	Priority uint8  // a larger one is more urgent
	// KeepFor asks to retain the context for that long after the call, as over
	// a tool call.
	KeepFor time.Duration
}

// Grammar constrains an output. It follows one output and is not shared.
type Grammar interface {
	// Mask sets in dst the bit of each token that may come next (bit t%64 of
	// word t/64) and clears all others.
	Mask(dst []uint64)
	// Accept moves on by a token that the mask allowed.
	Accept(token int32) error
	// Done says that the output is complete, so that only an end may follow.
	Done() bool
}

// Token is a part of an output.
type Token struct {
	ID int32
	// Text is what the output's text grew by: whole characters, so it may be
	// empty, and nothing of a stop string.
	Text    string
	At      time.Duration // since the engine's start, when the token was committed
	Logprob float32
	Top     []sample.Logprob
	Logits  []float32
}

// Finish is why an output ended.
type Finish string

// The reasons, as the OpenAI API names them. Aborted is ours: the caller went
// away, or the engine stopped.
const (
	FinishStop    Finish = "stop"
	FinishLength  Finish = "length"
	FinishAborted Finish = "abort"
)

// Usage counts a request's tokens and times.
type Usage struct {
	Prompt, Cached, Output int // Cached: of Prompt, found in the cache

	Arrived, Started, First, Done time.Duration // since the engine's start
	Preempted                     int           // how often it lost its memory
}
