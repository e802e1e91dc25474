package ledger

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// calls makes Calls of lines: tool, arguments, result and progress between bars.
func calls(lines ...string) []Call {
	var list []Call
	for _, line := range lines {
		p := append(strings.Split(line, " | "), "", "", "")
		list = append(list, Call{Tool: p[0], Arguments: []byte(p[1]), Result: []byte(p[2]), Progress: p[3]})
	}
	return list
}

func times(n int, lines ...string) []string {
	var list []string
	for range n {
		list = append(list, lines...)
	}
	return list
}

func numbered(n int, format string) []string {
	var list []string
	for i := range n {
		list = append(list, strings.ReplaceAll(format, "#", fmt.Sprint(i)))
	}
	return list
}

// said is what a detector says over a run: G, W or S for each call, up to the stop.
func said(limits LoopLimits, list []Call) string {
	var l Loops
	var b strings.Builder
	for _, c := range list {
		v := l.Next(limits, c)
		b.WriteByte("GWS"[v.Action])
		if v.Action == Stop {
			break
		}
	}
	return b.String()
}

func TestLoops(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"same search again and again", times(9, `search | {"q":"x"} | []`), "GGWWS"},
		{"spelled differently each time", []string{
			`get | {"a":1,"b":[2]} | {"n":1.0}`, `get | { "b":[2.0], "a":1 } | {"n":1}`, `get | {"a":10e-1,"b":[2]} | {"n":10e-1}`,
		}, "GGW"},
		{"a failure retried without change", times(5, `run | {"code":"f("} | {"error":"syntax"}`), "GGWWS"},
		{"arguments that are no JSON", times(5, `run | {"code": | bad arguments`), "GGWWS"},
		{"two files read in turn", times(6, `read | "a" | "x"`, `read | "b" | "y"`), "GGGGGWGWGS"},
		{"edit that changes nothing, test, edit, test", times(5, `edit | "p" | "no match" | v1`, `test | {} | "1 failed" | v1`), "GGGGGWGWGS"},
		{"three calls in a ring", times(5, `a | 1 | 1`, `b | 1 | 1`, `c | 1 | 1`), "GGGGGGGGWGGWGGS"},
		{"loop after good work", append(numbered(5, `read | # | "f#"`), times(3, `search | "x" | []`)...), "GGGGGGGW"},
		{"warned, and turns away", append(times(3, `search | "x" | []`), `answer | 1 | 1`, `search | "x" | []`), "GGWGG"},

		{"a check of its own work", times(2, `test | {} | "ok"`), "GG"},
		{"counter that grows", numbered(20, `next_page | {} | {"page":#}`), strings.Repeat("G", 20)},
		{"pages by argument", numbered(20, `list | {"page":#} | []`), strings.Repeat("G", 20)},
		{"a job that gets on", numbered(20, `status | "job" | {"done":#}`), strings.Repeat("G", 20)},
		{"appends that change the state", numbered(20, `append | "line" | "ok" | v#`), strings.Repeat("G", 20)},
		{"edit and test, getting on", numbered(20, `test | {} | "failed" | v#`), strings.Repeat("G", 20)},
		{"big numbers apart in their last digit", []string{
			`get | 9007199254740992 | 0`, `get | 9007199254740993 | 0`, `get | 9007199254740994 | 0`}, "GGG"},
		{"same arguments, other tools", []string{`a | 1 | 1`, `b | 1 | 1`, `c | 1 | 1`, `d | 1 | 1`}, "GGGG"},
		{"a ring longer than the longest cycle", times(6, `a | 1 | 1`, `b | 1 | 1`, `c | 1 | 1`, `d | 1 | 1`, `e | 1 | 1`), strings.Repeat("G", 30)},
	} {
		if got := said(DefaultLoopLimits(), calls(c.lines...)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestLoopLimits(t *testing.T) {
	again := calls(times(7, `a | 1 | 1`)...)
	if got := said(LoopLimits{}, again); got != "GGGGGGG" {
		t.Errorf("zero limits: %s", got)
	}
	if got := said(LoopLimits{Stop: 2, Period: 1}, again); got != "GS" {
		t.Errorf("stop without warning: %s", got)
	}
	var l Loops
	var v Verdict
	for _, c := range calls(times(3, `a | 1 | 1`, `b | 1 | 1`)...) {
		v = l.Next(DefaultLoopLimits(), c)
	}
	if v != (Verdict{Warn, 2, 3}) || !strings.Contains(v.String(), "cycle of 2 tool calls gave the same result 3 times") {
		t.Errorf("verdict %+v: %s", v, v)
	}
}

// TestLoopsAgainstDefinition compares the detector with the definition itself, and
// carries it through JSON at every call, as a snapshot does.
func TestLoopsAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := LoopLimits{
			Warn:   rapid.IntRange(0, 4).Draw(t, "warn"),
			Stop:   rapid.IntRange(0, 6).Draw(t, "stop"),
			Period: rapid.IntRange(0, longestPeriod).Draw(t, "period"),
		}
		tools := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 60).Draw(t, "tools")
		var l Loops
		for i, tool := range tools {
			got := l.Next(limits, Call{Tool: tool})
			if want := verdict(limits, tools[:i+1]); got != want {
				t.Fatalf("after %v: %+v, want %+v", tools[:i+1], got, want)
			}
			text, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			l = Loops{}
			if err := json.Unmarshal(text, &l); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// verdict is the definition: the largest number of times that the end of the list
// is some cycle's repetition.
func verdict(limits LoopLimits, list []string) Verdict {
	best := Verdict{}
	for p := 1; p <= limits.Period; p++ {
		n := 1
		for (n+1)*p <= len(list) && reflect.DeepEqual(list[len(list)-p:], list[len(list)-(n+1)*p:len(list)-n*p]) {
			n++
		}
		// complete: the cycle did not begin in the middle of a longer run
		run := 0
		for run+p < len(list) && list[len(list)-1-run] == list[len(list)-1-run-p] {
			run++
		}
		if run%p == 0 && n > 1 && n > best.Times {
			best = Verdict{Period: p, Times: n}
		}
	}
	switch {
	case limits.Stop > 0 && best.Times >= limits.Stop:
		best.Action = Stop
	case limits.Warn > 0 && best.Times >= limits.Warn:
		best.Action = Warn
	default:
		return Verdict{}
	}
	return best
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{` { "b" : 1 , "a" : [ true , null ] } `, `{"a":[true,null],"b":1}`},
		{`{}`, `{}`}, {`[]`, `[]`}, {`[[],{}]`, `[[],{}]`},
		{`{"a":1,"a":2}`, `{"a":2}`},
		{`"\u0041\/"`, `"A/"`},
		{`-0`, `0`}, {`0.00e9`, `0`}, {`100`, `1e2`}, {`1.50`, `15e-1`}, {`-12E+1`, `-12e1`}, {`0.001`, `1e-3`},
		{`1e99999999999999999999`, `1e99999999999999999999`},
		{`123456789012345678901234567890`, `12345678901234567890123456789e1`},
	} {
		got, err := Canonical([]byte(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s became %s, %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{``, `{`, `1 2`, `{"a":}`, `nul`, `01`} {
		if got, err := Canonical([]byte(bad)); err == nil {
			t.Errorf("%q became %s", bad, got)
		}
	}
}

// FuzzCanonical: the canonical form is JSON of the same value, and canonical.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{`{"b":[1.0,"\u00e9"],"a":{"c":null}}`, `-1.25e-7`, `"<>&"`, `[[[]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		once, err := Canonical(in)
		if err != nil {
			return
		}
		if strings.ContainsAny(string(in), "eE") && len(in) > 20 {
			return // exponents of any size take big.Rat any memory
		}
		twice, err := Canonical(once)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("%s became %s, then %s, %v", in, once, twice, err)
		}
		if a, b := plain(t, in), plain(t, once); !reflect.DeepEqual(a, b) {
			t.Fatalf("%s is %v, and its canonical form %s is %v", in, a, once, b)
		}
	})
}

// plain is a JSON value with its numbers as exact fractions.
func plain(t *testing.T, text []byte) any {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = exact(v[k])
		}
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case json.Number:
		if r, ok := new(big.Rat).SetString(string(v)); ok {
			return r.RatString()
		}
	}
	return v
}
