package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// eventStream writes server-sent events, each a line "data: " with JSON text
// and an empty line after it
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), and flushes
// each, so that a client sees a token when it is made.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // for one event to leave
	buffer  bytes.Buffer
	encoder *json.Encoder
}

// newEventStream starts the response: its status and headers leave at once,
// which tells the client that the request was admitted.
func newEventStream(w http.ResponseWriter, timeout time.Duration) (*eventStream, error) {
	s := &eventStream{w: w, control: http.NewResponseController(w), timeout: timeout}
	s.encoder = json.NewEncoder(&s.buffer)
	s.encoder.SetEscapeHTML(false)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // nginx would hold tokens back
	w.WriteHeader(http.StatusOK)
	return s, s.flush()
}

// send writes one event. An error means that the client is gone, or has read
// nothing for so long that its buffers stayed full over the timeout.
func (s *eventStream) send(v any) error {
	s.buffer.Reset()
	s.buffer.WriteString("data: ")
	if err := s.encoder.Encode(v); err != nil { // ends with a newline
		return err
	}
	s.buffer.WriteByte('\n')
	return s.write(s.buffer.Bytes())
}

// close writes the event that ends an OpenAI stream.
func (s *eventStream) close() error { return s.write([]byte("data: [DONE]\n\n")) }

func (s *eventStream) write(b []byte) error {
	// A writer without deadlines, as tests have, waits for its reader.
	_ = s.control.SetWriteDeadline(time.Now().Add(s.timeout))
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.flush()
}

func (s *eventStream) flush() error { return s.control.Flush() }
