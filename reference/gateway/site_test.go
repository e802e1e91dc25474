package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
)

// broken is a backend that fails when told to.
type broken struct {
	backend.Backend
	now chan struct{}
}

func (b *broken) Submit(s *backend.Step) error {
	select {
	case <-b.now:
		return errors.New("the device is lost")
	default:
		return b.Backend.Submit(s)
	}
}

// site is some engines whose iterations take that long, and what breaks the
// first.
func site(t *testing.T, n, queue int, step time.Duration) (s *Site, fail chan struct{}) {
	t.Helper()
	words, err := tokenizer.NewBytes(testVocab)
	if err != nil {
		t.Fatal(err)
	}
	fail = make(chan struct{})
	var engines []*engine.Engine
	for i := range n {
		device, err := null.Open(null.Config{Vocab: testVocab, Context: testContext, Slots: 1, Budget: 512, Blocks: testContext / 16, BlockTokens: 16,
			StepTime: func(sched.Shape) time.Duration { return step }})
		if err != nil {
			t.Fatal(err)
		}
		var b backend.Backend = device
		if i == 0 {
			b = &broken{device, fail}
		}
		e, err := engine.New(engine.Config{Backend: b, Tokenizer: words, Sched: sched.Config{Queue: queue}})
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, e)
	}
	s, err = NewSite(engines, Speed{PrefillTokensPerSecond: 1e4, Step: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, fail
}

func (s *Site) begin(t *testing.T, r engine.Request) *engine.Stream {
	t.Helper()
	r.IgnoreEnd, r.Logprobs = true, -1
	stream, err := s.Submit(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func finish(t *testing.T, streams ...*engine.Stream) {
	t.Helper()
	for _, s := range streams {
		for _, more := s.Next(); more; _, more = s.Next() {
		}
		if s.Err() != nil {
			t.Error(s.Err())
		}
	}
}

// TestSiteSpreads: requests alone fall evenly.
func TestSiteSpreads(t *testing.T) {
	s, _ := site(t, 3, 64, time.Millisecond)
	var streams []*engine.Stream
	for range 9 {
		streams = append(streams, s.begin(t, engine.Request{Prompt: []int32{1, 2, 3}, MaxTokens: 100}))
	}
	for i, e := range s.replicas {
		if load := e.Stats().Sched; load.Running+load.Waiting != 3 {
			t.Errorf("replica %d has %d running and %d waiting of 9 requests", i, load.Running, load.Waiting)
		}
	}
	finish(t, streams...)
	if st := s.Stats(); st.Length != 9 || st.Sched.Produced != 900 || s.Caps().Slots != 3 {
		t.Errorf("in all %+v", st)
	}
}

// TestSiteKeepsSessions: a session's turns go where its context is.
func TestSiteKeepsSessions(t *testing.T) {
	s, _ := site(t, 3, 64, 0)
	prompt := make([]int32, 400)
	for _, name := range []string{"a", "b", "c", "d"} {
		for range 4 {
			finish(t, s.begin(t, engine.Request{Prompt: prompt, MaxTokens: 2, Session: name, Tenant: name}))
		}
	}
	if st := s.Stats(); st.Cached < 4*3*(400-16) {
		t.Errorf("%d of %d tokens were found where they had been computed", st.Cached, st.Prompt)
	}
}

// TestSiteOutlivesReplicas: a replica that fails takes no more requests, and the
// last to fail is the site's end.
func TestSiteOutlivesReplicas(t *testing.T) {
	s, fail := site(t, 2, 64, 0)
	close(fail)
	served := 0
	for range 6 {
		stream, err := s.Submit(context.Background(), engine.Request{Prompt: []int32{1}, MaxTokens: 3, Session: "one"})
		if err != nil {
			t.Fatalf("the other replica lives: %v", err)
		}
		for _, more := stream.Next(); more; _, more = stream.Next() {
		}
		if stream.Err() == nil {
			served++
		}
	}
	if served < 5 || s.Err() != nil {
		t.Errorf("%d of 6 were served, %v", served, s.Err())
	}
	alone, fail := site(t, 1, 64, 0)
	close(fail)
	for range 2 {
		if stream, err := alone.Submit(context.Background(), engine.Request{Prompt: []int32{1}, MaxTokens: 3}); err == nil {
			for _, more := stream.Next(); more; _, more = stream.Next() {
			}
		}
	}
	if alone.Err() == nil {
		t.Error("the only replica has failed, the site has not")
	}
}

// TestSiteIsFull: a request is refused when all replicas refuse it.
func TestSiteIsFull(t *testing.T) {
	s, _ := site(t, 2, 1, 20*time.Millisecond)
	var streams []*engine.Stream
	for range 20 {
		stream, err := s.Submit(context.Background(), engine.Request{Prompt: []int32{1}, MaxTokens: 1000, Session: "one", Logprobs: -1})
		if err != nil {
			if !errors.Is(err, engine.ErrFull) || len(streams) != 4 {
				t.Errorf("refused after %d: %v", len(streams), err)
			}
			break
		}
		streams = append(streams, stream)
	}
	if len(streams) != 4 {
		t.Errorf("%d requests were taken in; there are 2 slots and 2 places in queues", len(streams))
	}
	for _, stream := range streams {
		stream.Cancel()
	}
}

// TestSiteServes answers over HTTP as one engine does, and drains.
func TestSiteServes(t *testing.T) {
	s, _ := site(t, 2, 64, 0)
	server, err := New(Config{Engine: s, Metrics: NewMetrics(testModel, testContext), Model: testModel})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	w := &world{nil, server, web.URL}
	if a := w.post(t, completions, `{"prompt":"abc","max_tokens":5,"ignore_eos":true}`); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if a := w.post(t, completions, `{"prompt":"abc","max_tokens":5}`); a.status != http.StatusServiceUnavailable {
		t.Errorf("after draining %d %s", a.status, a.body)
	}
}
