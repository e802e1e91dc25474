package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tierlab/engine"
)

// output is one choice of a response while it is made.
type output struct {
	index  int
	first  bool // the first output of its prompt: it counts the prompt's tokens
	stream *engine.Stream
	tokens int           // taken from it so far
	last   time.Duration // when the latest of them was made
}

// submit hands in all requests of one call, or none: what the engine took
// before it refused one is cancelled.
func (s *Server) submit(ctx context.Context, requests []engine.Request, perPrompt int) ([]output, *apiError) {
	outputs := make([]output, 0, len(requests))
	s.cfg.Metrics.choices.Observe(float64(perPrompt))
	for i, r := range requests {
		s.cfg.Metrics.maxTokens.Observe(float64(r.MaxTokens))
		stream, err := s.cfg.Engine.Submit(ctx, r)
		if err != nil {
			cancelAll(outputs)
			return nil, fromEngine(err)
		}
		outputs = append(outputs, output{index: i, first: i%perPrompt == 0, stream: stream})
	}
	return outputs, nil
}

func cancelAll(outputs []output) {
	for i := range outputs {
		outputs[i].stream.Cancel()
	}
}

// sink takes in what outputs produce.
type sink interface {
	token(o *output, t engine.Token) error
	// end is called once for each output, after its last token.
	end(o *output, why engine.Finish, u engine.Usage) error
}

// collect hands the tokens of all outputs to a sink, in the order in which they
// come, until all have ended. After an error all are cancelled; it is the
// sink's, or that of an output which the engine could not finish.
func (s *Server) collect(outputs []output, to sink) error {
	defer cancelAll(outputs)
	if len(outputs) == 1 {
		o := &outputs[0]
		for {
			t, more := o.stream.Next()
			if err := s.hand(o, t, more, to); err != nil || !more {
				return err
			}
		}
	}
	return s.merge(outputs, to)
}

// part is a token of an output, or its end.
type part struct {
	output *output
	token  engine.Token
	more   bool
}

// merge is collect for several outputs, each read by a goroutine.
func (s *Server) merge(outputs []output, to sink) error {
	parts, stop := make(chan part), make(chan struct{})
	defer close(stop)
	for i := range outputs {
		go func() {
			for more := true; more; {
				p := part{output: &outputs[i]}
				p.token, more = p.output.stream.Next()
				p.more = more
				select {
				case parts <- p:
				case <-stop:
					return
				}
			}
		}()
	}
	for left := len(outputs); left > 0; {
		p := <-parts
		if err := s.hand(p.output, p.token, p.more, to); err != nil {
			return err
		}
		if !p.more {
			left--
		}
	}
	return nil
}

// hand passes a token or an end on and measures the gap before it.
func (s *Server) hand(o *output, t engine.Token, more bool, to sink) error {
	if !more {
		if why := o.stream.Finish(); why != engine.FinishAborted {
			return to.end(o, why, o.stream.Usage())
		}
		return cutOff(o.stream.Err())
	}
	if o.tokens == 0 {
		s.cfg.Metrics.firstToken.Observe((t.At - o.stream.Usage().Arrived).Seconds())
	} else {
		s.cfg.Metrics.betweenTokens.Observe((t.At - o.last).Seconds())
	}
	o.tokens++
	o.last = t.At
	return to.token(o, t)
}

// cutOff words the end of an engine for an output that was under way.
func cutOff(err error) error {
	if errors.Is(err, engine.ErrClosed) {
		return newError(http.StatusServiceUnavailable, typeUnavailable, "draining", "The server shut down before the output was complete.")
	}
	return err
}

// fits refuses a prompt and an output that the context cannot hold, and says
// how long an output may be that names no length.
func (s *Server) fits(prompt []int32, param string, maxTokens *int) (most int, err *apiError) {
	context := s.cfg.Engine.Context()
	most = context - len(prompt)
	switch {
	case maxTokens != nil && *maxTokens > most:
		return 0, contextTooLong(param, len(prompt), *maxTokens, context)
	case most < 1:
		return 0, contextTooLong(param, len(prompt), 1, context)
	}
	return most, nil
}

// note adds what became of a request's outputs to its line in the access log.
func note(w http.ResponseWriter, outputs []output) {
	entry, ok := w.(*logEntry)
	if !ok || len(outputs) == 0 {
		return
	}
	var sum usage
	for i := range outputs {
		sum.add(outputs[i].stream.Usage(), outputs[i].first)
	}
	u := outputs[0].stream.Usage()
	queue, prefill, decode := phases(u)
	entry.more = append(entry.more, "prompt", sum.PromptTokens, "cached", sum.PromptTokensDetails.CachedTokens,
		"output", sum.CompletionTokens, "finish", outputs[0].stream.Finish())
	if outputs[0].stream.Finish() != engine.FinishAborted {
		entry.more = append(entry.more, "queue", queue, "prefill", prefill, "decode", decode)
	}
}
