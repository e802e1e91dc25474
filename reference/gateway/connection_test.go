package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/engine/sched"
)

// wire is a connection without a client's manners.
type wire struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, w *world) wire {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return wire{t, conn}
}

func (c wire) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// read takes what comes until the server is silent.
func (c wire) read() string {
	buffer := make([]byte, 1<<16)
	n, _ := c.Read(buffer)
	return string(buffer[:n])
}

// post writes a request with JSON text.
func (c wire) post(path, body string) {
	c.t.Helper()
	c.write(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body))
}

// slowDevice makes each step take a while.
func slowDevice(step time.Duration) func(*setup) {
	return func(s *setup) { s.device.StepTime = func(sched.Shape) time.Duration { return step } }
}

// TestDisconnect holds that a client which leaves frees what its request held:
// while it streams, while it waits for a whole answer, and in the queue.
func TestDisconnect(t *testing.T) {
	for name, body := range map[string]string{
		"stream": `{"prompt":"abcdefghijklmnopqrstuvwxyz","max_tokens":2000,"stream":true}`,
		"whole":  `{"prompt":"abcdefghijklmnopqrstuvwxyz","max_tokens":2000}`,
		"two":    `{"prompt":["abcdefghijklmnopqrstuvwxyz","b"],"max_tokens":2000,"stream":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *setup) {
				slowDevice(2 * time.Millisecond)(s)
				s.device.Slots = 1
			})
			conn, queued := dial(t, w), dial(t, w)
			conn.post(completions, body)
			eventually(t, "the request runs", func() bool { return w.engine.Stats().Sched.Running == 1 })
			queued.post(completions, body)
			eventually(t, "the other one waits", func() bool { return w.engine.Stats().Sched.Waiting >= 1 })
			queued.Close()
			conn.Close()
			eventually(t, "nothing runs or waits", w.idle)
			if s := w.engine.Stats(); s.Length+s.Stopped != 0 {
				t.Errorf("%d requests ran to their end", s.Length+s.Stopped)
			}
			w.empty(t)
		})
	}
}

// TestFullQueue holds that what does not fit is told to come back.
func TestFullQueue(t *testing.T) {
	w := newWorld(t, func(s *setup) {
		slowDevice(2 * time.Millisecond)(s)
		s.device.Slots, s.sched.Queue = 1, 1
	})
	body := `{"prompt":"a","max_tokens":2000,"stream":true}`
	first, second := dial(t, w), dial(t, w)
	first.post(completions, body)
	eventually(t, "one runs", func() bool { return w.engine.Stats().Sched.Running == 1 })
	second.post(completions, body)
	eventually(t, "one waits", func() bool { return w.engine.Stats().Sched.Waiting == 1 })
	a := w.post(t, completions, body)
	p := parseProblem(t, a)
	if a.status != 429 || p.Type != "rate_limit_exceeded" || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	first.Close()
	eventually(t, "the waiting one runs", func() bool {
		s := w.engine.Stats().Sched
		return s.Running == 1 && s.Waiting == 0
	})
	// Of three outputs one fits into the queue; none may stay.
	if a := w.post(t, completions, `{"prompt":"a","n":3,"max_tokens":2000}`); a.status != 429 {
		t.Errorf("three outputs: %d %s", a.status, a.body)
	}
	second.Close()
	w.empty(t)
}

// TestSlowReader holds that a client which does not read neither stops others
// nor stays for ever.
func TestSlowReader(t *testing.T) {
	w := newWorld(t, func(s *setup) {
		s.config.WriteTimeout = 200 * time.Millisecond
		s.device.Context, s.device.Blocks = 1<<15, 1<<11
	})
	lazy := dial(t, w)
	if err := lazy.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	lazy.post(completions, `{"prompt":"a","max_tokens":20000,"ignore_eos":true,"logprobs":20,"stream":true}`)
	eventually(t, "the lazy one runs", func() bool { return w.engine.Stats().Sched.Running == 1 })
	for range 3 {
		if a := w.post(t, completions, `{"prompt":"b","max_tokens":20}`); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	eventually(t, "the lazy one is gone", w.idle)
	if s := w.engine.Stats(); s.Aborted != 1 {
		t.Errorf("%d aborted, want 1: its output was not read", s.Aborted)
	}
}

// serve runs Serve until stop is called, which returns what it did.
func serve(t *testing.T, w *world, drain time.Duration) (url string, stop func(), ended <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(ctx, l, drain) }()
	t.Cleanup(cancel)
	return "http://" + l.Addr().String(), cancel, done
}

// TestDrain holds that a request which runs when the server is told to stop
// ends by itself, and that new ones are refused meanwhile.
func TestDrain(t *testing.T) {
	w := newWorld(t, slowDevice(2*time.Millisecond))
	url, stop, ended := serve(t, w, time.Minute)
	resp, err := http.Post(url+completions, "application/json", strings.NewReader(`{"prompt":"a","max_tokens":200,"ignore_eos":true,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(resp.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stop()
	eventually(t, "health says so", func() bool {
		r, err := http.Get(url + "/health")
		return err == nil && read(t, r).status == 503
	})
	refused, err := http.Post(url+completions, "application/json", strings.NewReader(`{"prompt":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	if a := read(t, refused); a.status != 503 || *parseProblem(t, a).Code != "draining" || a.header.Get("Retry-After") == "" {
		t.Errorf("a new request: %d %s", a.status, a.body)
	}
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") || strings.Count(string(rest), "\n\n") != 201 {
		t.Errorf("%v: the stream has %d events", err, strings.Count(string(rest), "\n\n"))
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url + "/health"); err == nil {
		t.Error("the server still answers")
	}
}

// TestDrainTimeout holds that patience ends, with an error for the client and
// one for the server's caller.
func TestDrainTimeout(t *testing.T) {
	w := newWorld(t, slowDevice(5*time.Millisecond))
	url, stop, ended := serve(t, w, 50*time.Millisecond)
	resp, err := http.Post(url+completions, "application/json", strings.NewReader(`{"prompt":"a","max_tokens":2000,"ignore_eos":true,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	stop()
	list := events(t, read(t, resp).body)
	if p := parseProblem(t, answer{body: list[len(list)-1]}); *p.Code != "draining" || !strings.Contains(p.Message, "before the output was complete") {
		t.Errorf("the last event is %+v", p)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "1 requests were cut off") {
		t.Errorf("Serve returned %v", err)
	}
}

// TestConcurrentLoad holds that each of many clients gets what it would get
// alone.
func TestConcurrentLoad(t *testing.T) {
	w := newWorld(t, nil)
	ask := func(i int) string {
		kind, path := "whole", completions
		body := fmt.Sprintf(`{"prompt":"number %d","max_tokens":20,"stream":%v}`, i, i%2 == 0)
		if i%3 == 0 {
			path = chatPath
			body = fmt.Sprintf(`{"messages":[{"role":"user","content":"number %d"}],"max_tokens":20,"stream":%v}`, i, i%2 == 0)
		}
		a := w.post(t, path, body)
		if a.status != 200 {
			t.Errorf("%s: %d %s", kind, a.status, a.body)
		}
		_, choices, _ := strings.Cut(a.body, `"choices":`)
		choices, _, _ = strings.Cut(choices, `"usage"`) // what was cached differs
		return choices
	}
	const clients = 48
	alone := make([]string, clients)
	for i := range alone {
		alone[i] = ask(i)
	}
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			if got := ask(i); got != alone[i] {
				t.Errorf("request %d: %s\nalone: %s", i, got, alone[i])
			}
		})
	}
	all.Wait()
	w.empty(t)
}
