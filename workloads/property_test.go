package workloads_test

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"tierlab/workloads"
)

// drawSteps draws steps that may refer to each other in any way, right or
// wrong; those of one draw in two wait for earlier ones only and are mostly
// right.
func drawSteps(t *rapid.T) []workloads.Step {
	n := rapid.IntRange(1, 5).Draw(t, "steps")
	if rapid.Bool().Draw(t, "chain") {
		return drawChain(t, n)
	}
	id := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("s", rapid.IntRange(0, n).Draw(t, "id")) })
	steps := make([]workloads.Step, n)
	for i := range steps {
		s := &steps[i]
		s.ID = fmt.Sprint("s", i)
		s.LLM.OutputTokens = rapid.IntRange(0, 20).Draw(t, "out")
		for range rapid.IntRange(0, 2).Draw(t, "edges") {
			s.After = append(s.After, workloads.After{
				Step:  rapid.OneOf(id, rapid.Just("")).Draw(t, "after"),
				On:    rapid.SampledFrom([]workloads.On{"", workloads.OnStart, workloads.OnLLMDone, workloads.OnToolsDone, "end"}).Draw(t, "on"),
				Delay: workloads.Millis(rapid.Int64Range(-1, 5).Draw(t, "delay")),
			})
		}
		s.LLM.Context.Add = rapid.IntRange(-1, 20).Draw(t, "add")
		if rapid.Bool().Draw(t, "based") {
			s.LLM.Context.From = rapid.OneOf(id, rapid.SampledFrom([]string{"@p", "@q"})).Draw(t, "from")
			s.LLM.Context.Keep = rapid.IntRange(0, 15).Draw(t, "keep")
		}
		if rapid.Bool().Draw(t, "tool") {
			tool := workloads.Tool{Name: "t"}
			if rapid.Bool().Draw(t, "spawns") {
				tool.Spawn = rapid.SliceOfN(id, 1, 2).Draw(t, "spawn")
			}
			s.Tools = append(s.Tools, tool)
		}
	}
	return steps
}

// drawChain draws steps that wait for an earlier one and go on from its
// context, of which they may keep too much.
func drawChain(t *rapid.T, n int) []workloads.Step {
	steps := make([]workloads.Step, n)
	for i := range steps {
		s := &steps[i]
		s.ID = fmt.Sprint("s", i)
		s.LLM.OutputTokens = rapid.IntRange(0, 20).Draw(t, "out")
		s.LLM.Context.Add = rapid.IntRange(1, 20).Draw(t, "add")
		if i > 0 {
			before := fmt.Sprint("s", rapid.IntRange(0, i-1).Draw(t, "before"))
			delay := workloads.Millis(rapid.Int64Range(0, 5).Draw(t, "delay"))
			s.After = []workloads.After{{Step: before, On: workloads.OnLLMDone, Delay: delay}}
			s.LLM.Context.From, s.LLM.Context.Keep = before, rapid.IntRange(1, 10).Draw(t, "keep")
		}
	}
	return steps
}

// TestWriterReaderAndCompileAgree holds the three to one judgement: what the
// writer writes is what was given and the reader accepts it, and what the
// writer refuses Compile refuses.
func TestWriterReaderAndCompileAgree(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		steps := drawSteps(t)
		var file bytes.Buffer
		w := workloads.NewWriter(&file, workloads.Header{Name: "n", Provenance: workloads.Provenance{Source: "s"}})
		w.Prefix(workloads.Prefix{Name: "p", Add: 10})
		w.Trace(&workloads.Trace{Session: workloads.Session{ID: "a"}, Steps: steps})
		refused := w.Close()
		negative := false // what only the line's encoding refuses
		for i := range steps {
			for _, a := range steps[i].After {
				negative = negative || a.Delay < 0
			}
		}
		_, uncompiled := workloads.Compile(workloads.Session{ID: "a"}, steps, w.Prefixes())
		if !negative && (refused == nil) != (uncompiled == nil) {
			t.Fatalf("the writer says %v, Compile says %v", refused, uncompiled)
		}
		if refused != nil {
			return
		}
		accepted++
		all, err := readAll(file.String())
		if err != nil {
			t.Fatalf("the reader refuses what the writer wrote: %v\n%s", err, file.String())
		}
		if len(all) != 1 || !reflect.DeepEqual(all[0].Steps, steps) {
			t.Fatalf("wrote %+v\nread  %+v", steps, all)
		}
		checkGraph(t, all[0].Graph)
	})
	if accepted == 0 {
		t.Error("no drawn session was right; the test shows nothing")
	}
}

// checkGraph checks what every compiled session promises.
func checkGraph(t *rapid.T, g *workloads.Graph) {
	for i := range g.Steps {
		n := &g.Steps[i]
		if len(n.Wait) == 0 {
			t.Fatalf("step %d waits for nothing", i)
		}
		for _, e := range n.Wait {
			if e.From >= int32(i) || e.On == "" {
				t.Fatalf("step %d waits for %+v, out of order", i, e)
			}
		}
		for k, next := range n.Next {
			if next <= int32(i) || k > 0 && next <= n.Next[k-1] {
				t.Fatalf("step %d has successors %v", i, n.Next)
			}
		}
		if n.Base >= int32(i) || n.Owner >= int32(i) {
			t.Fatalf("step %d has base %d and owner %d", i, n.Base, n.Owner)
		}
		if n.PrefixTokens > n.Keep || n.Keep > n.Input || n.Line < 0 || n.Line >= g.Lines {
			t.Fatalf("step %d: %+v", i, n)
		}
	}
}

// sessionLines is an endless file; it gives one session at a time.
type sessionLines struct {
	rest  []byte
	given int
}

func (s *sessionLines) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if s.given > 20_000 {
			return 0, io.EOF
		}
		if s.given == 0 {
			s.rest = []byte(header + "\n")
		} else {
			s.rest = fmt.Appendf(nil, "{\"kind\":\"session\",\"id\":\"%d\"}\n%s\n", s.given, step("s"))
		}
		s.given++
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// TestReaderStreams checks that a session is handed over as soon as the next
// one begins, and that memory does not grow with the file.
func TestReaderStreams(t *testing.T) {
	source := &sessionLines{}
	var before, after runtime.MemStats
	n := 0
	for _, err := range workloads.NewReader(source, "endless").Sessions() {
		if err != nil {
			t.Fatal(err)
		}
		n++
		switch n {
		case 1:
			if source.given > 5000 { // the buffer holds 64 KiB
				t.Errorf("the first session comes after %d were read", source.given)
			}
		case 2000:
			runtime.GC()
			runtime.ReadMemStats(&before)
		case 20_000:
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
	}
	if n != 20_000 {
		t.Errorf("got %d sessions, want 20000", n)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes over 18,000 sessions", grown)
	}
}

func TestWriterKeepsItsFirstError(t *testing.T) {
	h := workloads.Header{Name: "n", Provenance: workloads.Provenance{Source: "s"}}
	ok := workloads.Step{ID: "s"}
	for name, c := range map[string]struct {
		do   func(w *workloads.Writer)
		want string
	}{
		"no name":           {nil, `header: name: empty (a name)`},
		"step outside":      {func(w *workloads.Writer) { w.Step(&ok) }, `step "s": a step outside a session (a session opens first)`},
		"outcome outside":   {func(w *workloads.Writer) { w.Outcome(&workloads.Outcome{Status: "ok"}) }, `outcome: an outcome outside a session (a session opens first)`},
		"session with none": {func(w *workloads.Writer) { w.Session(&workloads.Session{ID: "a"}) }, `session "a": the session has no step (at least one)`},
		"bad UTF-8":         {func(w *workloads.Writer) { w.Session(&workloads.Session{ID: "a", Origin: "\xff"}) }, `session "a": origin: "\xff" is not valid UTF-8 (text in UTF-8)`},
		"infinite dollars": {func(w *workloads.Writer) {
			w.Session(&workloads.Session{ID: "a", Budget: &workloads.Budget{USD: inf()}})
		}, `session "a": budget.usd: +Inf (a finite number)`},
		"negative arrival": {func(w *workloads.Writer) {
			m := workloads.Millis(-1)
			w.Session(&workloads.Session{ID: "a", Arrival: &m})
		}, `session "a": arrival_ms: -1 is negative (zero or more)`},
		"messages no list": {func(w *workloads.Writer) {
			w.Session(&workloads.Session{ID: "a"})
			s := ok
			s.Messages = []byte("{}")
			w.Step(&s)
		}, `step "s": messages: not a list (a JSON list in UTF-8)`},
		"prefix after a use": {func(w *workloads.Writer) {
			w.Session(&workloads.Session{ID: "a"})
			s := ok
			s.LLM.Context.From = "@p"
			w.Step(&s)
			w.Prefix(workloads.Prefix{Name: "p"})
		}, `step "s": llm.context.from: "p" is not a prefix defined before this step`},
	} {
		head := h
		if c.do == nil {
			head.Name = ""
		}
		var out bytes.Buffer
		w := workloads.NewWriter(&out, head)
		if c.do != nil {
			c.do(w)
		}
		for range 2 {
			if err := w.Close(); err == nil || err.Error() != c.want {
				t.Errorf("%s: got %v, want %s", name, err, c.want)
			}
		}
	}
}

func inf() float64 { x := 0.0; return 1 / x }
