package hub

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tierlab/configs"
	"tierlab/workloads"
)

// parse reads turns in a script's form.
func parse(t testing.TB, turns string) *Script {
	t.Helper()
	s, err := ParseScript("s.yaml", []byte("schema: tierlab-script/v1\nname: s\nturns:\n"+turns))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// after is a call of a step whose step before had these tool results.
func after(step int, results ...string) *Call {
	c := &Call{Session: "s1", Step: step - 1, Attempt: 1, Site: "here", Model: "m",
		Messages: []Message{{Role: "user", Content: "do it"}, {Role: "assistant", Calls: []ToolCall{{ID: "a", Name: "f", Arguments: "{}"}}}}}
	for _, r := range results {
		c.Messages = append(c.Messages, Message{Role: "tool", CallID: "a", Content: r})
	}
	return c
}

func TestTurns(t *testing.T) {
	s := parse(t, `
  - {when: {step: 2, result: bad}, say: "no luck"}
  - {when: {step: 2}, say: "luck"}
  - {when: {model: large}, say: "{{ model }} at {{ site }}, step {{ step }} of {{ session }}"}
  - {when: {step: 3, site: edge}, say: "at the edge"}
  - {when: {step: 4}, say: "{{task}}: {{ tool.rows.1 }}, {{ tools.1.a }} and {{ tools.2 }}"}
`)
	at := func(c *Call, site, model string) *Call { c.Site, c.Model = site, model; return c }
	for _, c := range []struct {
		call *Call
		want string // an answer, or behind "!" an error
	}{
		{after(2, `{"a":"bad"}`), "no luck"},
		{after(2, `{"a":1}`, `{"a":"bad"}`), "no luck"},
		{after(2, `{"a":"bad"}`, `{"a":1}`), "luck"},
		{after(2), "luck"},
		{at(after(3), "far", "large"), "large at far, step 3 of s1"},
		{at(after(3), "edge", "small"), "at the edge"},
		{after(3, `{"x":1}`), `!script s has no turn for step 3 (model "m" at "here", last tool result "{\"x\":1}")`},
		{after(4, `{"a":1.50}`, `{"rows":[1,{"b":null}]}`), `do it: {"b":null}, 1.50 and {"rows":[1,{"b":null}]}`},
		{after(4, `{"a":2}`), "!{{ tool.rows.1 }}: there is no rows in the tool result"},
		{after(4, "no JSON"), "!there is no rows in the tool result \"no JSON\""},
		{after(4), "!the step before has 0 tool results"},
		{after(4, `{"rows":[1]}`), "!there is no 1 in"},
	} {
		a, err := s.Call(context.Background(), c.call)
		if mention, bad := strings.CutPrefix(c.want, "!"); bad {
			var failed *Error
			if !errors.As(err, &failed) || failed.Status != workloads.StatusError || !strings.Contains(err.Error(), mention) {
				t.Errorf("error %v, want %s", err, mention)
			}
			continue
		}
		if err != nil || a.Message.Content != c.want || a.Finish != "stop" {
			t.Errorf("%+v, %v; want %s", a, err, c.want)
		}
	}
}

func TestScriptedCalls(t *testing.T) {
	s := parse(t, `
  - calls:
      - tool: f
        arguments: {text: "<{{ tool.n }}>", number: "{{ tool.n }}", list: ["{{ tools.1 }}", 2, 1.5, true, null, 2025-01-02], deep: {a: {}}}
      - tool: g
        arguments: 'not {json} {{ tool.n }}'
`)
	a, err := s.Call(context.Background(), after(2, `{"n":76127}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []ToolCall{
		{"call_2_1", "f", `{"deep":{"a":{}},"list":[{"n":76127},2,1.5,true,null,"2025-01-02"],"number":76127,"text":"<76127>"}`},
		{"call_2_2", "g", "not {json} 76127"},
	}
	if !reflect.DeepEqual(a.Message.Calls, want) || a.Finish != "tool_calls" {
		t.Errorf("%s: %+v", a.Finish, a.Message.Calls)
	}
}

// TestScriptedTimes: the first token comes after prefill_ms, the answer decode_ms
// later, and a context that ends is told from a limit.
func TestScriptedTimes(t *testing.T) {
	s := parse(t, `
  - when: {step: 1}
    say: "slow"
    prefill_ms: 40
    decode_ms: 60.5
    input_tokens: 50
    cached_tokens: 90
    output_tokens: 7
    fails: [{attempt: 1, status: rejected}, {site: far, status: timeout}]
`)
	synctest.Test(t, func(t *testing.T) {
		start, first := time.Now(), time.Duration(0)
		c := after(1)
		c.Attempt, c.First = 2, func() { first = time.Since(start) }
		a, err := s.Call(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); first != 40*time.Millisecond || took != 100500*time.Microsecond {
			t.Errorf("first token after %v, all after %v", first, took)
		}
		if a.Input != 50 || a.Cached != 50 || a.Output != 7 || a.First != first || a.Queue+a.Prefill+a.Decode != 100500*time.Microsecond {
			t.Errorf("%+v", a)
		}
		if s.Count(c) != 50 {
			t.Errorf("count %d", s.Count(c))
		}
		c.First = nil
		status := func(ctx context.Context, c *Call) workloads.Status {
			_, err := s.Call(ctx, c)
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("error %v", err)
			}
			return failed.Status
		}
		limited, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if got := status(limited, c); got != workloads.StatusTimeout {
			t.Errorf("over its limit: %s", got)
		}
		stopped, stop := context.WithCancel(context.Background())
		stop()
		if got := status(stopped, c); got != workloads.StatusCancelled {
			t.Errorf("cancelled: %s", got)
		}
		c.Site = "far"
		if got := status(context.Background(), c); got != workloads.StatusTimeout {
			t.Errorf("at a site that fails: %s", got)
		}
		c.Site, c.Attempt = "here", 1
		if got := status(context.Background(), c); got != workloads.StatusRejected {
			t.Errorf("first attempt: %s", got)
		}
	})
}

func TestScriptProblems(t *testing.T) {
	head := "schema: tierlab-script/v1\nname: s\n"
	for _, c := range []struct{ text, want string }{
		{"", "s.yaml:1: the file is empty"},
		{"a: [", "s.yaml:1: not YAML: "},
		{"schema: tierlab-script/v2\nname: s\nturns: [{say: a}]", `s.yaml:1: schema: want tierlab-script/v1, not "tierlab-script/v2"`},
		{head + "turns: []", "turns: there are none"},
		{head, `field "turns" is missing`},
		{head + "turn: [{say: a}]", `unknown field "turn"; did you mean "turns"?`},
		{head + "turns: [{say: a}]\nname: t", `s.yaml:4: field "name" stands here twice`},
		{head + "turns: {say: a}", "s.yaml:3: turns: want a list"},
		{head + "turns:\n  - when: {step: 0}\n    say: a", "s.yaml:4: turns[0].when.step: want a whole number from 1"},
		{head + "turns:\n  - when: {step: 1}", "s.yaml:4: turns[0]: an answer has say or calls"},
		{head + "turns:\n  - calls: [{tool: '', arguments: {}}]", "turns[0].calls[0].tool: must not be empty"},
		{head + "turns:\n  - calls: [{tool: f}]", `turns[0].calls[0]: field "arguments" is missing`},
		{head + "turns:\n  - calls: [{tool: f, arguments: [1]}]", "turns[0].calls[0].arguments: want a mapping of arguments, or a text"},
		{head + "turns:\n  - calls: [{tool: f, arguments: 7}]", "turns[0].calls[0].arguments: want a mapping of arguments, or a text"},
		{head + "turns:\n  - calls: [{tool: f, arguments: {a: .inf}}]", `arguments.a: ".inf" is no JSON value`},
		{head + "turns:\n  - say: '{{ tol.value }}'", `turns[0].say: {{ tol.value }}: no reference "tol"; did you mean "tool"?`},
		{head + "turns:\n  - say: '{{ tool.value'", "{{ is not closed"},
		{head + "turns:\n  - say: '{{ tools.x }}'", "tools is followed by a number from 1"},
		{head + "turns:\n  - say: '{{ task.a }}'", "task is a text and has no parts"},
		{head + "turns:\n  - say: '{{ tool..a }}'", "a name is missing beside a dot"},
		{head + "turns:\n  - {say: a, fails: [{status: ok}]}", `turns[0].fails[0].status: want rejected, error or timeout, not "ok"`},
		{head + "turns:\n  - {say: a, prefill_ms: -1}", `turns[0].prefill_ms: want milliseconds from 0 to 3600000, not "-1"`},
		{head + "turns:\n  - &a {say: a}\n  - *a", "anchors and aliases are not part of the form"},
		{head + "turns: [{say: a}]\n---\nx: 1", "a second document begins here"},
	} {
		s, err := ParseScript("s.yaml", []byte(c.text))
		if err == nil || s != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngives %v\nwant  %s", c.text, err, c.want)
		}
	}
}

// demos are the scripts that ship with the program, by name.
func demos(t testing.TB) map[string]*Script {
	entries, err := configs.Demos.ReadDir("demos")
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	all := map[string]*Script{}
	for _, e := range entries {
		text, err := configs.Demos.ReadFile("demos/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseScript(e.Name(), text)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name+".yaml" != e.Name() || s.About == "" || s.Task == "" || len(s.Tools) == 0 {
			t.Errorf("%s: name %q, about %q, task %q, tools %q", e.Name(), s.Name, s.About, s.Task, s.Tools)
		}
		all[s.Name] = s
	}
	return all
}

// TestPrimes: the demo's answer is what its tool returned, whatever that was.
func TestPrimes(t *testing.T) {
	s := demos(t)["primes"]
	for _, c := range []struct {
		step         int
		result, want string
	}{
		{2, `{"value":76127}`, "The sieve says 76127. I check it by trial division."},
		{3, `{"value":76127}`, "The primes below 1000 add up to 76127."},
		{3, `{"value":1}`, "The primes below 1000 add up to 1."},
		{2, `{"error":"wall"}`, `The program did not come to its end: {"error":"wall"}`},
		{3, `{"error":"wall"}`, `The program did not come to its end: {"error":"wall"}`},
	} {
		a, err := s.Call(context.Background(), after(c.step, c.result))
		if err != nil || a.Message.Content != c.want {
			t.Errorf("%s: %+v, %v", c.result, a, err)
		}
	}
}

func FuzzScript(f *testing.F) {
	f.Add("turns: [{say: a}]")
	f.Add("turns:\n  - when: {step: 2, result: x}\n    say: '{{ tool.a.0 }}'\n    calls: [{tool: f, arguments: {a: ['{{ tools.1 }}', 1e3]}}]\n    fails: [{status: error}]")
	f.Fuzz(func(t *testing.T, turns string) {
		s, err := ParseScript("s.yaml", []byte("schema: tierlab-script/v1\nname: s\n"+turns))
		if err != nil {
			if s != nil {
				t.Error("a script beside an error")
			}
			return
		}
		for i := range s.turns { // the answers, not the waiting
			s.turns[i].prefill, s.turns[i].decode = 0, 0
		}
		for _, c := range []*Call{{}, after(2, `{"a":[1]}`), after(2, "x"), after(1 << 40)} {
			a, err := s.Call(context.Background(), c)
			again, other := s.Call(context.Background(), c)
			if !reflect.DeepEqual(a, again) || (err == nil) != (other == nil) {
				t.Fatalf("%+v, %v and then %+v, %v", a, err, again, other)
			}
			if err != nil {
				var failed *Error
				if !errors.As(err, &failed) {
					t.Fatalf("error %T", err)
				}
				continue
			}
			turn := s.turn(c)
			for i, call := range a.Message.Calls {
				if !turn.calls[i].text && !json.Valid([]byte(call.Arguments)) {
					t.Errorf("arguments %q", call.Arguments)
				}
			}
		}
	})
}
