package sample

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// ended is the text before the first stop string that is complete, found by
// looking at the whole.
func ended(text string, stops []string) (string, bool) {
	end, start := len(text)+1, 0
	for _, s := range stops {
		if i := strings.Index(text, s); i >= 0 && (i+len(s) < end || i+len(s) == end && i < start) {
			start, end = i, i+len(s)
		}
	}
	if end > len(text) {
		return text, false
	}
	return text[:start], true
}

func TestStopsAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]rune("abé"))
		stops := rapid.SliceOfN(rapid.StringOfN(letters, 1, 4, -1), 0, 4).Draw(t, "stops")
		text := rapid.StringOfN(letters, 0, 60, -1).Draw(t, "text")
		whole := rapid.Bool().Draw(t, "whole characters")
		s, err := NewStops(stops)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		stopped := false
		for rest := text; rest != "" && !stopped; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "part")
			for whole && n < len(rest) && !utf8.RuneStart(rest[n]) {
				n++
			}
			var emit string
			emit, stopped = s.Add(rest[:n])
			if whole && !utf8.ValidString(emit) {
				t.Fatalf("%q splits a character", emit)
			}
			got.WriteString(emit)
			rest = rest[n:]
			if shown, _ := ended(text, stops); !strings.HasPrefix(shown, got.String()) {
				t.Fatalf("showed %q of %q", got.String(), shown)
			}
		}
		got.WriteString(s.Flush())
		if want, end := ended(text, stops); got.String() != want || stopped != end {
			t.Fatalf("got %q, %v; want %q, %v", got.String(), stopped, want, end)
		}
		if emit, again := s.Add("x"); stopped && (emit != "" || !again) {
			t.Fatalf("after the end: %q, %v", emit, again)
		}
	})
}

func TestStops(t *testing.T) {
	for _, c := range []struct {
		stops, parts []string
		want         string // parts as shown, "|" between them, "." at the end
	}{
		{nil, []string{"a", "b"}, "a|b|"},
		{[]string{"\n\n"}, []string{"a\n", "b\n", "\nc"}, "a|\nb|."},
		{[]string{"abcd", "bc"}, []string{"abc", "d"}, "a."},
		{[]string{"bc", "abc"}, []string{"xab", "c"}, "x|."},
		{[]string{"aab"}, []string{"aaa", "ab"}, "a|a."},
		{[]string{"</s>"}, []string{"x <", "/s", "y"}, "x ||</sy|"},
		{[]string{"</s>"}, []string{"x </s"}, "x |</s"},
		{[]string{"é"}, []string{"caf\xc3", "\xa9"}, "caf|."},
	} {
		s, err := NewStops(c.stops)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, part := range c.parts {
			emit, stopped := s.Add(part)
			got.WriteString(emit)
			if stopped {
				got.WriteString(".")
				break
			}
			got.WriteString("|")
		}
		got.WriteString(s.Flush())
		if got.String() != c.want {
			t.Errorf("stops %q, parts %q: %q, want %q", c.stops, c.parts, got.String(), c.want)
		}
	}
	if _, err := NewStops([]string{"a", ""}); err == nil || err.(*ParamError).Param != "stop" {
		t.Errorf("an empty stop string: %v", err)
	}
}

// TestStopsLinear feeds a text that makes a naive search go back at every byte.
func TestStopsLinear(t *testing.T) {
	s, err := NewStops([]string{strings.Repeat("a", 20000) + "b"})
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for range 400 {
		emit, _ := s.Add(strings.Repeat("a", 1000))
		shown += len(emit)
	}
	if shown != 380000 || len(s.Flush()) != 20000 {
		t.Errorf("showed %d bytes", shown)
	}
}
