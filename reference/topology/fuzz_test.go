package topology_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"testing"

	"tierlab/reference/topology"
)

// TestEverySection reads a topology that uses the whole form, from a catalogue
// of its own.
func TestEverySection(t *testing.T) {
	w, err := topology.Load(os.DirFS("testdata/catalogue"), "base")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "base.golden", summary(w))
	demandSound(t, w)
	hub := w.Sites[w.SiteByName("hub")]
	if !hub.Stores || hub.Region != "us" || hub.EgressUSDPerGB != 0.1 || hub.Deployments[0].ColdStart.Seconds() != 20 || hub.Deployments[0].WarmFor.Seconds() != 300 {
		t.Errorf("hub %+v", hub)
	}
	metro := w.Sites[w.SiteByName("metro-paris")]
	if metro.Cache.Share["classify"] != 0.1 || metro.Cache.Latency != ms || metro.Region != "eu" {
		t.Errorf("metro %+v", metro)
	}
	// Suva by name, the two largest, and the one that is left.
	if len(w.Origins) != 4 || w.Origins[0].Name != "suva" || w.Origins[3].Name != "berlin" {
		t.Errorf("origins %+v", w.Origins)
	}
	if w.About != "every section of the form" {
		t.Errorf("about %q", w.About)
	}
}

// FuzzParse feeds the parser what it likes: it answers with a World that keeps
// its promises, or with problems that have a place.
func FuzzParse(f *testing.F) {
	catalogue := os.DirFS("testdata/catalogue")
	base, err := fs.ReadFile(catalogue, "topologies/base.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(base)
	f.Add([]byte("schema: tierlab-topology/v1\nname: x\nextends: base\nrtt_model: geographic\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("sites: {? [x] : 1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := topology.Parse(catalogue, "fuzz.yaml", data)
		if err == nil {
			demandSound(t, w)
			return
		}
		var p *topology.Problem
		if !errors.As(err, &p) || p.File == "" || p.Line < 1 || p.Text == "" {
			t.Fatalf("error without a place: %v", err)
		}
	})
}

// demandSound checks what every World promises.
func demandSound(t *testing.T, w *topology.World) {
	t.Helper()
	weight := 0.0
	for _, o := range w.Origins {
		weight += o.Weight
	}
	if math.Abs(weight-1) > 1e-9 || len(w.Digest) != 64 {
		t.Fatalf("origins weigh %g, digest %q", weight, w.Digest)
	}
	homes := 0
	for _, s := range w.Sites {
		if s.Home {
			homes++
		}
		for _, d := range s.Deployments {
			if !(d.PrefillTokS > 0) || d.StepBase < 0 || d.StepPerSeq < 0 || d.KVTokens < 1 || d.Slots < 1 || d.Price.In < 0 {
				t.Fatalf("%s: %+v", s.Name, d)
			}
		}
		for _, o := range w.Origins {
			l := w.Link(w.OriginPlace(o.ID), w.PlaceOf(s.ID, o.ID))
			if l.RTT < 0 || l.JitterMedian < 0 || l.Loss < 0 || l.Loss > 1 || l.Hops < 0 || !(l.GBPerS >= 0) {
				t.Fatalf("link from %s to %s: %+v", o.Name, s.Name, l)
			}
			if at := w.StateFor(s.ID, o.ID); at == w.DeviceSite && at != topology.None {
				t.Fatalf("state of %s is on a device", s.Name)
			}
		}
	}
	if homes == 0 {
		t.Fatal("no home")
	}
}
