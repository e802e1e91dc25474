package gateway

import (
	"net/http"
	"strings"

	"tierlab/engine"
	"tierlab/engine/tokenizer/chat"
)

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	body, fault := s.readBody(w, r)
	var request chatRequest
	if fault == nil && s.cfg.Template == nil {
		fault = invalid("messages", "The model %s has no chat template: use /v1/completions.", s.cfg.Model)
	}
	if fault == nil {
		fault = decode(body, &request, chatParameters())
	}
	var requests []engine.Request
	if fault == nil {
		requests, fault = s.prepareChat(&request)
	}
	if fault != nil {
		writeError(w, fault)
		return
	}
	c := s.newCall("chatcmpl-", &request.common, requests)
	var calls *chat.CallFormat
	if request.mayCall() {
		format := s.cfg.Template.Calls()
		calls = &format
	}
	s.answer(w, r, c, newChatReply(c, s.logprobs(request.Logprobs), calls, s.newID))
}

// prepareChat checks a request and makes the engine's, one for each output.
func (s *Server) prepareChat(c *chatRequest) ([]engine.Request, *apiError) {
	if err := s.checkCommon(&c.common); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	prompt, err := s.chatPrompt(&c.conversation, c.ToolChoice.mode != chooseNone)
	if err != nil {
		return nil, err
	}
	one := c.request()
	one.Prompt = prompt
	one.StopIDs = append(one.StopIDs, chat.StopIDs(s.cfg.Template, s.cfg.Engine.Tokenizer())...)
	if c.Logprobs {
		one.Logprobs = 0
		if c.TopLogprobs != nil {
			one.Logprobs = *c.TopLogprobs
		}
	}
	if one.MaxTokens, err = s.chatLength(c, prompt); err != nil {
		return nil, err
	}
	start, err := s.chatGrammar(c, one.MaxTokens)
	if err != nil {
		return nil, err
	}
	requests := repeat(one, c.choices())
	for i := range requests {
		if start == nil {
			break
		}
		var short error
		if requests[i].Grammar, short = start(); short != nil {
			return nil, invalid("max_tokens", "max_tokens: %v.", short)
		}
	}
	return requests, nil
}

// chatPrompt writes a conversation as the model's prompt.
func (s *Server) chatPrompt(c *conversation, tools bool) ([]int32, *apiError) {
	conversation, fault := c.write(tools)
	if fault != nil {
		return nil, fault
	}
	prompt, err := chat.Encode(nil, s.cfg.Template, s.cfg.Engine.Tokenizer(), conversation)
	if err != nil {
		param, _, _ := strings.Cut(err.Error(), ":") // the template's errors begin with the field
		return nil, invalid(param, "%v.", err)
	}
	return prompt, nil
}

// chatLength is how long an output may be: by default, what the context holds.
func (s *Server) chatLength(c *chatRequest, prompt []int32) (int, *apiError) {
	length := c.MaxCompletionTokens
	if length == nil {
		length = c.MaxTokens
	}
	if c.ForceTokens != nil {
		n := len(c.ForceTokens)
		length = &n
	}
	most, err := s.fits(prompt, "messages", length)
	if err != nil {
		return 0, err
	}
	if length == nil {
		return most, nil
	}
	return *length, nil
}
