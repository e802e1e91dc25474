package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/reference/sandbox/internal/border"
)

// liar is a child that sends what it likes: it has no process, only pipes.
type liar struct {
	once   sync.Once
	exited chan struct{}
}

func (l *liar) kill()                         { l.once.Do(func() { close(l.exited) }) }
func (l *liar) post() (string, time.Duration) { return "liar", 0 }

// lie runs a program on a child that sends says, and then closes its end, or
// keeps silent. Requests are read and dropped.
func lie(t testing.TB, says []byte, silent bool, r *Run) (*Result, bool, error) {
	t.Helper()
	requestsIn, requests, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	replies, repliesOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{exited: make(chan struct{})}
	w := &worker{process: l, requests: requests, replies: replies, frames: border.NewReader(replies),
		exited: l.exited, released: make(chan bool, 1), stderr: new(opening)}
	var pipes sync.WaitGroup
	pipes.Go(func() { io.Copy(io.Discard, requestsIn) })
	pipes.Go(func() {
		repliesOut.Write(says)
		if silent {
			<-l.exited
		}
		repliesOut.Close()
	})
	result, err := w.run(t.Context(), context.Background(), r)
	good := <-w.released
	l.kill()
	closeAll([]*os.File{requests, replies})
	pipes.Wait()
	requestsIn.Close()
	return result, good, err
}

func frames(messages ...any) (all []byte) {
	for _, m := range messages {
		switch m := m.(type) {
		case string:
			all = append(all, border.Close(append(border.Frame(nil, border.KindOutput), m...))...)
		case interface{ Append([]byte) []byte }:
			all = append(all, m.Append(nil)...)
		}
	}
	return all
}

func limited(calls *int) *Run {
	return &Run{
		Language: JavaScript,
		Limits:   Limits{Wall: 50 * time.Millisecond, Memory: 1, Stack: 1, Output: 10, HostCalls: 2, HostBytes: 20},
		Hosts:    []string{"f"},
		Host: func(_ context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
			*calls++
			return json.RawMessage(`"` + strings.Repeat("x", len(args)) + `"`), nil
		},
	}
}

// TestLies sends what a compromised child might.
func TestLies(t *testing.T) {
	call := &border.Call{Name: "f", Args: []byte(`[1]`)}
	done := &border.Done{Value: []byte(`1`)}
	for _, c := range []struct {
		name   string
		says   []byte
		silent bool
		want   string // value, or the fault
		calls  int
		good   bool
	}{
		{"the truth", frames("out", call, done), true, "1", 1, true},
		{"nothing", nil, true, "wall: the program ran longer than 50ms", 0, false},
		{"the end", nil, false, "crash: the child ended: liar", 0, false},
		{"half a frame", frames(done)[:7], false, "crash: the child ended: liar", 0, false},
		{"half a frame and silence", frames(done)[:7], true, "wall:", 0, false},
		{"a frame of 4 GiB", []byte{0xff, 0xff, 0xff, 0xff, 'D'}, true, "crash: broken protocol:", 0, false},
		{"garbage", bytes.Repeat([]byte{0xa5}, 1000), true, "crash: broken protocol:", 0, false},
		{"too much output", frames("0123456789", "0"), true, "crash: broken protocol:", 0, false},
		{"output and a value that is too long", frames("0123456789", done), true, "crash: broken protocol: a value with more bytes than are left", 0, false},
		{"a call too many", frames(call, call, call), true, "crash: broken protocol: a frame of kind 'C', out of turn", 2, false},
		{"calls with too many bytes", frames(&border.Call{Name: "f", Args: []byte(`"0123456789012345678"`)}), true, "crash: broken protocol: a call with more bytes than are left", 0, false},
		{"a call that was not granted", frames(&border.Call{Name: "g", Args: []byte(`1`)}), true, "crash: broken protocol: a call of \"g\", which was not granted", 0, false},
		{"a call without JSON", frames(&border.Call{Name: "f", Args: []byte(`{`)}), true, "crash: broken protocol: a call of \"f\" whose arguments are no JSON value", 0, false},
		{"on after the bytes are used up", frames(&border.Call{Name: "f", Args: []byte(`"0123456789"`)}, call), true, "crash: broken protocol: a frame of kind 'C', out of turn", 1, false},
		{"a value after the bytes are used up", frames(&border.Call{Name: "f", Args: []byte(`"0123456789"`)}, done), true, "crash: broken protocol: a value from a run that was ended", 1, false},
		{"a value without JSON", frames(&border.Done{Value: []byte(`{`)}), true, "crash: broken protocol: a value that is no JSON", 0, false},
		{"no value", frames(&border.Done{}), true, "crash: broken protocol: a value that is no JSON", 0, false},
		{"a value and a fault", frames(&border.Done{Value: []byte(`1`), Fault: "thrown"}), true, "crash: broken protocol: a value beside a fault", 0, false},
		{"a fault of this side", frames(&border.Done{Fault: "wall"}), true, "crash: broken protocol: no fault is called \"wall\"", 0, false},
		{"time below zero", frames(&border.Done{Value: []byte(`1`), CPU: -1}), true, "crash: broken protocol: a figure below zero", 0, false},
		{"ready in a run", frames(&border.Ready{}), true, "crash: broken protocol: a frame of kind 'R', out of turn", 0, false},
		{"a pool's message", frames(&border.Answer{}), true, "crash: broken protocol: a frame of kind 'A', out of turn", 0, false},
	} {
		calls := 0
		r, good, err := lie(t, c.says, c.silent, limited(&calls))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := string(r.Value)
		if r.Fault != nil {
			got = r.Fault.Error()
		}
		if !strings.HasPrefix(got, c.want) || calls != c.calls || good != c.good {
			t.Errorf("%s: %s after %d calls, child good: %v; want %s, %d, %v", c.name, got, calls, good, c.want, c.calls, c.good)
		}
	}
}

// FuzzChild lets a child send anything: the run ends in time, with a result
// within its limits.
func FuzzChild(f *testing.F) {
	call := &border.Call{Name: "f", Args: []byte(`[1]`)}
	f.Add(frames("out", call, &border.Done{Value: []byte(`1`)}))
	f.Add(frames(call, call, &border.Done{Fault: "thrown", Message: "m"}))
	f.Add(frames("0123456789", &border.Ready{}))
	f.Fuzz(func(t *testing.T, says []byte) {
		calls := 0
		run := limited(&calls)
		r, good, err := lie(t, says, false, run)
		if err != nil {
			t.Fatal(err)
		}
		switch l := run.Limits; {
		case len(r.Output)+len(r.Value) > l.Output, calls > l.HostCalls, r.Used.HostCalls != calls, r.Used.HostBytes > l.HostBytes:
			t.Errorf("more than the limits allow: %+v", r)
		case (r.Fault == nil) == (r.Value == nil), r.Value != nil && !json.Valid(r.Value):
			t.Errorf("value %q beside fault %v", r.Value, r.Fault)
		case good && r.Fault != nil && r.Fault.Kind == Crash && !bytes.Contains(says, []byte("crash")):
			t.Errorf("a child that broke the protocol is used again: %v", r.Fault)
		}
	})
}
