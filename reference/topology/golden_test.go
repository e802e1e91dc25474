package topology_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tierlab/reference/topology"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// TestGoldenSummaries shows what every embedded topology comes to, so that a
// change of a catalogue shows where it lands.
func TestGoldenSummaries(t *testing.T) {
	for _, name := range embeddedNames(t) {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".golden", summary(embedded(t, name)))
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -rewrite makes it", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test -rewrite takes the new text, which is:\n%s", path, got)
	}
}

func summary(w *topology.World) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sites, %d origins, %d replicas\n", len(w.Sites), len(w.Origins), len(w.Replicas))
	for t := topology.Device; t < topology.Tiers; t++ {
		if len(w.SitesIn(t)) > 0 {
			tierSummary(&b, w, t)
		}
	}
	fmt.Fprintf(&b, "\nplatform %+v\n\nquality rho %g, predictor error %g, difficulty\n", w.Platform, w.Quality.Rho, w.Quality.PredictorError)
	for _, kind := range slices.Sorted(maps.Keys(w.Quality.Difficulty)) {
		fmt.Fprintf(&b, "  %q %+v\n", kind, w.Quality.Difficulty[kind])
	}
	fmt.Fprintf(&b, "validator %+v\n", w.Validator)
	return b.String()
}

func tierSummary(b *strings.Builder, w *topology.World, t topology.Tier) {
	near := nearestLinks(w, t)
	rtts, hops := []time.Duration{}, []int16{}
	for _, l := range near {
		rtts, hops = append(rtts, l.RTT), append(hops, l.Hops)
	}
	fmt.Fprintf(b, "\n%s: %d sites, nearest one at %v to %v and %d to %d hops; %.1f %% of users within 50 ms, %.1f %% within 100 ms\n",
		t, len(w.SitesIn(t)), slices.Min(rtts).Round(time.Microsecond), slices.Max(rtts).Round(time.Microsecond),
		slices.Min(hops), slices.Max(hops), 100*w.ShareWithin(t, 50*time.Millisecond), 100*w.ShareWithin(t, 100*time.Millisecond))
	seen := map[string]int{}
	var lines []string
	for _, s := range w.SitesIn(t) {
		for _, d := range w.Sites[s].Deployments {
			line := fmt.Sprintf("%-20s %2d replicas of %3d + %3d; prefill %6.0f tok/s, iteration %v + n x %v, %8d tokens of cache, $ %g %g %g, %.2f J/tok",
				w.Models[d.Model].Name, d.Replicas, d.Slots, d.QueueLimit, d.PrefillTokS, d.StepBase.Round(time.Microsecond),
				d.StepPerSeq.Round(time.Microsecond), d.KVTokens, d.Price.In, d.Price.Cached, d.Price.Out, d.JoulesPerTok)
			if seen[line]++; seen[line] == 1 {
				lines = append(lines, line)
			}
		}
	}
	for _, line := range lines {
		fmt.Fprintf(b, "  at %3d: %s\n", seen[line], line)
	}
}

// nearestLinks gives every origin's link to its nearest site of a tier.
func nearestLinks(w *topology.World, t topology.Tier) []*topology.Link {
	var links []*topology.Link
	for _, o := range w.Origins {
		from := w.OriginPlace(o.ID)
		links = append(links, w.Link(from, w.PlaceOf(w.NearestIn(from, t), o.ID)))
	}
	return links
}
