package gateway

import (
	"net/http"

	"tierlab/engine"
)

// completionRequest is the body of POST /v1/completions.
type completionRequest struct {
	common
	Prompt           prompts `json:"prompt"`
	Logprobs         *int    `json:"logprobs"`
	AddSpecialTokens *bool   `json:"add_special_tokens"`
}

// defaultCompletionTokens is OpenAI's.
const defaultCompletionTokens = 16

func (s *Server) completions(w http.ResponseWriter, r *http.Request) {
	body, fault := s.readBody(w, r)
	var request completionRequest
	if fault == nil {
		fault = decode(body, &request, completionParameters())
	}
	var requests []engine.Request
	if fault == nil {
		requests, fault = s.prepareCompletion(&request)
	}
	if fault != nil {
		writeError(w, fault)
		return
	}
	c := s.newCall("cmpl-", &request.common, requests)
	s.answer(w, r, c, newCompletionReply(c, s.logprobs(request.Logprobs != nil)))
}

// prepareCompletion checks a request and makes the engine's, one for each
// output.
func (s *Server) prepareCompletion(c *completionRequest) ([]engine.Request, *apiError) {
	if err := s.checkCompletion(c); err != nil {
		return nil, err
	}
	if len(c.Prompt)*c.choices() > maxChoices {
		return nil, invalid("prompt", "The request has %d prompts and asks for %d outputs of each: at most %d outputs are made at once.",
			len(c.Prompt), c.choices(), maxChoices)
	}
	base := c.request()
	if c.Logprobs != nil {
		base.Logprobs = *c.Logprobs
	}
	var requests []engine.Request
	for _, p := range c.Prompt {
		prompt, err := s.promptTokens(p, c.AddSpecialTokens)
		if err != nil {
			return nil, err
		}
		one := base
		one.Prompt = prompt
		if one.MaxTokens, err = s.completionLength(c, prompt); err != nil {
			return nil, err
		}
		requests = append(requests, repeat(one, c.choices())...)
	}
	return requests, nil
}

func (s *Server) checkCompletion(c *completionRequest) *apiError {
	if err := s.checkCommon(&c.common); err != nil {
		return err
	}
	if err := within("logprobs", c.Logprobs, 0, maxTopLogprobs); err != nil {
		return err
	}
	switch {
	case len(c.Prompt) == 0:
		return invalid("prompt", "prompt is missing or empty.")
	case c.ForceTokens != nil && len(c.Prompt) > 1:
		return invalid("force_tokens", "force_tokens goes with one prompt; there are %d.", len(c.Prompt))
	}
	return nil
}

// promptTokens are a prompt's tokens: text begins with the model's first token
// unless the client says otherwise, ids are taken as they are.
func (s *Server) promptTokens(p prompt, addSpecial *bool) ([]int32, *apiError) {
	ids := p.tokens
	if ids == nil {
		ids = s.encode(p.text, addSpecial)
	}
	if len(ids) == 0 {
		return nil, invalid("prompt", "A prompt must have at least one token.")
	}
	return ids, s.checkTokens("prompt", ids)
}

// checkTokens refuses ids that no token has.
func (s *Server) checkTokens(param string, ids []int32) *apiError {
	vocab := s.cfg.Engine.Caps().Vocab
	for i, id := range ids {
		if id < 0 || int(id) >= vocab {
			return invalid(param, "%s: token %d is %d; the vocabulary has the ids 0 to %d.", param, i, id, vocab-1)
		}
	}
	return nil
}

// completionLength is how long an output may be.
func (s *Server) completionLength(c *completionRequest, prompt []int32) (int, *apiError) {
	length := c.MaxTokens
	if c.ForceTokens != nil {
		n := len(c.ForceTokens)
		length = &n
	}
	most, err := s.fits(prompt, "prompt", length)
	if err != nil {
		return 0, err
	}
	if length == nil {
		return min(most, defaultCompletionTokens), nil
	}
	return *length, nil
}

// repeat is one request n times, each with a stream of random numbers of its
// own. The first has the client's seed.
func repeat(r engine.Request, n int) []engine.Request {
	list := make([]engine.Request, n)
	for i := range list {
		list[i] = r
		list[i].Seed += uint64(i) * goldenStep
	}
	return list
}

// goldenStep is 2^64 over the golden ratio, rounded to odd: its multiples are
// far apart, so that seeds next to each other give no stream twice.
const goldenStep = 0x9e3779b97f4a7c15
