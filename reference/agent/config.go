package agent

import (
	"errors"
	"fmt"
	"math"
	"time"

	"tierlab/internal/rng"
	"tierlab/workloads"
)

// Config says how sessions behave. It is shared by machines and not changed
// while one uses it. Times that are 0 do not limit.
type Config struct {
	// MaxAttempts bounds the attempts at one model call: the first, retries
	// and fallbacks. Hedges come on top, or a hedged call would give up earlier
	// than one that is not.
	MaxAttempts int
	// The n-th failure of a call is followed by a pause drawn uniformly from
	// [0, min(BackoffMax, BackoffBase * BackoffFactor^(n-1))] ("full jitter").
	BackoffBase   time.Duration
	BackoffFactor float64
	BackoffMax    time.Duration
	// EscalateAtOnce leaves out the pause after an answer that the validator
	// refused: the site is well, only the answer is not.
	EscalateAtOnce bool
	AttemptTimeout time.Duration
	// Validate has a validator check every answer.
	Validate bool
	// StopRefused ends the session when the attempts at a step are exhausted
	// and the validator refused every answer; otherwise the session goes on
	// with the latest answer. A step without any answer always ends it.
	StopRefused bool
	// CommitEach is the output gate: what has happened is durable before a
	// model call or a tool call may follow from it, or a person sees an answer.
	// Where a step's first attempt goes, and what is reserved for it, is part of
	// what is committed before it.
	CommitEach bool
	// BytesPerToken and EventBytes size a commit: EventBytes and the tokens
	// that are new in it.
	BytesPerToken float64
	EventBytes    int64
	// Hedge permits the second attempts that decisions ask for.
	Hedge bool
	// CompactAbove is the prompt length, in tokens, above which the session
	// first summarizes its context into CompactTo tokens; 0: never.
	CompactAbove, CompactTo int
	// MaxOutput caps an answer, in tokens; 0: as recorded.
	MaxOutput int
	// ThinkCap bounds the gaps whose cause is a person, ToolCap all other
	// gaps and (by CapTool, in the driver) recorded tool calls.
	ThinkCap, ToolCap time.Duration
	// Limits apply to every session beside its own budget; the tighter wins.
	Limits workloads.Budget
	// ToolUSD, ValidationUSD, CommitUSD and OrchestrationUSD bound the price of
	// one tool call, validation, commit and Routed. They are reserved before
	// the effect, as Decision.ReserveUSD is for an attempt.
	ToolUSD, ValidationUSD, CommitUSD, OrchestrationUSD float64
}

// DefaultConfig retries as the OpenAI Python client does (0.5 s doubling to 8 s,
// 10 minutes for an attempt; openai-python, _constants.py), with one attempt
// more than its three, and with full jitter (M. Brooker, "Exponential Backoff
// And Jitter", AWS Architecture Blog, 2015).
func DefaultConfig() Config {
	return Config{
		MaxAttempts:    4,
		BackoffBase:    500 * time.Millisecond,
		BackoffFactor:  2,
		BackoffMax:     8 * time.Second,
		AttemptTimeout: 10 * time.Minute,
		BytesPerToken:  4,
		EventBytes:     256,
		Hedge:          true,
	}
}

// Check says what is wrong with c.
func (c *Config) Check() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(c.MaxAttempts < 1, "MaxAttempts is %d, must be at least 1", c.MaxAttempts)
	bad(c.BackoffBase < 0 || c.BackoffMax < 0, "BackoffBase %v and BackoffMax %v must not be negative",
		c.BackoffBase, c.BackoffMax)
	bad(c.BackoffBase > 0 && !(c.BackoffFactor >= 1), "BackoffFactor is %v, must be at least 1", c.BackoffFactor)
	bad(c.AttemptTimeout < 0, "AttemptTimeout is %v, must not be negative", c.AttemptTimeout)
	bad(c.ThinkCap < 0 || c.ToolCap < 0, "ThinkCap %v and ToolCap %v must not be negative", c.ThinkCap, c.ToolCap)
	bad(c.MaxOutput < 0, "MaxOutput is %d, must not be negative", c.MaxOutput)
	bad(c.CompactAbove < 0, "CompactAbove is %d, must not be negative", c.CompactAbove)
	bad(c.CompactAbove > 0 && (c.CompactTo < 1 || c.CompactTo >= c.CompactAbove),
		"CompactTo is %d, must lie between 1 and CompactAbove (%d) - 1", c.CompactTo, c.CompactAbove)
	bad(c.BytesPerToken < 0 || c.EventBytes < 0, "BytesPerToken %v and EventBytes %d must not be negative",
		c.BytesPerToken, c.EventBytes)
	bad(c.Limits.USD < 0 || c.Limits.Steps < 0 || c.Limits.Tokens < 0 || c.Limits.Deadline < 0,
		"Limits must not be negative")
	bad(c.ToolUSD < 0 || c.ValidationUSD < 0 || c.CommitUSD < 0 || c.OrchestrationUSD < 0,
		"ToolUSD, ValidationUSD, CommitUSD and OrchestrationUSD must not be negative")
	return errors.Join(errs...)
}

// CapTool applies ToolCap to a recorded tool call's duration.
func (c *Config) CapTool(d time.Duration) time.Duration { return capped(d, c.ToolCap) }

func capped(d, limit time.Duration) time.Duration {
	if limit > 0 && d > limit {
		return limit
	}
	return d
}

// BackoffBound is the longest pause after the n-th failure of a call, n >= 1.
func (c *Config) BackoffBound(n int) time.Duration {
	if c.BackoffBase <= 0 {
		return 0
	}
	bound := float64(c.BackoffBase) * math.Pow(c.BackoffFactor, float64(n-1))
	if !(bound < float64(c.BackoffMax)) {
		return c.BackoffMax
	}
	return time.Duration(bound)
}

// backoff draws the pause after the n-th failure; draw is keyed by the step
// and the attempt that failed.
func (c *Config) backoff(n int, draw rng.Stream) time.Duration {
	return time.Duration(draw.For(rng.Backoff).Uniform() * float64(c.BackoffBound(n)))
}

// limits combines c's limits with a session's own.
func (c *Config) limits(own *workloads.Budget) workloads.Budget {
	if own == nil {
		return c.Limits
	}
	return workloads.Budget{
		USD:      tighter(c.Limits.USD, own.USD),
		Steps:    tighter(c.Limits.Steps, own.Steps),
		Tokens:   tighter(c.Limits.Tokens, own.Tokens),
		Deadline: tighter(c.Limits.Deadline, own.Deadline),
	}
}

// tighter is the smaller of two limits of which 0 is none.
func tighter[T int | float64 | workloads.Millis](a, b T) T {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}
