package router

import (
	"strings"
	"testing"
)

func TestCatalogueIsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Catalogue() {
		if seen[e.Name] || e.Doc == "" || strings.ContainsAny(e.Name, ":,= ") {
			t.Errorf("entry %q: needs a new name without separators, and a line of text", e.Name)
		}
		seen[e.Name] = true
		for _, p := range e.Params {
			if _, err := p.parse(p.Default); err != nil || p.Doc == "" {
				t.Errorf("%s: parameter %s: default %q: %v", e.Name, p.Name, p.Default, err)
			}
		}
		spec, err := Parse(e.Name)
		if err != nil || spec.String() != e.Name || spec.New().Name() != e.Name {
			t.Errorf("%s: parsed as %v (%v)", e.Name, spec, err)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		" cascade ":                     "cascade",
		"trajectory:k=8":                "trajectory", // the default
		"trajectory:first=0,k=09":       "trajectory:k=9,first=0",
		"threshold:tau=-3e-1":           "threshold:tau=-0.3",
		"latency-budget:default=1500ms": "latency-budget:default=1.5s",
		"latency-budget:default=5000ms": "latency-budget",
		"p2c:tier=metro":                "p2c:tier=metro",
		"cost-cap:usd=none":             "cost-cap:usd=none",
	} {
		s, err := Parse(text)
		if err != nil || s.String() != want {
			t.Errorf("Parse(%q) = %v, %v; want %s", text, s, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "known are static-device",
		"casacde":                   `did you mean "cascade"?`,
		"static-centre":             `did you mean "static-central"?`,
		"something-else-entirely":   "known are",
		"cascade:k=1":               `"k" is no parameter of cascade, which takes first`,
		"keyword:k=1":               "which takes none",
		"trajectory:k":              `"k" is no parameter; write param=value`,
		"trajectory:k=-1":           `k="-1" is no whole number`,
		"trajectory:k=1,k=1":        `parameter "k" is given twice`,
		"trajectory:":               `"" is no parameter`,
		"threshold:tau=much":        `tau="much" is no number`,
		"threshold:tau=none":        `tau="none" is no number`,
		"threshold:tau=NaN":         `tau="NaN" is no number`,
		"latency-budget:default=-1": "is no duration such as 800ms",
		"p2c:tier=edge":             `tier="edge" is no tier: device, metro, regional, central or any`,
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): error %v, want one with %q", text, err, want)
		}
	}
}

func TestParseList(t *testing.T) {
	specs, err := ParseList("cascade, trajectory:k=4,first=0,static-metro,p2c:tier=metro,near=3")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range specs {
		got = append(got, s.String())
	}
	if text := strings.Join(got, " "); text != "cascade trajectory:k=4,first=0 static-metro p2c:tier=metro,near=3" {
		t.Errorf("got %s", text)
	}
	for text, want := range map[string]string{
		"cascade,cascade:first=1": `policy "cascade" is listed twice`,
		"cascade,,p2c":            "unknown",
		"first=0":                 "unknown",
	} {
		if _, err := ParseList(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseList(%q): error %v, want one with %q", text, err, want)
		}
	}
}

// FuzzParse: what parses prints as something that parses to the same.
func FuzzParse(f *testing.F) {
	for _, e := range Catalogue() {
		f.Add(e.Name + ":tier=metro,near=3,first=0,tau=0.5")
	}
	f.Add("latency-budget:default=1h0.5s")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q prints as %q, which parses to %v, %v", text, s, again, err)
		}
		s.New()
	})
}
