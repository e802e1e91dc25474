package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// fetchBytes bounds what one fetch asks a replica for.
const fetchBytes = 4 << 20

// wire is the connection and the stream behind it.
type wire struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	name   string
}

// stored is a message as the stream holds it.
type stored struct {
	seq     uint64
	subject string
	data    []byte
}

// getRequest is the body of a direct get for several messages, as the server's
// API has it.
type getRequest struct {
	Seq      uint64 `json:"seq"`
	Next     string `json:"next_by_subj,omitempty"`
	Batch    int    `json:"batch"`
	MaxBytes int    `json:"max_bytes"`
}

// fetch calls each with up to n messages from a sequence on, of one subject or
// of all. The nearest replica answers from what it has applied, which is a prefix
// of what is committed.
func (w *wire) fetch(ctx context.Context, from uint64, subject string, n int, each func(stored) error) error {
	inbox := w.conn.NewInbox()
	sub, err := w.conn.SubscribeSync(inbox)
	if err != nil {
		return &fetchError{err}
	}
	defer sub.Unsubscribe()
	body, err := json.Marshal(getRequest{Seq: from, Next: subject, Batch: n, MaxBytes: fetchBytes})
	if err != nil {
		return &fetchError{err}
	}
	if err := w.conn.PublishRequest("$JS.API.DIRECT.GET."+w.name, inbox, body); err != nil {
		return &fetchError{err}
	}
	for {
		m, more, err := w.next(ctx, sub)
		if err != nil {
			return &fetchError{err}
		}
		if !more {
			return nil
		}
		if err := each(m); err != nil {
			return err
		}
	}
}

// fetchError is a failure of a fetch itself, not of what is done with its messages.
type fetchError struct{ err error }

func (e *fetchError) Error() string { return "jetstream: reading the stream: " + e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

// next is a fetch's next message, if there is one more.
func (w *wire) next(ctx context.Context, sub *nats.Subscription) (stored, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		return stored{}, false, err
	}
	switch status := m.Header.Get("Status"); status {
	case "":
	case "204", "404": // the end of what was asked for; nothing there
		return stored{}, false, nil
	default:
		return stored{}, false, fmt.Errorf("a replica answered %s %s", status, m.Header.Get("Description"))
	}
	number := m.Header.Get(jetstream.SequenceHeader)
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return stored{}, false, fmt.Errorf("a replica's answer has the sequence %q", number)
	}
	return stored{seq, m.Header.Get(jetstream.SubjectHeader), m.Data}, true, nil
}

// get is the message at a sequence, from whichever replica has it.
func (w *wire) get(ctx context.Context, seq uint64) ([]byte, error) {
	var data []byte
	found := false
	err := w.fetch(ctx, seq, "", 1, func(m stored) error {
		if m.seq == seq {
			data, found = m.data, true
		}
		return nil
	})
	if err == nil && found {
		return data, nil
	}
	// The nearest replica may be behind; the stream's leader is not.
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	m, err := w.stream.GetMsg(ctx, seq)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

const (
	// attempt bounds one question to a server.
	attempt = 2 * time.Second
	// writeAttempt bounds one try of a write. One that a leader took along when it
	// stepped down is never answered, and the next try finds its successor.
	writeAttempt = 600 * time.Millisecond
	// answer bounds the wait for a replica's next message. A question may go to a
	// replica that has just been cut off, and the next one to another.
	answer = 500 * time.Millisecond
)

// errMismatch says that the stream refused a write for its expected sequence,
// perhaps because of one that is itself not committed yet.
var errMismatch = errors.New("jetstream: the subject's last sequence is another")

// publish tries once to write to a subject. expect, if not nil, is the stream
// sequence of the subject's last message. After an error other than errMismatch
// the outcome is not known.
func (w *wire) publish(ctx context.Context, subject string, data []byte, expect *uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, writeAttempt)
	defer cancel()
	opts := []jetstream.PublishOpt{jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(w.name)}
	if expect != nil {
		opts = append(opts, jetstream.WithExpectLastSequencePerSubject(*expect))
	}
	ack, err := w.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data}, opts...)
	var api *jetstream.APIError
	if errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return 0, errMismatch
	}
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// pause waits a little before another try.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
