package trace_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
	"tierlab/engine/trace"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/run.jsonl")

const blockTokens = 4

// recorder is an engine without a device: time is handed in and tokens are
// made up.
type recorder struct {
	s    *sched.Scheduler
	w    *trace.Writer
	now  time.Duration
	plan sched.Plan
	ids  map[uint64][]int32 // of each request's context
	of   map[uint64]uint64  // the requests' sessions
}

func (r *recorder) add(q sched.Request, tenant uint64, ids ...int32) {
	q.Prompt = kv.NewChain(blockTokens, tenant).Append(ids...)
	prompt := r.w.Prompt(q.Session, tenant, ids)
	err := r.s.Add(r.now, q)
	r.w.Add(r.now, &q, prompt, err)
	if err == nil {
		r.of[q.ID] = q.Session
		r.ids[q.ID] = slices.Clone(ids)
	}
}

// step runs one iteration; each token is the plan's number, and 9 is an end.
func (r *recorder) step() bool {
	ok := r.s.Next(r.now, &r.plan)
	r.w.Plan(r.now, &r.plan, ok)
	if !ok {
		return false
	}
	o := sched.Outcome{Plan: r.plan.ID}
	for _, row := range r.plan.Rows {
		if row.Sample {
			t := int32(r.plan.ID)
			o.Sampled = append(o.Sampled, sched.Sampled{Token: t, End: t == 9})
			r.ids[row.Seq] = append(r.ids[row.Seq], t)
		}
	}
	r.now += time.Millisecond
	r.w.Commit(r.now, &o)
	for _, ev := range r.s.Commit(r.now, o, nil) {
		if ev.Kind == sched.Finished || ev.Kind == sched.Stopped {
			r.w.Ended(r.of[ev.Seq], ev.Seq, r.ids[ev.Seq])
		}
	}
	return true
}

// record writes the trace of a short run with everything in it.
func record(t *testing.T, w io.Writer) {
	t.Helper()
	cache, err := kv.New(kv.Config{Blocks: 8, BlockTokens: blockTokens, KeepBlocks: 4})
	if err != nil {
		t.Fatal(err)
	}
	about := trace.Engine{Backend: "none", Model: "by hand", Numerics: "f32"}
	cfg := sched.Config{Slots: 3, Budget: 12, Queue: 1, Context: 24, Aging: time.Second, Tables: true}
	s, err := sched.New(cfg, cache, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{s: s, w: trace.NewWriter(w, about.With(cache.Config, cfg)), ids: map[uint64][]int32{}, of: map[uint64]uint64{}}
	r.step()
	r.add(sched.Request{ID: 1, MaxTokens: 5, KeepFor: time.Second, KeepPriority: 2, Session: 7}, 11, 1, 2, 3, 4, 5, 6)
	r.add(sched.Request{ID: 2, MaxTokens: 14, Forced: true, Session: 5}, 11, 1, 2, 3, 4, 9)
	r.add(sched.Request{ID: 3, MaxTokens: 2, Host: true, Priority: 1, Session: 6}, 12, 1, 2, 3, 4)
	r.add(sched.Request{ID: 4, MaxTokens: 2, Session: 6}, 12, 1)
	r.add(sched.Request{ID: 5, MaxTokens: 2, Session: 8}, 12, 1)
	for range 3 {
		r.step()
	}
	if r.s.Cancel(r.now, 4) {
		r.w.Cancel(r.now, 4)
	}
	for r.step() {
		if r.plan.ID == 7 { // request 1 has ended; its context grows, then branches off
			r.add(sched.Request{ID: 6, MaxTokens: 3, Session: 7}, 11, append(slices.Clone(r.ids[1]), 7, 8)...)
			r.add(sched.Request{ID: 7, MaxTokens: 3, Session: 7}, 11, 1, 2, 30)
		}
		if r.plan.ID == 10 { // shares the half-filled block of request 7
			r.add(sched.Request{ID: 8, MaxTokens: 2, Session: 9, Fork: 7}, 11, 1, 2, 30)
		}
	}
	if err := r.w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFormat compares a run's trace, as the package comment describes it, with
// the recorded one.
func TestFormat(t *testing.T) {
	var got bytes.Buffer
	record(t, &got)
	const file = "testdata/run.jsonl"
	if *rewrite {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestReplay(t *testing.T) {
	text, err := os.ReadFile("testdata/run.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := trace.Replay(trace.NewReader(bytes.NewReader(text), "run.jsonl"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Requests != 7 || sum.Refused != 1 || sum.Cancels != 1 || sum.Plans < 10 || sum.Cached == 0 {
		t.Errorf("%+v", sum)
	}
}

// TestDifferences changes a trace: whatever the run did otherwise is found.
func TestDifferences(t *testing.T) {
	text, err := os.ReadFile("testdata/run.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"slots":3`, `"slots":2`, "the engine's answer was \"\""},
		{`"ids":[1,2,3,4,5,6]`, `"ids":[1,2,3,5,5,6]`, "the engine planned"},
		{`"tenant":2,"ids":[1,2,3,4]`, `"tenant":1,"ids":[1,2,3,4]`, "the engine planned"},
		{`"refused":"sched: the queue is full"`, `"priority":0`, "the replay's is \"sched: the queue is full\""},
		{`"tables":"`, `"tables":"0`, "other blocks"},
		{`{"kind":"idle","t":0}`, `{"kind":"cancel","t":0,"id":1}`, "there is none"},
		{`"from":1,"keep":11`, `"from":1,"keep":12`, "has not got them"},
		{`"from":1,"keep":11`, `"from":1,"keep":9`, "planned"},
		{`"tokens":[9`, `"tokens":[9,9`, "its rows sample"},
		{`"ends":[0`, `"ends":[7`, "names token 7"},
		{`"kind":"idle"`, `"kind":"nap"`, "unknown"},
		{`"schema":"tierlab-trace/v1"`, `"schema":"v0"`, "want \"tierlab-trace/v1\""},
		{`"kind":"engine"`, `"kind":"idle"`, "the first line"},
		{`"rows":[[1,`, `"rows":[[`, "want [seq"},
		{`"copies":[[`, `"copies":[[1,`, "want [from"},
		{`,"fork":7`, ``, "planned"},
		{`"max":5`, `"mux":5`, "unknown field"},
	} {
		if !strings.Contains(string(text), c.old) {
			t.Errorf("the run has no %s", c.old)
			continue
		}
		changed := strings.Replace(string(text), c.old, c.new, 1)
		_, err := trace.Replay(trace.NewReader(strings.NewReader(changed), "run.jsonl"), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "run.jsonl:") {
			t.Errorf("%s: want an error with %q: %v", c.new, c.want, err)
		}
	}
	if _, err := trace.Replay(trace.NewReader(bytes.NewReader(text[:len(text)-20]), "cut"), nil); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("cut off: %v", err)
	}
	if _, err := trace.Replay(trace.NewReader(strings.NewReader(""), "empty"), nil); err == nil {
		t.Error("an empty trace was replayed")
	}
}

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteFails(t *testing.T) {
	w := trace.NewWriter(full{}, trace.Engine{})
	for range 100 {
		w.Cancel(0, 1)
		time.Sleep(time.Microsecond)
	}
	if err := w.Close(); err == nil || err.Error() != "no space left" {
		t.Errorf("closed with %v", err)
	}
}

// stuck is a disk that takes nothing in until it is released.
type stuck struct{ release chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.release
	return len(p), nil
}

// TestBehind writes more than is kept in memory: the engine goes on, and the
// trace says that it is not complete.
func TestBehind(t *testing.T) {
	s := stuck{make(chan struct{})}
	w := trace.NewWriter(s, trace.Engine{})
	q := sched.Request{ID: 1, Prompt: kv.NewChain(blockTokens, 0)}
	prompt := w.Prompt(0, 0, make([]int32, 1<<20)) // 2 MB as text
	for range 40 {
		w.Add(0, &q, prompt, nil)
	}
	close(s.release)
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "ends early") {
		t.Errorf("closed with %v", err)
	}
}

func FuzzReader(f *testing.F) {
	text, err := os.ReadFile("testdata/run.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for line := range bytes.Lines(text) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := trace.NewReader(bytes.NewReader(text), "fuzz")
		for {
			rec, err := r.Next()
			if err != nil {
				return
			}
			if rec.Line < 1 {
				t.Fatal("a record without a line")
			}
		}
	})
}
