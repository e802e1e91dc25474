package retrace

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend/null"
	"tierlab/engine/sched"
	"tierlab/engine/tokenizer"
	"tierlab/engine/trace"
	"tierlab/sim/steptime"
)

const vocab = 512

// trial is a real engine over the null backend, with concurrent sessions whose
// calls grow their contexts, come at random times and are partly called off.
func trial(t *testing.T, depth int, cost sched.Coster, stall time.Duration) []byte {
	t.Helper()
	tok, err := tokenizer.NewBytes(vocab)
	if err != nil {
		t.Fatal(err)
	}
	device, err := null.Open(null.Config{Vocab: vocab, Context: 512, Slots: 4, Budget: 40, Blocks: 70, BlockTokens: 8, Depth: depth})
	if err != nil {
		t.Fatal(err)
	}
	var traced bytes.Buffer
	e, err := engine.New(engine.Config{
		Backend: device, Tokenizer: tok, KeepBlocks: 20, Cost: cost, Trace: &traced,
		Sched: sched.Config{Queue: 3, Stall: stall, Share: time.Millisecond, Lead: time.Second, Aging: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for session := range 12 {
		group.Go(func() { converse(t, e, uint64(session)) })
	}
	group.Wait()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return traced.Bytes()
}

// converse makes a session's calls.
func converse(t *testing.T, e *engine.Engine, session uint64) {
	draw := rand.New(rand.NewPCG(1, session))
	var ids []int32
	for range 30 {
		ids = append(ids, 1, 2, 3, 4, 5, 6, 7, 8, 9)[:len(ids)+1+draw.IntN(9)]
		if len(ids) > 300 {
			ids = ids[:draw.IntN(40)+1]
		}
		q := engine.Request{Prompt: ids, MaxTokens: 1 + draw.IntN(30), Session: string(rune('a' + session)), Priority: uint8(draw.IntN(2)),
			KeepFor: time.Duration(draw.IntN(3)) * time.Millisecond, IgnoreEnd: draw.IntN(2) == 0}
		s, err := e.Submit(context.Background(), q)
		if err != nil { // the queue is full
			continue
		}
		stop := draw.IntN(30)
		for n := 0; ; n++ {
			token, ok := s.Next()
			if !ok {
				break
			}
			ids = append(ids, token.ID)
			if n == stop {
				s.Cancel()
			}
		}
		time.Sleep(time.Duration(draw.IntN(300)) * time.Microsecond)
	}
}

// TestRealRuns: the simulator, fed a real run's iteration times and arrivals,
// reproduces every plan exactly.
func TestRealRuns(t *testing.T) {
	cost := &steptime.Linear{steptime.Constant: 1e5, steptime.Tokens: 1e4, steptime.Context: 10}
	for _, c := range []struct {
		name  string
		depth int
		stall time.Duration
	}{{"depth 0", 0, 0}, {"depth 1", 1, 0}, {"stall bound", 0, 300 * time.Microsecond}} {
		t.Run(c.name, func(t *testing.T) {
			text := trial(t, c.depth, cost, c.stall)
			sum, err := Replay(trace.NewReader(bytes.NewReader(text), "trace"), cost)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d plans with %d rows of %d requests, %d cancelled and %d refused, in %v", sum.Plans, sum.Rows, sum.Requests, sum.Cancels, sum.Refused, sum.End)
			if sum.Plans < 200 || sum.Requests < 50 || sum.Rows <= sum.Plans || sum.Cancels == 0 {
				t.Errorf("too little happened: %+v", sum)
			}
		})
	}
}

// TestRecordedRun plays the trace that documents the format, where calls share
// their times.
func TestRecordedRun(t *testing.T) {
	text, err := os.ReadFile("../../engine/trace/testdata/run.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	want, err := trace.Replay(trace.NewReader(bytes.NewReader(text), "run.jsonl"), nil)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Replay(trace.NewReader(bytes.NewReader(text), "run.jsonl"), nil)
	if err != nil || sum.Plans != want.Plans || sum.Rows != want.Rows || sum.Requests != want.Requests || sum.Refused != want.Refused {
		t.Errorf("%+v, the scheduler alone %+v, error %v", sum, want, err)
	}
}

// TestOtherRuns: a trace that tells of another scheduler's plans is refused.
func TestOtherRuns(t *testing.T) {
	text, err := os.ReadFile("../../engine/trace/testdata/run.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for name, change := range map[string]func([]string) string{
		"smaller slots":  func(l []string) string { return strings.Replace(strings.Join(l, ""), `"slots":3`, `"slots":2`, 1) },
		"a request less": func(l []string) string { return l[0] + strings.Join(l[3:], "") },
		"a plan's other end": func(l []string) string {
			return regexp.MustCompile(`,"ends":\[[^]]*\]`).ReplaceAllString(strings.Join(l, ""), "")
		},
		"nothing": func([]string) string { return "" },
	} {
		bad := change(lines)
		if bad == string(text) {
			t.Fatalf("%s: the trace is as it was", name)
		}
		if _, err := Replay(trace.NewReader(strings.NewReader(bad), "run.jsonl"), nil); err == nil {
			t.Errorf("%s: no difference found", name)
		}
	}
}
