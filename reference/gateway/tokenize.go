package gateway

import (
	"net/http"

	"tierlab/engine/tokenizer"
)

// tokenizeRequest is the body of POST /tokenize, as vLLM has it: a prompt, or
// a conversation.
type tokenizeRequest struct {
	Model  *string `json:"model"`
	Prompt *string `json:"prompt"`
	conversation
	AddSpecialTokens *bool `json:"add_special_tokens"`
	ReturnTokenStrs  bool  `json:"return_token_strs"`
}

type tokenized struct {
	Count       int      `json:"count"`
	MaxModelLen int      `json:"max_model_len"`
	Tokens      []int32  `json:"tokens"`
	TokenStrs   []string `json:"token_strs"` // null unless asked for
}

func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) {
	body, fault := s.readBody(w, r)
	var request tokenizeRequest
	if fault == nil {
		fault = decode(body, &request, tokenizeParameters())
	}
	var ids []int32
	if fault == nil {
		ids, fault = s.tokenIDs(&request)
	}
	if fault != nil {
		writeError(w, fault)
		return
	}
	answer := tokenized{Count: len(ids), MaxModelLen: s.cfg.Engine.Context(), Tokens: ids}
	if request.ReturnTokenStrs {
		answer.TokenStrs = s.spell(ids)
	}
	writeJSON(w, http.StatusOK, answer)
}

// tokenIDs are a request's tokens.
func (s *Server) tokenIDs(t *tokenizeRequest) ([]int32, *apiError) {
	if err := s.checkModel(t.Model); err != nil {
		return nil, err
	}
	switch {
	case t.Messages != nil && t.Prompt != nil:
		return nil, invalid("prompt", "The request has a prompt and messages: send one of them.")
	case t.Messages != nil && s.cfg.Template == nil:
		return nil, invalid("messages", "The model %s has no chat template.", s.cfg.Model)
	case t.Messages != nil:
		return s.chatPrompt(&t.conversation, true)
	case t.Prompt == nil:
		return nil, invalid("prompt", "The request has neither a prompt nor messages.")
	}
	return s.encode(*t.Prompt, t.AddSpecialTokens), nil
}

// encode is a text's tokens, after the model's first token unless the client
// says otherwise.
func (s *Server) encode(text string, addSpecial *bool) []int32 {
	ids := []int32{}
	if addSpecial == nil || *addSpecial {
		ids = append(ids, s.cfg.Begin...)
	}
	return s.cfg.Engine.Tokenizer().Encode(ids, text, true)
}

// spell is the text of each token by itself.
func (s *Server) spell(ids []int32) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = whole(s.cfg.Engine.Tokenizer().Bytes(nil, id))
	}
	return list
}

// whole is the text of bytes, with U+FFFD for what is no whole character.
func whole(b []byte) string {
	var d tokenizer.Decoder
	return string(d.Flush(d.Append(nil, b)))
}

// detokenizeRequest is the body of POST /detokenize, as vLLM has it.
type detokenizeRequest struct {
	Model  *string `json:"model"`
	Tokens []int32 `json:"tokens"`
}

type detokenized struct {
	Prompt string `json:"prompt"`
}

func (s *Server) detokenize(w http.ResponseWriter, r *http.Request) {
	body, fault := s.readBody(w, r)
	var request detokenizeRequest
	if fault == nil {
		fault = decode(body, &request, parameters{})
	}
	if fault == nil {
		fault = s.checkModel(request.Model)
	}
	if fault == nil && request.Tokens == nil {
		fault = invalid("tokens", "tokens is missing.")
	}
	if fault == nil {
		fault = s.checkTokens("tokens", request.Tokens)
	}
	if fault != nil {
		writeError(w, fault)
		return
	}
	var text []byte // with the special tokens, unlike an output's
	for _, id := range request.Tokens {
		text = s.cfg.Engine.Tokenizer().Bytes(text, id)
	}
	writeJSON(w, http.StatusOK, detokenized{whole(text)})
}
