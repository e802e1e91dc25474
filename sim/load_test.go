package sim

import (
	"strings"
	"testing"

	"tierlab/workloads"
)

// Loads that no machine can play, or whose times no clock holds, are refused
// before anything is allocated.
func TestLoadsThatCannotBePlayed(t *testing.T) {
	for text, want := range map[string]string{
		"closed:1000000":    "",
		"closed:1000001":    "more than 1000000 sessions at once",
		"closed:4611686018": "more than 1000000 sessions at once",
		"poisson:1":         "",
		"poisson:1e9":       "would be active at once",
		"poisson:1e300":     "would be active at once",
		"poisson:1e-9":      "years",
		"gamma:1,100":       "",
		"gamma:1,100.5":     "above 100",
		"gamma:1e-5,100":    "years",
	} {
		cfg := smallPoint(t, "static-central")
		a, err := ParseArrivals(text)
		if err == nil {
			cfg.Arrivals = a
			err = cfg.CheckLoad()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// A recording without any time has sessions of length 0 by itself.
func TestLoadOfSessionsWithoutTimes(t *testing.T) {
	g, err := workloads.Compile(workloads.Session{ID: "s"},
		[]workloads.Step{{ID: "a", LLM: workloads.LLM{OutputTokens: 1, Context: workloads.Context{Add: 10}}}}, &workloads.Prefixes{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := smallPoint(t, "static-central")
	cfg.Scenario = &Scenario{Library: &workloads.Library{Sessions: []*workloads.Graph{g}}}
	cfg.Arrivals = Arrivals{Process: Poisson, Rate: 1e9}
	if err := cfg.CheckLoad(); err == nil {
		t.Error("1e9 sessions/s of a session without times: want a refusal")
	}
}

// Of recorded arrivals, the first Sessions count.
func TestRecordedArrivalsMeasureTheFirst(t *testing.T) {
	for sessions, want := range map[int]int{0: 12, 5: 5, 12: 12, 40: 12} {
		cfg := smallPoint(t, "static-central")
		cfg.Scenario.Library = smallLibrary(t, 12)
		sc, err := NewScenario(cfg.Scenario.World, cfg.Scenario.Library)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Scenario, cfg.Arrivals, cfg.Sessions, cfg.ReportAll = sc, Arrivals{Process: Recorded}, sessions, false
		if b, _ := play(t, cfg); len(b.sessions) != want {
			t.Errorf("%d sessions asked for: %d measured, want %d", sessions, len(b.sessions), want)
		}
	}
}
