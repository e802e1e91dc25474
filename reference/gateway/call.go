package gateway

import (
	"context"
	"errors"
	"net/http"

	"tierlab/engine"
)

// call is one request for outputs and what its response has in common with
// all others.
type call struct {
	id      string
	created int64 // Unix time, in seconds
	model   string
	backend string

	stream       bool
	includeUsage bool
	tokenIDs     bool
	timings      bool
	perPrompt    int

	requests []engine.Request // one for each output
	usage    usage            // of the outputs that have ended
	events   *eventStream     // nil until a stream begins
}

// newCall reads what a request says about its response.
func (s *Server) newCall(prefix string, c *common, requests []engine.Request) *call {
	return &call{
		id: prefix + s.newID(), created: s.now().Unix(), model: s.cfg.Model, backend: s.backend,
		stream:       c.Stream,
		includeUsage: c.StreamOptions != nil && c.StreamOptions.IncludeUsage,
		tokenIDs:     c.ReturnTokenIDs,
		timings:      c.ReturnTimings,
		perPrompt:    c.choices(),
		requests:     requests,
	}
}

// reply makes the response to a call: a stream's chunks as its outputs grow,
// or one body when they have ended.
type reply interface {
	sink
	// whole is the body of a response that is no stream.
	whole() any
	// last is a stream's chunk with the usage.
	last() any
}

// answer runs a call's requests and writes its response.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, c *call, to reply) {
	outputs, fault := s.submit(r.Context(), c.requests, c.perPrompt)
	if fault != nil {
		s.refuse(w, r, fault)
		return
	}
	defer note(w, outputs)
	if c.stream {
		s.answerStream(w, r, c, outputs, to)
		return
	}
	if err := s.collect(outputs, to); err != nil {
		s.refuse(w, r, fromEngine(err))
		return
	}
	writeJSON(w, http.StatusOK, to.whole())
}

// refuse answers with an error, if there is still somebody to read it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, fault *apiError) {
	if r.Context().Err() == nil {
		writeError(w, fault)
	}
}

// answerStream sends each token when it is made. What goes wrong from here on
// is an event, since the status has been sent.
func (s *Server) answerStream(w http.ResponseWriter, r *http.Request, c *call, outputs []output, to reply) {
	var err error
	if c.events, err = newEventStream(w, s.cfg.WriteTimeout); err == nil {
		err = s.collect(outputs, to)
	} else {
		cancelAll(outputs)
	}
	switch {
	case err == nil && c.includeUsage:
		err = c.events.send(to.last())
	case err == nil, r.Context().Err() != nil, errors.Is(err, context.Canceled):
	default:
		err = c.events.send(errorBody{fromEngine(err)})
	}
	if err == nil {
		err = c.events.close()
	}
	if err != nil {
		s.cfg.Log.Debug("the stream ended early", "id", c.id, "error", err)
	}
}

// chunkUsage is the usage field of a stream's ordinary chunks: null where the
// client asked for a usage, which comes last, and otherwise absent.
func (c *call) chunkUsage() any {
	if c.includeUsage {
		return (*usage)(nil)
	}
	return nil
}

// promptIDs are the prompt's tokens, with an output's first token, for a client
// that asked for them.
func (c *call) promptIDs(o *output) []int32 {
	if !c.tokenIDs || o.tokens != 1 {
		return nil
	}
	return c.requests[o.index].Prompt
}

// timingsFor are an output's timings for a client that asked for them: in a
// stream's chunk with the output's end, or in a response with one output.
func (c *call) timingsFor(u engine.Usage) *timings {
	if !c.timings || c.events == nil && len(c.requests) > 1 {
		return nil
	}
	return timingsOf(u)
}
