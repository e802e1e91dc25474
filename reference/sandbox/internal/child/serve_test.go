package child

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"tierlab/reference/sandbox/internal/border"
)

// fake is an engine whose programs print their source, call their first host
// function with their input and return its answer.
type fake struct{ runs int }

func (*fake) prepare(context.Context) error { return nil }

func (f *fake) run(_ context.Context, p *border.Program, g border.Guest) (*border.Outcome, error) {
	f.runs++
	var stop *border.Stop
	if err := g.Print(p.Source); errors.As(err, &stop) {
		return &border.Outcome{Stop: stop}, nil
	}
	if len(p.Hosts) == 0 {
		return &border.Outcome{Value: p.Input}, nil
	}
	value, err := g.Call(p.Hosts[0], p.Input)
	switch {
	case errors.As(err, &stop):
		return &border.Outcome{Stop: stop}, nil
	case err != nil:
		return &border.Outcome{Stop: &border.Stop{Fault: border.Thrown, Message: err.Error()}}, nil
	}
	return &border.Outcome{Value: value}, nil
}

// serve has a child read in, and returns what it sends and why it ended.
func serve(in []byte) ([]byte, *fake, error) {
	var out bytes.Buffer
	f := new(fake)
	c := &child{out: &out, inbox: make(chan inbound), start: func(context.Context, *border.Setup) (engine, error) { return f, nil }}
	read := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(c.inbox)
		read <- func() error {
			r := border.NewReader(bytes.NewReader(in))
			for {
				k, m, err := r.Next(func(border.Kind) int { return 1 << 16 })
				if err != nil {
					return err
				}
				select {
				case c.inbox <- inbound{k, bytes.Clone(m)}:
				case <-done:
					return nil
				}
			}
		}()
	}()
	err := c.serve(context.Background())
	close(done)
	<-read
	return out.Bytes(), f, err
}

func frames(messages ...interface{ Append([]byte) []byte }) (all []byte) {
	for _, m := range messages {
		all = append(all, m.Append(nil)...)
	}
	return all
}

func kinds(t *testing.T, out []byte) (all string) {
	t.Helper()
	r := border.NewReader(bytes.NewReader(out))
	for {
		k, _, err := r.Next(func(border.Kind) int { return 1 << 20 })
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all += string(rune(k))
	}
}

func TestServe(t *testing.T) {
	setup := &border.Setup{Language: "fake"}
	plain := &border.Program{Source: []byte("s"), Input: []byte("1"), Output: 10, HostCalls: 1, HostBytes: 10}
	host := *plain
	host.Hosts = []string{"f"}
	long := *plain
	long.Output = 0
	spent := host
	spent.HostCalls = 0
	for _, c := range []struct {
		name string
		in   []byte
		want string // kinds of frames
	}{
		{"two programs", frames(setup, plain, plain), "RODRODR"},
		{"a host call", frames(setup, &host, &border.Answer{Value: []byte("2")}), "ROCDR"},
		{"bytes are used up", frames(setup, &host, &border.Answer{Over: true}), "ROCDR"},
		{"no calls", frames(setup, &spent), "RODR"},
		{"no output", frames(setup, &long), "RDR"},
		{"nothing", nil, ""},
		{"no setup", frames(plain), ""},
		{"an answer out of turn", frames(setup, &border.Answer{}), "R"},
		{"a program instead of an answer", frames(setup, &host, plain), "ROC"},
		{"a limit below zero", frames(setup, &border.Program{Output: -1}), "R"},
		{"garbage", append(frames(setup), 1, 2, 3, 4, 5, 6), "R"},
	} {
		out, _, err := serve(c.in)
		if got := kinds(t, out); got != c.want || err == nil {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}

// FuzzServe sends a child anything after its setup: it ends with an error, and
// what it sends up to there is well formed.
func FuzzServe(f *testing.F) {
	p := &border.Program{Source: []byte("s"), Input: []byte("1"), Hosts: []string{"f"}, Output: 10, HostCalls: 1, HostBytes: 10}
	f.Add(frames(p, &border.Answer{Value: []byte("2")}))
	f.Add(frames(p, &border.Answer{Error: "e"}, p))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, _, err := serve(append(frames(&border.Setup{Language: "fake"}), in...))
		if err == nil {
			t.Error("the end of the stream is no end")
		}
		kinds(t, out)
	})
}
