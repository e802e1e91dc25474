package gateway

import (
	"math"
	"math/rand/v2"
	"time"

	"tierlab/engine"
	"tierlab/engine/sample"
)

// common are the parameters that chat and completion requests share. A pointer
// is nil where a parameter was left out.
type common struct {
	Model  *string `json:"model"`
	N      *int    `json:"n"`
	Stream bool    `json:"stream"`

	StreamOptions *streamOptions `json:"stream_options"`

	MaxTokens   *int       `json:"max_tokens"`
	Temperature *float64   `json:"temperature"`
	TopP        *float64   `json:"top_p"`
	Seed        *int64     `json:"seed"`
	Stop        stringList `json:"stop"`

	// As vLLM has them.
	TopK           *int     `json:"top_k"`
	MinP           *float64 `json:"min_p"`
	IgnoreEOS      bool     `json:"ignore_eos"`
	StopTokenIDs   []int32  `json:"stop_token_ids"`
	Priority       int      `json:"priority"`
	CacheSalt      string   `json:"cache_salt"`
	ReturnTokenIDs bool     `json:"return_token_ids"`

	// Ours.
	Session     string  `json:"session"`
	KeepMS      int64   `json:"keep_ms"`
	ForceTokens []int32 `json:"force_tokens"`

	ReturnTimings bool `json:"return_timings"`
}

// streamOptions say what a stream carries beside its text.
type streamOptions struct {
	// IncludeUsage adds a chunk with the usage before the end.
	IncludeUsage bool `json:"include_usage"`
	// IncludeObfuscation asks for padding against an eavesdropper who counts
	// bytes. It is not done, and no client can tell.
	IncludeObfuscation bool `json:"include_obfuscation"`
}

// The bounds on what one request may ask for.
const (
	maxChoices     = 128 // prompts x n
	maxStops       = 16
	maxTopLogprobs = 20
	maxKeep        = time.Hour
	maxNameLength  = 256 // of a session and of a cache salt, in bytes

	// basePriority is what a request of priority 0 has in the engine, where
	// larger is more urgent and nothing is negative.
	basePriority = 128
)

// checkCommon refuses what no request of either kind may say.
func (s *Server) checkCommon(c *common) *apiError {
	if err := s.checkModel(c.Model); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := s.checkTokens("force_tokens", c.ForceTokens); err != nil {
		return err
	}
	return s.checkTokens("stop_token_ids", c.StopTokenIDs)
}

// check refuses values out of range.
func (c *common) check() *apiError {
	for _, e := range []*apiError{
		c.checkStreaming(),
		within("n", c.N, 1, maxChoices),
		within("max_tokens", c.MaxTokens, 1, math.MaxInt32),
		within("temperature", c.Temperature, 0, 2),
		within("min_p", c.MinP, 0, 1),
		within("top_k", c.TopK, -1, math.MaxInt32),
		within("priority", &c.Priority, basePriority-math.MaxUint8, basePriority),
		within("keep_ms", &c.KeepMS, 0, maxKeep.Milliseconds()),
		c.checkTopP(),
		c.checkStops(),
		shortName("session", c.Session),
		shortName("cache_salt", c.CacheSalt),
		c.checkForced(),
	} {
		if e != nil {
			return e
		}
	}
	return nil
}

func (c *common) checkStreaming() *apiError {
	if c.StreamOptions != nil && !c.Stream {
		return invalid("stream_options", "stream_options is only for requests with stream set to true.")
	}
	return nil
}

func (c *common) checkTopP() *apiError {
	if c.TopP != nil && !(*c.TopP > 0 && *c.TopP <= 1) {
		return invalid("top_p", "top_p must be above 0 and at most 1; it is %v.", *c.TopP)
	}
	return nil
}

func (c *common) checkStops() *apiError {
	if len(c.Stop) > maxStops {
		return invalid("stop", "stop takes at most %d strings; it has %d.", maxStops, len(c.Stop))
	}
	for _, s := range c.Stop {
		if s == "" {
			return invalid("stop", "A stop string cannot be empty.")
		}
	}
	return nil
}

func (c *common) checkForced() *apiError {
	if c.ForceTokens == nil {
		return nil
	}
	switch {
	case len(c.ForceTokens) == 0:
		return invalid("force_tokens", "force_tokens must hold at least one token.")
	case c.MaxTokens != nil && *c.MaxTokens != len(c.ForceTokens):
		return invalid("max_tokens", "max_tokens is %d and force_tokens has %d tokens: leave max_tokens out.", *c.MaxTokens, len(c.ForceTokens))
	case c.choices() > 1:
		return invalid("force_tokens", "force_tokens goes with one choice; n is %d.", c.choices())
	}
	return nil
}

// within refuses a number outside [low, high]; nil passes.
func within[T int | int64 | float64](param string, v *T, low, high T) *apiError {
	if v != nil && (*v < low || *v > high) {
		return invalid(param, "%s must be from %v to %v; it is %v.", param, low, high, *v)
	}
	return nil
}

func shortName(param, v string) *apiError {
	if len(v) > maxNameLength {
		return invalid(param, "%s may have %d bytes; it has %d.", param, maxNameLength, len(v))
	}
	return nil
}

// choices is how many outputs each prompt gets.
func (c *common) choices() int {
	if c.N == nil {
		return 1
	}
	return *c.N
}

// request is the engine's request but for its prompt, its length and its
// grammar. Without a seed, one is drawn.
func (c *common) request() engine.Request {
	r := engine.Request{
		Params:    sample.Params{Temperature: 1, TopP: 1, Seed: rand.Uint64()},
		Forced:    c.ForceTokens,
		IgnoreEnd: c.IgnoreEOS,
		Stop:      c.Stop,
		StopIDs:   c.StopTokenIDs,
		Logprobs:  -1,
		Session:   c.Session,
		Tenant:    c.CacheSalt,
		Priority:  uint8(basePriority - c.Priority),
		KeepFor:   time.Duration(c.KeepMS) * time.Millisecond,
	}
	if c.Temperature != nil {
		r.Temperature = float32(*c.Temperature)
	}
	if c.TopP != nil {
		r.TopP = float32(*c.TopP)
	}
	if c.TopK != nil {
		r.TopK = max(*c.TopK, 0) // -1 and 0 keep all
	}
	if c.MinP != nil {
		r.MinP = float32(*c.MinP)
	}
	if c.Seed != nil {
		r.Seed = uint64(*c.Seed)
	}
	return r
}
