package engine

import (
	"math"
)

// check refuses what can never be served. It looks at each token once.
func (e *Engine) check(r *Request) error {
	limit := e.Context()
	out := r.MaxTokens
	if len(r.Forced) > 0 {
		if out != 0 && out != len(r.Forced) {
			return badParam("max_tokens", "%d tokens are forced, so it cannot be %d", len(r.Forced), out)
		}
		out = len(r.Forced)
	}
	switch {
	case len(r.Prompt) == 0:
		return badParam("prompt", "it is empty: it has at least one token")
	case len(r.Prompt) >= limit:
		return badParam("prompt", "it has %d tokens; the context holds %d, at least one of output included", len(r.Prompt), limit)
	case out < 1:
		return badParam("max_tokens", "%d is not above 0", out)
	case out > limit-len(r.Prompt):
		return badParam("max_tokens", "%d tokens of output after %d of prompt exceed the context of %d tokens: at most %d", out, len(r.Prompt), limit, limit-len(r.Prompt))
	}
	if err := e.checkTokens(r); err != nil {
		return err
	}
	if err := checkParams(r); err != nil {
		return err
	}
	return e.checkEnd(r)
}

func (e *Engine) checkTokens(r *Request) error {
	for _, list := range []struct {
		param string
		ids   []int32
	}{{"prompt", r.Prompt}, {"forced", r.Forced}, {"stop_token_ids", r.StopIDs}} {
		for i, id := range list.ids {
			if id < 0 || int(id) >= e.caps.Vocab {
				return badParam(list.param, "token %d of it is %d, outside the vocabulary of %d", i, id, e.caps.Vocab)
			}
		}
	}
	return nil
}

func checkParams(r *Request) error {
	within := func(v float32, most float64) bool { return v >= 0 && float64(v) <= most } // not NaN
	switch {
	case !within(r.Temperature, math.MaxFloat32):
		return badParam("temperature", "%v is not a number of 0 or more", r.Temperature)
	case r.TopK < 0:
		return badParam("top_k", "%d is below 0", r.TopK)
	case !within(r.TopP, 1):
		return badParam("top_p", "%v is not between 0 and 1", r.TopP)
	case !within(r.MinP, 1):
		return badParam("min_p", "%v is not between 0 and 1", r.MinP)
	case r.KeepFor < 0:
		return badParam("keep_for", "%v is below 0", r.KeepFor)
	}
	return nil
}

func (e *Engine) checkEnd(r *Request) error {
	if r.Logprobs > e.caps.Vocab {
		return badParam("logprobs", "%d is above the vocabulary of %d", r.Logprobs, e.caps.Vocab)
	}
	if len(r.Forced) > 0 && r.Grammar != nil {
		return badParam("response_format", "forced tokens leave a grammar nothing to choose")
	}
	for _, s := range r.Stop {
		if s == "" {
			return badParam("stop", "a stop string has at least one byte")
		}
	}
	if len(r.Stop) > 0 && e.cfg.Tokenizer == nil {
		return badParam("stop", "there is no tokenizer, so no text to stop at")
	}
	return nil
}
