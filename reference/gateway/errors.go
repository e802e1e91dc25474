package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"tierlab/engine"
)

// apiError is a failure in OpenAI's shape, with its HTTP status.
type apiError struct {
	status int

	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"` // null where no parameter is at fault
	Code    *string `json:"code"`
}

func (e *apiError) Error() string { return e.Message }

// errorBody is how an error travels, as a response and as an event.
type errorBody struct {
	Error *apiError `json:"error"`
}

// The types of errors, as OpenAI has them.
const (
	typeInvalid     = "invalid_request_error"
	typeAuth        = "authentication_error"
	typeNotFound    = "not_found_error"
	typeRateLimit   = "rate_limit_exceeded"
	typeUnavailable = "service_unavailable"
	typeServer      = "server_error"
)

// newError makes an error that no parameter caused.
func newError(status int, kind, code, format string, args ...any) *apiError {
	e := &apiError{status: status, Type: kind, Message: short(fmt.Sprintf(format, args...))}
	if code != "" {
		e.Code = &code
	}
	return e
}

// maxMessage bounds what an error repeats of a request, in bytes.
const maxMessage = 1000

func short(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "..."
}

// invalid is a 400 that names its parameter.
func invalid(param, format string, args ...any) *apiError {
	e := newError(http.StatusBadRequest, typeInvalid, "", format, args...)
	if param != "" {
		e.Param = &param
	}
	return e
}

// unsupported refuses a parameter that would change the output and is not done.
func unsupported(param, format string, args ...any) *apiError {
	e := invalid(param, format, args...)
	code := "unsupported_parameter"
	e.Code = &code
	return e
}

// contextTooLong has the code by which clients know to shorten a conversation.
func contextTooLong(param string, prompt, output, context int) *apiError {
	e := invalid(param, "This model's maximum context length is %d tokens; the prompt has %d and the output may have %d. Shorten the prompt or lower max_tokens.",
		context, prompt, output)
	code := "context_length_exceeded"
	e.Code = &code
	return e
}

// fromEngine words what the engine refused or failed with.
func fromEngine(err error) *apiError {
	var request *engine.RequestError
	var api *apiError
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &request):
		return invalid(request.Param, "%s", request.Message)
	case errors.Is(err, engine.ErrFull):
		return newError(http.StatusTooManyRequests, typeRateLimit, "rate_limit_exceeded",
			"The engine's queue is full; try again later.")
	case errors.Is(err, engine.ErrDraining), errors.Is(err, engine.ErrClosed):
		return draining()
	}
	return newError(http.StatusInternalServerError, typeServer, "engine_error", "The engine failed: %v", err)
}

func draining() *apiError {
	return newError(http.StatusServiceUnavailable, typeUnavailable, "draining",
		"The server is shutting down and takes no new requests.")
}

// retryAfter is what a refused client is told to wait, in seconds. A place
// becomes free when some request ends; when that is, nobody knows, so it is
// the least that the header can say.
const retryAfter = "1"

// writeError answers with an error, unless the response has begun.
func writeError(w http.ResponseWriter, e *apiError) {
	if e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, e.status, errorBody{e})
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // tokens such as <|im_end|> stay readable
	if err := e.Encode(v); err != nil {
		panic(err) // only a value that JSON cannot hold, which no response has
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A failed write means that the client went away; there is nobody to tell.
	_, _ = w.Write(body.Bytes())
}
