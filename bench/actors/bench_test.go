package actors

import (
	"context"
	"os"
	"testing"

	"tierlab/reference/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Child()
	os.Exit(m.Run())
}

func options(t testing.TB, scale float64) *Options {
	return &Options{Folder: t.TempDir(), Scale: scale, Open: func(children int) (Runner, func() error, error) {
		p, err := sandbox.NewPool(sandbox.Config{Workers: children})
		if err != nil {
			return nil, nil, err
		}
		return p, p.Close, nil
	}}
}

// TestMeasure measures everything, little of it: what is checked is that the
// parts work, and that their figures are those of that many repetitions.
func TestMeasure(t *testing.T) {
	rows, err := Measure(t.Context(), *options(t, 0.005), nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.Part]++
		if r.What == "" || r.Reached == "" || (r.Bar != "") != (r.Met != nil) || len(r.Figures) == 0 {
			t.Errorf("an incomplete row: %+v", r)
		}
		for name, v := range r.Figures {
			if v < 0 {
				t.Errorf("%s: %s: %s is %v", r.Part, r.What, name, v)
			}
		}
		if r.Part == "budget" && !*r.Met {
			t.Errorf("the budget did not hold: %s", r.Reached)
		}
	}
	for _, name := range Parts() {
		if seen[name] == 0 {
			t.Errorf("nothing was measured of %q", name)
		}
	}
	if _, err := Measure(t.Context(), *options(t, 1), []string{"stepps"}); err == nil {
		t.Error("an unknown part was measured")
	}
}

func BenchmarkSteps(b *testing.B) {
	o := options(b, 0.3)
	lib, err := chain(30, 20)
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		l, err := lives(context.Background(), o, lib, false, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(l.StepsPerSecond(), "steps/s")
	}
}
