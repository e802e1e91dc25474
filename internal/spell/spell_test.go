package spell

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	policies := []string{"static-central", "static-metro", "keyword", "history", "least-loaded", "p2c"}
	for name, want := range map[string]string{
		"keywrod":       "keyword",
		"static-metor":  "static-metro",
		"least_loaded":  "least-loaded",
		"STATIC-METRO":  "static-metro",
		"metro":         "static-metro",
		"static-centrl": "static-central",
		"p2":            "p2c",
		"frobnicate":    "",
		"k":             "",
		"":              "",
	} {
		if got := Nearest(name, policies); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("keywrod", []string{"keyword"}), `; did you mean "keyword"?`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Hint("zzz", []string{"a", "b"}), "; known are a, b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Hint("zzz", make([]string, few+1)); got != "" {
		t.Errorf("%q for too many names to list", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestDistanceIsSymmetricAndZeroOnlyForEquals(t *testing.T) {
	word := rapid.StringMatching(`[a-c]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := Distance(a, b)
		if d != Distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("Distance(%q, %q) = %d, the other way %d", a, b, d, Distance(b, a))
		}
	})
}
