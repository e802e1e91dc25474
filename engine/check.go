package engine

// check refuses what can never be served. It looks at each token once.
func (e *Engine) check(r *Request) error {
	limit := e.Context()
	out := r.MaxTokens
	if len(r.Forced) > 0 {
		if out != 0 && out != len(r.Forced) {
			return badParam("max_tokens", "max_tokens is %d, but %d tokens are forced; leave it out", out, len(r.Forced))
		}
		out = len(r.Forced)
	}
	switch {
	case len(r.Prompt) == 0:
		return badParam("prompt", "the prompt is empty; it must have at least one token")
	case len(r.Prompt) >= limit:
		return badParam("prompt", "the prompt has %d tokens; the context holds %d, at least one token of output among them", len(r.Prompt), limit)
	case out < 1:
		return badParam("max_tokens", "max_tokens is %d; it must be at least 1", out)
	case out > limit-len(r.Prompt):
		return badParam("max_tokens", "max_tokens is %d; after a prompt of %d tokens the context of %d leaves room for %d", out, len(r.Prompt), limit, limit-len(r.Prompt))
	}
	if err := e.checkTokens(r); err != nil {
		return err
	}
	if err := r.Params.Validate(); err != nil {
		return asRequestError(err)
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
				return badParam(list.param, "%s: token %d is the id %d; ids are from 0 to %d", list.param, i, id, e.caps.Vocab-1)
			}
		}
	}
	return nil
}

func (e *Engine) checkEnd(r *Request) error {
	if r.Logprobs > e.caps.Vocab {
		return badParam("logprobs", "logprobs is %d; there are %d tokens", r.Logprobs, e.caps.Vocab)
	}
	if len(r.Forced) > 0 && r.Grammar != nil {
		return badParam("response_format", "response_format: forced tokens leave a grammar nothing to choose")
	}
	if r.KeepFor < 0 {
		return badParam("keep_for", "keep_for is %v; it must not be negative", r.KeepFor)
	}
	if len(r.Stop) > 0 && e.cfg.Tokenizer == nil {
		return badParam("stop", "stop needs text, and there is no tokenizer")
	}
	return nil
}
